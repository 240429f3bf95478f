"""The layers inside of what Keras makes of layers: models, wrappers, files, training, export."""

import itertools
import os
import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest

from keras_seq import layers

to_numpy = keras.ops.convert_to_numpy
BACKEND = keras.config.backend()
INPUTS = np.random.default_rng(0).normal(size=(5, 6, 4)).astype("float32")
# Every public layer, on sequences of width 4 and with an output of that shape.
MAKE = {
    "LSTM": lambda **kwargs: layers.LSTM(4, return_sequences=True, **kwargs),
    "GRU": lambda **kwargs: layers.GRU(4, return_sequences=True, **kwargs),
    "PeepholeLSTM": lambda **kwargs: layers.PeepholeLSTM(4, return_sequences=True, **kwargs),
    "Bidirectional": lambda **kwargs: layers.Bidirectional(
        layers.GRU(2, return_sequences=True), **kwargs
    ),
    "Attention": lambda **kwargs: layers.Attention("additive", **kwargs),
    "MultiHeadAttention": lambda **kwargs: layers.MultiHeadAttention(
        2, 2, use_gate=True, qk_norm=True, position="rotary", **kwargs
    ),
    "MultiHeadSelfAttention": lambda **kwargs: layers.MultiHeadSelfAttention(2, 2, **kwargs),
    "TransformerBlock": lambda **kwargs: layers.TransformerBlock(6, 2, **kwargs),
    "TransformerDecoderBlock": lambda **kwargs: layers.TransformerDecoderBlock(6, 2, **kwargs),
    "SinusoidalPositionEncoding": lambda **kwargs: layers.SinusoidalPositionEncoding(**kwargs),
    "PositionEmbedding": lambda **kwargs: layers.PositionEmbedding(9, **kwargs),
    "RotaryEmbedding": lambda **kwargs: layers.RotaryEmbedding(**kwargs),
}
DROPS = [name for name in MAKE if "Position" not in name and name != "RotaryEmbedding"]
WEIGHTS = [name for name in MAKE if name not in ("SinusoidalPositionEncoding", "RotaryEmbedding")]
every_layer = pytest.mark.parametrize("name", MAKE)


def arguments_of(layer, x):
    """Return the positional arguments of a call on one tensor."""
    if isinstance(layer, layers.MultiHeadAttention):
        return x, x
    return ([x, x],) if isinstance(layer, layers.Attention) else (x,)


class Sequences(keras.layers.Layer):
    """Any of the layers as a part of another, called on one tensor."""

    def __init__(self, part, **kwargs):
        super().__init__(**kwargs)
        self.part = part

    def build(self, shape):
        self.part.build(*arguments_of(self.part, shape))

    def call(self, x):
        return self.part(*arguments_of(self.part, x))

    def compute_output_shape(self, shape):
        return shape


def model_of(*parts, length=None):
    inputs = x = keras.Input((length, 4))
    for part in parts:
        x = part(*arguments_of(part, x))
    return keras.Model(inputs, x)


def model_of_all():
    return model_of(*(make() for make in MAKE.values()))


def with_dropout(name, rate, seed=None):
    if name == "Bidirectional":
        return layers.Bidirectional(layers.GRU(2, dropout=rate, seed=seed, return_sequences=True))
    return MAKE[name](dropout=rate, seed=seed)


def randomize(layer):
    """Give all weights values of their own, so that none of them hides by being zero."""
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])


def test_every_public_layer_is_here():
    cells = {"LSTMCell", "GRUCell", "PeepholeLSTMCell"}
    # What these read and give is no sequence of vectors.
    others = {"MaskedLMHead", "AttentionRNN"}
    assert {*MAKE, *cells, *others} == set(layers.__all__)


@every_layer
def test_clone_of_a_model(name):
    model = model_of(MAKE[name]())
    randomize(model)

    clone = keras.models.clone_model(model)

    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(to_numpy(clone(INPUTS)), to_numpy(model(INPUTS)))
    assert not {id(weight) for weight in clone.weights} & {id(weight) for weight in model.weights}


@every_layer
def test_layer_that_a_model_calls_twice(name):
    layer = MAKE[name]()
    first, second = keras.Input((6, 4)), keras.Input((3, 4))
    outputs = [layer(*arguments_of(layer, x)) for x in (first, second)]
    model = keras.Model([first, second], outputs)
    randomize(model)

    found = model([INPUTS, INPUTS[:, 3:]])

    assert len(model.weights) == len(layer.weights)
    for output, x in zip(found, (INPUTS, INPUTS[:, 3:]), strict=True):
        expected = layer(*arguments_of(layer, x))
        np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-6)


@every_layer
def test_part_of_another_layer_has_its_weights_in_the_file(name, tmp_path):
    models = [keras.Sequential([keras.Input((6, 4)), Sequences(MAKE[name]())]) for _ in range(2)]
    randomize(models[0])
    models[0].save_weights(tmp_path / "model.weights.h5")

    models[1].load_weights(tmp_path / "model.weights.h5")

    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(*(to_numpy(model(INPUTS)) for model in models))


@every_layer
def test_every_step_of_a_longer_axis(name):
    layer = Sequences(MAKE[name]())
    inputs = np.stack([INPUTS, -INPUTS], axis=1)

    output = to_numpy(keras.layers.TimeDistributed(layer)(inputs))

    for step in range(2):
        expected = to_numpy(layer(inputs[:, step]))
        np.testing.assert_allclose(output[:, step], expected, atol=1e-5)


@pytest.mark.parametrize("name", DROPS)
def test_stateless_call(name):
    layer = with_dropout(name, 0.5, seed=1)
    x = keras.ops.convert_to_tensor(INPUTS)
    layer(*arguments_of(layer, x))
    before = [to_numpy(variable) for variable in layer.variables]

    output, state = layer.stateless_call(
        layer.trainable_variables,
        layer.non_trainable_variables,
        *arguments_of(layer, x),
        training=True,
    )

    for variable, value in zip(layer.variables, before, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), value)
    expected = layer(*arguments_of(layer, x), training=True)
    np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-6)
    for variable, value in zip(layer.non_trainable_variables, state, strict=True):
        np.testing.assert_array_equal(to_numpy(variable), to_numpy(value))


def test_stateless_call_returns_the_state_of_a_stateful_layer():
    layer = layers.GRU(4, stateful=True)
    x = keras.ops.convert_to_tensor(INPUTS)
    layer.build(INPUTS.shape)

    output, (state,) = layer.stateless_call(
        layer.trainable_variables, layer.non_trainable_variables, x
    )

    np.testing.assert_array_equal(to_numpy(state), to_numpy(output))
    assert (to_numpy(layer.states[0]) == 0).all()


@pytest.mark.parametrize("name", WEIGHTS)
def test_training_is_reproducible_and_reaches_every_weight(name):
    weights = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        # Positions have no dropout of their own.
        part = with_dropout(name, 0.1) if name in DROPS else MAKE[name]()
        model = model_of(part, keras.layers.Dropout(0.1))
        model.compile(keras.optimizers.SGD(1.0), "mse", run_eagerly=True)
        start = model.get_weights()
        for _ in range(2):
            model.train_on_batch(INPUTS, INPUTS[..., ::-1])
        weights.append(model.get_weights())

    for first, second, before, weight in zip(*weights, start, model.weights, strict=True):
        np.testing.assert_array_equal(first, second)
        assert (first != before).any(), weight.path


@every_layer
def test_last_batch_may_be_smaller(name):
    model = model_of(MAKE[name](), length=6)

    batches = model.predict(INPUTS, batch_size=2, verbose=0)

    np.testing.assert_allclose(batches, to_numpy(model(INPUTS)), atol=1e-5)


@every_layer
def test_frozen_before_or_after_and_when_loaded(name, tmp_path):
    later, before = MAKE[name](), MAKE[name]()
    before.trainable = False
    model = model_of(later)
    count = len(model.trainable_variables)
    later.trainable = False
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")

    assert count == len(model.weights)
    for frozen in (model, loaded, model_of(before), model_of(MAKE[name](trainable=False))):
        assert not frozen.trainable_variables
        assert len(frozen.non_trainable_weights) == count
        frozen.layers[-1].trainable = True
        assert len(frozen.trainable_variables) == count


def draws_apart(layer):
    """Return whether no two random weights of the same shape are equal."""
    values = [to_numpy(weight) for weight in layer.weights if np.ptp(to_numpy(weight)) > 0]
    pairs = itertools.combinations(values, 2)
    return len(values) > 1 and not any(np.array_equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("seed", [None, 0])
@pytest.mark.parametrize(
    "name", ["Attention", "MultiHeadAttention", "TransformerBlock", "TransformerDecoderBlock"]
)
def test_weights_of_one_initializer_start_apart(name, seed):
    initializer = keras.initializers.RandomNormal(seed=seed)
    made = [
        MAKE[name](kernel_initializer=initializer, bias_initializer=initializer) for _ in range(2)
    ]

    for layer in made:
        layer.build(*arguments_of(layer, INPUTS.shape))

    assert all(draws_apart(layer) for layer in made)
    same = [
        np.array_equal(a, b) for a, b in zip(*(layer.get_weights() for layer in made), strict=True)
    ]
    drawn = [np.ptp(weight) > 0 for weight in made[0].get_weights()]
    assert [a for a, b in zip(same, drawn, strict=True) if b] == [seed is not None] * sum(drawn)


@pytest.mark.parametrize("seed", [None, 0])
def test_directions_start_and_drop_apart(seed):
    initializer = keras.initializers.RandomNormal(seed=seed)
    layer = layers.Bidirectional(
        layers.GRU(4, kernel_initializer=initializer, dropout=0.5, seed=seed), merge_mode=None
    )
    layer.build(INPUTS.shape)
    forward, backward = layer.forward_layer.cell, layer.backward_layer.cell

    masks = [cell.dropout_masks(np.ones((64, 6, 4)), True)[0] for cell in (forward, backward)]

    assert (to_numpy(forward.kernel) != to_numpy(backward.kernel)).any()
    assert (to_numpy(masks[0]) != to_numpy(masks[1])).any()
    again = layers.Bidirectional.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


@pytest.mark.slow
@pytest.mark.skipif(BACKEND != "tensorflow", reason="a data set and an export of TensorFlow")
def test_data_set_and_saved_model_of_tensorflow(tmp_path):
    import tensorflow as tf

    model = model_of_all()
    model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensor_slices((INPUTS, INPUTS)).batch(2)
    model.fit(data, verbose=0)
    model.export(tmp_path / "model", verbose=False)

    served = tf.saved_model.load(tmp_path / "model")

    # Another batch and another length than the model was trained on.
    for x in (INPUTS, INPUTS[:3, :2], INPUTS[:1, :1]):
        np.testing.assert_allclose(served.serve(x), model(x), atol=1e-4)


def run_python(code, **environment):
    """Return what code prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_file_opens_in_a_process_that_imports_the_package_alone(tmp_path):
    model = model_of_all()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "inputs.npy", INPUTS)

    run_python(
        f"""
        import keras, numpy, keras_seq
        model = keras.saving.load_model({str(tmp_path / "model.keras")!r})
        inputs = numpy.load({str(tmp_path / "inputs.npy")!r})
        numpy.save({str(tmp_path / "outputs.npy")!r}, model.predict(inputs, verbose=0))
        """
    )

    outputs = np.load(tmp_path / "outputs.npy")
    np.testing.assert_allclose(outputs, model.predict(INPUTS, verbose=0), atol=1e-5)


@pytest.mark.skipif(BACKEND != "jax", reason="Keras lays out variables on JAX")
def test_layout_over_two_devices(tmp_path):
    model = model_of_all()
    weights = tmp_path / "all.weights.h5"
    model.save_weights(weights)
    np.save(tmp_path / "inputs.npy", INPUTS[:4])
    code = f"""
        import sys
        sys.path.insert(0, {str(__file__.rpartition("/")[0])!r})
        import keras, numpy
        from keras import distribution
        from test_keras_integration import model_of_all
        devices = distribution.list_devices()
        layout = distribution.LayoutMap(
            distribution.DeviceMesh((1, 2), ("batch", "model"), devices)
        )
        layout[".*(lstm|gru)_cell/(recurrent_)?kernel"] = (None, "model")
        layout[".*/(query|key|value)/kernel"] = (None, "model", None)
        layout[".*/query_kernel"] = (None, "model")
        layout[".*feedforward_intermediate_dense/kernel"] = (None, "model")
        layout["position_embedding/embeddings"] = (None, "model")
        inputs = numpy.load({str(tmp_path / "inputs.npy")!r})
        outputs = []
        for way in (
            distribution.ModelParallel(layout_map=layout, batch_dim_name="batch"),
            distribution.DataParallel(devices=devices),
        ):
            keras.backend.clear_session()
            distribution.set_distribution(way)
            model = model_of_all()
            model.load_weights({str(weights)!r})
            for weight in model.weights:
                if "model" in weight.value.sharding.spec:
                    print(weight.path)
            outputs.append(model.predict(inputs, batch_size=4, verbose=0))
            model.compile("sgd", "mse")
            model.fit(inputs, inputs, batch_size=4, verbose=0)
        numpy.save({str(tmp_path / "outputs.npy")!r}, outputs)
    """

    split = run_python(code, XLA_FLAGS="--xla_force_host_platform_device_count=2").split()

    kernels = {path.split("/")[0] for path in split}
    assert len(kernels) == len(WEIGHTS)
    # The kernels of five cells; those of queries, keys and values in four layers; and one each of
    # `Attention`, of the hidden layers of both blocks and of the positions.
    assert len(split) == 2 * 5 + 3 * 4 + 1 + 2 + 1
    expected = model.predict(INPUTS[:4], batch_size=4, verbose=0)
    for output in np.load(tmp_path / "outputs.npy"):
        np.testing.assert_allclose(output, expected, atol=1e-5)
