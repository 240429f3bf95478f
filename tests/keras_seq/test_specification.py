"""What every layer promises before it runs is what comes out: shapes, dtypes, masks, losses."""

import inspect
import itertools

import keras
import numpy as np
import pytest
from test_keras_integration import MAKE, arguments_of, model_of

from keras_seq import layers
from keras_seq.layers.recurrent_cell import RecurrentCell

to_numpy = keras.ops.convert_to_numpy
INPUTS = np.random.default_rng(0).normal(size=(2, 4, 4)).astype("float32")
POLICIES = ["float32", "mixed_float16", "mixed_bfloat16"]
RECURRENT = ["LSTM", "PeepholeLSTM", "GRU"]
ATTENTION = [name for name in MAKE if "Attention" in name or "Block" in name]
MASKS = {"query_mask", "value_mask", "key_mask", "padding_mask", "decoder_padding_mask"}
every_layer = pytest.mark.parametrize("name", MAKE)


def promise(output):
    """Return the shapes and dtypes of all tensors of an output."""
    dtype = keras.backend.standardize_dtype
    return [(tuple(x.shape), dtype(x.dtype)) for x in keras.tree.flatten(output)]


def compare(layer, inputs=INPUTS, **kwargs):
    symbolic = keras.Input(batch_shape=inputs.shape, dtype=str(inputs.dtype))
    promised = promise(layer(*arguments_of(layer, symbolic), **kwargs))

    found = promise(layer(*arguments_of(layer, inputs), **kwargs))

    assert found == promised
    assert {dtype for _, dtype in found} == {layer.compute_dtype}
    assert {weight.dtype for weight in layer.weights} <= {"float32"}


@pytest.mark.parametrize("dtype", POLICIES)
@pytest.mark.parametrize("flags", [*itertools.product([False, True], repeat=4)], ids=str)
@pytest.mark.parametrize("name", RECURRENT)
def test_all_flags_of_recurrent_layers(name, flags, dtype):
    names = ("return_sequences", "return_state", "stateful", "go_backwards")

    compare(getattr(layers, name)(3, dtype=dtype, **dict(zip(names, flags, strict=True))))


@pytest.mark.parametrize("dtype", POLICIES)
@pytest.mark.parametrize("merge_mode", ["concat", "sum", "mul", "ave", None])
@pytest.mark.parametrize("flags", [*itertools.product([False, True], repeat=3)], ids=str)
@pytest.mark.parametrize("source", [layers, keras.layers], ids=["ours", "keras"])
def test_all_flags_of_both_directions(source, flags, merge_mode, dtype):
    names = ("return_sequences", "return_state", "stateful")
    inner = source.LSTM(3, **dict(zip(names, flags, strict=True)))

    # The layers inside compute in float32 whatever the dtype of the layer around them.
    compare(layers.Bidirectional(inner, merge_mode=merge_mode, dtype=dtype))


@pytest.mark.parametrize("dtype", POLICIES)
@every_layer
def test_dtype_of_every_layer(name, dtype):
    compare(MAKE[name](dtype=dtype))


@pytest.mark.parametrize("dtype", POLICIES)
@pytest.mark.parametrize("name", ATTENTION)
def test_dtype_of_attention_scores(name, dtype):
    compare(MAKE[name](dtype=dtype), return_attention_scores=True)


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
@every_layer
def test_integers_are_computed_in_the_dtype_of_the_layer(name, dtype):
    layer = MAKE[name](dtype=dtype)
    integers = np.arange(32, dtype="int32").reshape(2, 4, 4) % 5

    compare(layer, integers)

    outputs = (layer(*arguments_of(layer, x)) for x in (integers, integers.astype("float32")))
    ours, floats = (to_numpy(keras.ops.cast(output, "float32")) for output in outputs)
    np.testing.assert_array_equal(ours, floats)


@every_layer
def test_policies_by_path(name):
    policies = keras.dtype_policies.DTypePolicyMap(default_policy="mixed_bfloat16")
    layer = MAKE[name](dtype=policies)

    compare(layer)

    again = type(layer).from_config(layer.get_config())
    assert again.compute_dtype == "bfloat16"


def test_policy_of_one_part():
    policies = keras.dtype_policies.DTypePolicyMap(default_policy="mixed_bfloat16")
    policies["attend/query"] = keras.dtype_policies.DTypePolicy("bfloat16")
    layer = layers.MultiHeadAttention(2, 2, dtype=policies, name="attend")

    layer.build(INPUTS.shape, INPUTS.shape)

    kernels = (layer.query_dense.kernel, layer.key_dense.kernel)
    assert [kernel.dtype for kernel in kernels] == ["bfloat16", "float32"]


@pytest.mark.parametrize("name", [*RECURRENT, "Bidirectional", *ATTENTION])
def test_mask_of_the_call_wins_over_that_of_the_inputs(name):
    layer = MAKE[name]()
    names = MASKS & set(inspect.signature(layer.call).parameters) or {"mask"}
    masked = keras.layers.Embedding(5, 4, mask_zero=True)(np.array([[1, 2, 0, 0], [3, 0, 4, 0]]))
    plain = keras.ops.convert_to_tensor(np.array(to_numpy(masked)))
    everything = np.ones((2, 4), "bool")
    given = {key: [everything] * 2 if name == "Attention" else everything for key in names}

    won = layer(*arguments_of(layer, masked), **given)

    without, implicit = (layer(*arguments_of(layer, x)) for x in (plain, masked))
    np.testing.assert_allclose(to_numpy(won), to_numpy(without), atol=1e-6)
    assert np.abs(to_numpy(implicit) - to_numpy(without)).max() > 1e-4


@every_layer
def test_paths_of_variables_are_unique_and_begin_with_the_layer(name):
    layer = MAKE[name](name="mine")
    model = model_of(layer, MAKE[name](name="yours"))

    paths = [variable.path for variable in model.variables]

    assert len(set(paths)) == len(paths)
    assert {path.split("/")[0] for path in paths} <= {"mine", "yours"}
    assert layer.count_params() == sum(weight.size for weight in layer.get_weights())


@every_layer
def test_summary_shows_the_shape_of_the_output(name):
    model = model_of(MAKE[name](name="mine"), length=5)
    lines = []

    model.summary(print_fn=lines.append, line_length=120, positions=[0.3, 0.7, 0.85, 1.0])

    (row,) = (line for line in "\n".join(lines).splitlines() if "mine" in line)
    assert "(None, 5, 4)" in row


@every_layer
def test_output_is_regularized_once(name):
    # The activity regularizer of attention in several heads is that of its projections, as in
    # the layer of Keras.
    inner = "MultiHead" in name
    layer = MAKE[name](activity_regularizer="l2")

    output = to_numpy(layer(*arguments_of(layer, INPUTS)))

    # L2 with Keras's factor, divided by the number of rows of the batch.
    expected = 0.01 * np.sum(output**2) / len(INPUTS)
    losses = [float(to_numpy(loss)) for loss in layer.losses]
    assert len([loss for loss in losses if np.isclose(loss, expected, rtol=1e-5)]) == 1
    assert inner or len(losses) == 1
    config = type(layer).from_config(layer.get_config()).get_config()
    assert config["activity_regularizer"] == layer.get_config()["activity_regularizer"] is not None


@every_layer
def test_xla_may_compile_every_layer(name):
    assert MAKE[name]().supports_jit


@keras.saving.register_keras_serializable(package="test_specification")
class Halves(keras.initializers.Initializer):
    def __call__(self, shape, dtype=None):
        return keras.ops.full(shape, 0.5, dtype)


def halved_tanh(x):
    return keras.ops.tanh(x) / 2


@pytest.mark.parametrize("name", [*RECURRENT, "Bidirectional", "TransformerBlock"])
def test_custom_objects_come_back_and_the_configuration_stays(name, tmp_path):
    custom = {"activation": halved_tanh, "kernel_initializer": Halves()}
    objects = {"halved_tanh": halved_tanh}
    with keras.saving.custom_object_scope(objects):
        layer = (
            layers.Bidirectional(layers.GRU(2, return_sequences=True, **custom))
            if name == "Bidirectional"
            else MAKE[name](**custom)
        )
        config = layer.get_config()
        before = repr(config)
        again = type(layer).from_config(config)
    model = model_of(layer)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", custom_objects=objects)

    assert repr(config) == before
    np.testing.assert_array_equal(to_numpy(loaded(INPUTS)), to_numpy(model(INPUTS)))
    for each in (again, loaded.layers[-1]):
        each = each.forward_layer if name == "Bidirectional" else each
        assert each.activation is halved_tanh
        assert type(each.kernel_initializer) is Halves


@pytest.mark.parametrize("name", RECURRENT)
def test_arguments_of_the_cell_are_properties_of_the_layer(name):
    cell = getattr(layers, f"{name}Cell")
    own = set(inspect.signature(cell).parameters) - {"kwargs"}
    layer = getattr(layers, name)(3, dropout=0.25, seed=5)

    assert {argument: getattr(layer, argument) for argument in own} == {
        argument: getattr(layer.cell, argument) for argument in own
    }


@pytest.mark.parametrize("name", RECURRENT)
def test_the_layer_has_the_arguments_of_its_cell(name):
    def defaults(cls):
        parameters = inspect.signature(cls.__init__).parameters.values()
        return {p.name: p.default for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}

    layer, cell = defaults(getattr(layers, name)), defaults(getattr(layers, f"{name}Cell"))
    base = defaults(RecurrentCell)

    # Nothing is lost on the way from the layer to the cell, and from there to the base of cells,
    # to which low rank comes as other arguments.
    assert cell.items() <= layer.items()
    assert base.items() - cell.items() == {("lora_rank", None), ("lora_alpha", None)}
