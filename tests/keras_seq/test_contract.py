"""What every public layer must do, whatever it computes."""

import doctest
import inspect
import json

import keras
import numpy as np
import pytest
from keras.src.testing import TestCase

import keras_seq
from keras_seq import layers, models, ops

to_numpy = keras.ops.convert_to_numpy

RECURRENT = {
    "units": 3,
    "activation": "relu",
    "recurrent_activation": "hard_sigmoid",
    "use_bias": True,
    "kernel_initializer": "he_normal",
    "recurrent_initializer": "he_normal",
    "bias_initializer": "ones",
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l1",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "max_norm",
    "bias_constraint": "max_norm",
    "dropout": 0.1,
    "recurrent_dropout": 0.2,
    "seed": 7,
    "return_sequences": True,
    "return_state": False,
    "go_backwards": True,
    "stateful": False,
    "unroll": True,
    "use_cudnn": False,
    "implementation": "reference",
    "zero_output_for_mask": True,
}
BLOCK = {
    "intermediate_dim": 6,
    "num_heads": 2,
    "dropout": 0.1,
    "activation": "gelu",
    "layer_norm_epsilon": 1e-3,
    "kernel_initializer": "he_normal",
    "bias_initializer": "ones",
    "normalize_first": True,
    "seed": 7,
    "normalization": "rms",
    "gated_feedforward": True,
    "attention_dropout": 0.2,
    "feedforward_dropout": 0.3,
    "num_key_value_heads": 1,
    "qk_norm": True,
    "position": "rotary",
    "rope_max_wavelength": 100,
    "rope_scaling_factor": 2.0,
    "sliding_window": 2,
    "use_bias": False,
    "kernel_regularizer": "l2",
    "bias_regularizer": "l2",
}
# One entry per public layer, for the harness and the round trips: arguments that differ from
# their defaults, but where the harness needs a single output and a bias.
CASES = {
    "LSTM": {**RECURRENT, "unit_forget_bias": False},
    "GRU": {**RECURRENT, "reset_after": False},
    "PeepholeLSTM": {
        **RECURRENT,
        "unit_forget_bias": False,
        "peephole_initializer": "ones",
        "peephole_regularizer": "l2",
        "peephole_constraint": "max_norm",
        "output_activation": "linear",
    },
    "Bidirectional": {
        "layer": layers.PeepholeLSTM(3, return_sequences=True),
        "merge_mode": "sum",
    },
    "MultiHeadSelfAttention": {
        "num_heads": 2,
        "key_dim": 3,
        "value_dim": 2,
        "dropout": 0.1,
        "use_bias": False,
        "output_shape": 5,
        "sliding_window": 2,
        "kernel_initializer": "he_normal",
        "kernel_regularizer": "l2",
        "activity_regularizer": "l2",
        "kernel_constraint": "max_norm",
        "use_gate": True,
        "seed": 7,
        "num_key_value_heads": 1,
        "qk_norm": True,
        "position": "alibi",
        "rope_max_wavelength": 100,
        "rope_scaling_factor": 2.0,
    },
    "TransformerBlock": {**BLOCK, "use_causal_mask": True},
    "TransformerDecoderBlock": BLOCK,
    "SinusoidalPositionEncoding": {"max_wavelength": 100},
    "PositionEmbedding": {"sequence_length": 6, "initializer": "ones"},
    "RotaryEmbedding": {"max_wavelength": 100, "scaling_factor": 2.5},
}
TWO_INPUTS = {
    "MultiHeadAttention": {**CASES["MultiHeadSelfAttention"], "attention_axes": 1},
    "Attention": {
        "score": "additive",
        "units": 3,
        "use_bias": True,
        "normalizer": "sparsemax",
        "dropout": 0.1,
        "seed": 7,
        "use_scale": True,
    },
    "MaskedLMHead": {
        "vocabulary_size": 5,
        "token_embedding": keras.layers.ReversibleEmbedding(5, 4),
        "intermediate_activation": "gelu",
        "activation": "softmax",
        "layer_norm_epsilon": 1e-3,
        "kernel_initializer": "he_normal",
        "bias_initializer": "ones",
    },
    "AttentionRNN": {
        "cell": layers.LSTMCell(3),
        "attention": layers.Attention("general"),
        "placement": "luong",
        "input_feeding": False,
        "attention_units": 5,
        "return_sequences": False,
        "return_state": True,
        "kernel_initializer": "he_normal",
        "kernel_regularizer": "l2",
        "kernel_constraint": "max_norm",
    },
}
LORA = {"lora_rank": 2, "lora_alpha": 3}
# Integers that the cases above have no place for.
MORE_INTEGERS = {
    "LSTM": LORA,
    "GRU": LORA,
    "PeepholeLSTM": LORA,
    "Attention": {"max_source_length": 4, "filters": 2, "kernel_size": 3},
    "RotaryEmbedding": {"sequence_axis": 1, "feature_axis": -1},
}
CELLS = ["LSTMCell", "PeepholeLSTMCell", "GRUCell"]
# Keras promotes to float64 on TensorFlow only.
DTYPES = ["mixed_float16", "mixed_bfloat16"]
DTYPES += ["float64"] if keras.config.backend() == "tensorflow" else []

harness = TestCase()


# Models, with all integers of one kind.
MODELS = {
    "BertEncoder": lambda integer: models.BertEncoder(
        integer(9),
        integer(1),
        integer(2),
        integer(4),
        integer(4),
        seed=integer(1),
        name="same",
        max_sequence_length=integer(5),
        num_segments=integer(2),
        token_embedding=None,
    ),
    "Seq2Seq": lambda integer: models.Seq2Seq(
        layers.GRU(3, return_state=True, name="encoder"),
        layers.GRU(3, return_sequences=True, name="decoder"),
        integer(9),
        integer(8),
        integer(4),
        integer(1),
        integer(2),
        0.5,
        integer(7),
        name="same",
    ),
}


def test_every_public_layer_has_a_case():
    assert set(layers.__all__) == {*CASES, *TWO_INPUTS, *CELLS}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("defaults", [True, False], ids=["defaults", "all"])
def test_harness_of_keras(name, defaults):
    cls = getattr(layers, name)
    required = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is parameter.empty and parameter.name in CASES[name]
    ]
    arguments = {key: CASES[name][key] for key in required} if defaults else CASES[name]
    layer = cls(**arguments)

    harness.run_layer_test(
        cls,
        init_kwargs=arguments,
        input_shape=(2, 4, 4),
        expected_output_shape=layer.compute_output_shape((2, 4, 4)),
        supports_masking=True,
    )


@pytest.mark.parametrize("name", CASES)
def test_harness_of_keras_in_training(name):
    layer = getattr(layers, name)(**CASES[name])
    takes_training = "training" in inspect.signature(layer.call).parameters

    harness.run_layer_test(
        type(layer),
        init_kwargs=CASES[name],
        input_shape=(2, 4, 4),
        call_kwargs={"training": True} if takes_training else None,
        expected_output_shape=layer.compute_output_shape((2, 4, 4)),
        supports_masking=True,
    )


@pytest.mark.parametrize("name", [*CASES, *TWO_INPUTS])
def test_every_argument_is_in_the_configuration(name):
    cls = getattr(layers, name)
    arguments = {**CASES, **TWO_INPUTS}[name]

    config = cls(**arguments).get_config()

    known = {
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    }
    known -= {"weights"} if name == "Bidirectional" else set()
    assert known | set(arguments) <= set(config)
    plain = {key: value for key, value in arguments.items() if isinstance(value, (int, float))}
    plain.pop("output_shape", None)
    plain.pop("attention_axes", None)
    assert {key: config[key] for key in plain} == plain


@pytest.mark.parametrize("name", [n for n in [*CASES, *TWO_INPUTS, *CELLS] if n != "Bidirectional"])
def test_integers_of_numpy_are_stored_as_those_of_python(name):
    cls = getattr(layers, name)
    arguments = {**CASES, **TWO_INPUTS}[name.removesuffix("Cell")]
    if name.endswith("Cell"):
        known = inspect.signature(cls).parameters
        arguments = {key: value for key, value in arguments.items() if key in known}
    arguments = {**arguments, **MORE_INTEGERS.get(name.removesuffix("Cell"), {}), "name": "same"}
    of_numpy = {
        key: np.int64(value) if type(value) is int else value for key, value in arguments.items()
    }
    assert any(isinstance(value, np.int64) for value in of_numpy.values())

    config = json.dumps(cls(**of_numpy).get_config())

    assert config == json.dumps(cls(**arguments).get_config())


@pytest.mark.parametrize("name", MODELS)
def test_models_take_integers_of_numpy(name):
    made = [MODELS[name](integer) for integer in (int, np.int64)]

    configurations = [json.dumps(model.get_config()) for model in made]

    assert configurations[0] == configurations[1]


@pytest.mark.parametrize("name", ["LSTM", "GRU", "PeepholeLSTM", *CELLS])
def test_every_argument_of_a_recurrent_layer_survives_a_file(name, tmp_path):
    cls = getattr(layers, name)
    parameters = inspect.signature(cls).parameters
    others = {"use_bias": False, "use_peephole": False, "return_state": True, "stateful": True}
    arguments = {**CASES[name.removesuffix("Cell")], **others}
    known = set(parameters) if name.endswith("Cell") else {*parameters, "zero_output_for_mask"}
    arguments = {key: value for key, value in arguments.items() if key in known}
    assert known - {"kwargs"} == set(arguments)
    assert all(
        parameters[key].default != value for key, value in arguments.items() if key in parameters
    )
    layer = cls(**arguments)
    inputs = keras.Input(batch_shape=(2, 4, 4))
    outputs = (keras.layers.RNN(layer) if name.endswith("Cell") else layer)(inputs)
    model = keras.Model(inputs, outputs)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras").layers[-1]

    loaded = loaded.cell if name.endswith("Cell") else loaded
    assert loaded.get_config() == layer.get_config()
    for key, value in arguments.items():
        if isinstance(value, (bool, int, float)):
            assert getattr(loaded, key) == value


@pytest.mark.parametrize("name", CASES)
def test_saved_model_gives_the_same_output(name, tmp_path):
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            keras.layers.Embedding(5, 4, mask_zero=True),
            getattr(layers, name)(**CASES[name]),
        ]
    )
    tokens = np.array([[1, 2, 3, 0], [4, 0, 0, 0]])
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras")

    np.testing.assert_array_equal(to_numpy(model(tokens)), to_numpy(loaded(tokens)))
    assert type(loaded.layers[-1]) is type(model.layers[-1])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("length", [None, 4])
def test_symbolic_shape_is_the_shape_of_the_output(name, length):
    layer = getattr(layers, name)(**CASES[name])
    if length is None and getattr(layer, "unroll", False):
        layer.unroll = False
    symbolic = layer(keras.Input((length, 4)))

    output = layer(np.ones((2, 4, 4), "float32"))

    assert symbolic.shape == (None, length, *output.shape[2:])
    assert keras.backend.standardize_dtype(output.dtype) == symbolic.dtype


@pytest.mark.parametrize("name", CASES)
def test_specification_needs_no_weights(name):
    inputs = keras.KerasTensor((None, 4, 4))

    specified = getattr(layers, name)(**CASES[name]).compute_output_spec(inputs)

    layer = getattr(layers, name)(**CASES[name])
    built = layer(inputs)
    assert specified.shape == built.shape == layer.compute_output_shape(inputs.shape)
    assert specified.dtype == built.dtype


@pytest.mark.parametrize("name", CASES)
def test_no_steps_at_all(name):
    layer = getattr(layers, name)(**CASES[name])
    layer.build((2, 4, 4))

    output = layer(np.ones((2, 0, 4), "float32"))

    assert tuple(output.shape) == (2, 0, *layer.compute_output_shape((2, 0, 4))[2:])


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_dtypes(name, dtype):
    arguments = CASES[name]
    if name == "Bidirectional":
        arguments = {"layer": layers.LSTM(3, return_sequences=True, dtype=dtype)}
    layer = getattr(layers, name)(**arguments, dtype=dtype)

    output = layer(np.ones((2, 4, 4), "float32"))

    assert keras.backend.standardize_dtype(output.dtype) == layer.compute_dtype
    assert np.isfinite(to_numpy(keras.ops.cast(output, "float32"))).all()


@pytest.mark.parametrize("name", CASES)
def test_mask_goes_on(name):
    layer = getattr(layers, name)(**CASES[name])
    embedding = keras.layers.Embedding(5, 4, mask_zero=True)
    tokens = keras.Input((4,), dtype="int32")
    last = keras.layers.LSTM(2)

    model = keras.Model(tokens, last(layer(embedding(tokens))))

    # Steps after the end of a sequence change nothing, in any layer of the model.
    long = model(np.array([[1, 2, 0, 0]]))
    other = embedding.get_weights()[0]
    other[0] = 9.0
    embedding.set_weights([other])
    np.testing.assert_allclose(to_numpy(long), to_numpy(model(np.array([[1, 2, 0, 0]]))), atol=1e-6)


@pytest.mark.parametrize(
    "public",
    [getattr(package, name) for package in (layers, models, ops) for name in package.__all__],
    ids=lambda public: public.__name__,
)
def test_example_in_the_docstring(public):
    tests = doctest.DocTestFinder(recurse=False).find(public, public.__name__, globs={})
    assert sum(bool(test.examples) for test in tests) == 1
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    assert runner.summarize().failed == 0


@pytest.mark.parametrize("name", layers.__all__)
def test_docstring_says_what_a_user_needs(name):
    doc = getattr(layers, name).__doc__

    for heading in ("Args:", "Call arguments:", "Returns:", "Raises:", "Example:"):
        assert heading in doc
    assert name.endswith("Cell") or "Masks:" in doc
    assert name.endswith("Cell") or "Reference" in doc


def test_version():
    assert keras_seq.__version__
