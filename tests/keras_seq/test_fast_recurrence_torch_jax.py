"""The fast LSTM and GRU of JAX and PyTorch beside the plain ones: values and gradients."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seq.ops import dispatch
from keras_seq.ops.gru import gru
from keras_seq.ops.lstm import lstm

BACKEND = keras.config.backend()
pytestmark = pytest.mark.skipif(BACKEND == "tensorflow", reason="fast versions of JAX and PyTorch")
FEATURES, UNITS = 2, 3
LSTM_WEIGHTS = [(FEATURES, 4 * UNITS), (UNITS, 4 * UNITS), (4 * UNITS,)]
GRU_WEIGHTS = [(FEATURES, 3 * UNITS), (UNITS, 3 * UNITS)]
# The operation, its states, the shapes of its weights and its other arguments.
VARIANTS = {
    "lstm": (lstm, 2, LSTM_WEIGHTS, {}),
    "lstm_no_bias": (lstm, 2, LSTM_WEIGHTS[:2], {}),
    "peephole": (lstm, 2, [*LSTM_WEIGHTS, (3, UNITS)], {}),
    "peephole_linear": (lstm, 2, [*LSTM_WEIGHTS, (3, UNITS)], {"output_activation": "linear"}),
    "gru": (gru, 1, [*GRU_WEIGHTS, (2, 3 * UNITS)], {}),
    "gru_no_bias": (gru, 1, GRU_WEIGHTS, {}),
    "gru_reset_before": (gru, 1, [*GRU_WEIGHTS, (3 * UNITS,)], {"reset_after": False}),
}
MASKS = {
    "none": None,
    "right": np.arange(5) < np.array([[5], [3], [1]]),
    "left": np.arange(5) >= np.array([[0], [2], [4]]),
    "holes_and_nothing": np.array([[0, 1, 0, 1, 1], [0, 0, 0, 0, 0], [1, 0, 0, 1, 0]], "bool"),
}


def arrays_of(variant, batch=3, time=5, drops=False, dtype="float32"):
    """Return random inputs, states, weights and, at the end, what is dropped."""
    _, states, weights, _ = VARIANTS[variant]
    random = np.random.default_rng(0)
    shapes = [(batch, time, FEATURES), *[(batch, UNITS)] * states, *weights]
    arrays = [random.normal(size=shape).astype(dtype) for shape in shapes]
    if drops:
        arrays.append((random.random((batch, UNITS)) > 0.3).astype(dtype) * 1.5)
    return arrays


def results_of(variant, implementation, arrays, drops=False, **arguments):
    """Return the outputs and the last states."""
    op, states, _, options = VARIANTS[variant]
    arrays = [ops.convert_to_tensor(array) for array in arrays]
    arrays, drop = (arrays[:-1], arrays[-1]) if drops else (arrays, None)
    state, weights = arrays[1 : 1 + states], arrays[1 + states :]
    outputs, last = op(
        arrays[0],
        tuple(state),
        *weights,
        recurrent_mask=drop,
        implementation=implementation,
        **options,
        **arguments,
    )
    return [outputs, *last]


def weighted_sum(tensors):
    """Return a scalar to which every entry contributes differently."""
    total = 0.0
    for number, tensor in enumerate(tensors):
        size = int(np.prod(tensor.shape))
        weights = np.cos(np.arange(size) + number).reshape(tuple(tensor.shape))
        total = total + ops.sum(tensor * ops.convert_to_tensor(weights, tensor.dtype))
    return total


def check(variant, arrays, differentiate, tolerance, **arguments):
    """Compare values and all gradients of both implementations."""
    found, expected = (
        [
            ops.convert_to_numpy(each)
            for each in results_of(variant, implementation, arrays, **arguments)
        ]
        for implementation in ("fast", "reference")
    )
    for result, expected_result in zip(found, expected, strict=True):
        assert result.shape == expected_result.shape
        np.testing.assert_allclose(result, expected_result, rtol=tolerance, atol=tolerance)
    (_, found), (_, expected) = (
        differentiate(
            lambda *x, implementation=implementation: weighted_sum(
                results_of(variant, implementation, x, **arguments)
            )
        )(*arrays)
        for implementation in ("fast", "reference")
    )
    for gradient, expected_gradient in zip(found, expected, strict=True):
        scale = max(1, np.abs(expected_gradient).max(initial=0))
        np.testing.assert_allclose(
            gradient / scale, expected_gradient / scale, rtol=0, atol=tolerance
        )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("mask", "drops", "go_backwards"),
    [
        ("none", False, False),
        ("none", True, True),
        ("right", False, True),
        ("left", True, False),
        ("holes_and_nothing", False, False),
        ("holes_and_nothing", True, True),
    ],
)
def test_equals_the_plain_version(variant, mask, drops, go_backwards, differentiate):
    arrays = arrays_of(variant, drops=drops)
    mask = MASKS[mask]
    if mask is not None:
        arrays[0][~mask] = np.nan

    check(
        variant,
        arrays,
        differentiate,
        1e-5,
        drops=drops,
        mask=mask,
        go_backwards=go_backwards,
    )


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(
    ("batch", "time", "unroll"), [(2, 1, False), (3, 0, False), (0, 4, False), (2, 3, True)]
)
def test_few_steps_and_no_rows(variant, batch, time, unroll, differentiate):
    check(variant, arrays_of(variant, batch, time), differentiate, 1e-5, unroll=unroll)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mask", ["none", "holes_and_nothing"])
def test_in_double_precision(variant, mask, differentiate):
    arrays = arrays_of(variant, drops=True, dtype="float64")
    check(variant, arrays, differentiate, 1e-10, drops=True, mask=MASKS[mask])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mask", ["none", "holes_and_nothing"])
def test_in_half_precision_as_near_to_single_precision_as_the_plain_one(
    variant, mask, differentiate
):
    arrays = arrays_of(variant)

    def gradients(dtype, implementation):
        def f(*x):
            x = [ops.cast(each, dtype) for each in x]
            results = results_of(variant, implementation, x, mask=MASKS[mask])
            assert {keras.backend.standardize_dtype(each.dtype) for each in results} == {dtype}
            return weighted_sum([ops.cast(each, "float32") for each in results])

        value, found = differentiate(f)(*arrays)
        return np.concatenate([np.ravel(value), *map(np.ravel, found)])

    expected = gradients("float32", "reference")
    norm = np.linalg.norm(expected)
    errors = [
        np.linalg.norm(gradients("bfloat16", name) - expected) / norm
        for name in ("fast", "reference")
    ]

    assert errors[0] <= max(2e-2, errors[1])


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize(("mask", "drops"), [("none", False), ("holes_and_nothing", True)])
def test_gradients_of_gradients(variant, mask, drops):
    arrays = arrays_of(variant, drops=drops)

    def total(implementation):
        return lambda *x: weighted_sum(
            results_of(variant, implementation, x, drops=drops, mask=MASKS[mask])
        )

    found, expected = (second_gradients(total(name))(arrays) for name in ("fast", "reference"))

    for gradient, expected_gradient in zip(found, expected, strict=True):
        scale = max(1, np.abs(expected_gradient).max())
        np.testing.assert_allclose(gradient / scale, expected_gradient / scale, atol=1e-5)


def second_gradients(f):
    """Return a function of arrays: the gradients of the squared norm of the gradients of `f`."""
    if BACKEND == "jax":
        import jax

        def norm(arrays):
            gradients = jax.grad(lambda x: f(*x))(arrays)
            return sum((gradient**2).sum() for gradient in gradients)

        return jax.jit(jax.grad(norm))

    import torch

    def second(arrays):
        tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
        gradients = torch.autograd.grad(f(*tensors), tensors, create_graph=True)
        norm = sum((gradient**2).sum() for gradient in gradients)
        return [gradient.numpy() for gradient in torch.autograd.grad(norm, tensors)]

    return second


@pytest.mark.skipif(BACKEND != "jax", reason="transformations of JAX")
@pytest.mark.parametrize("variant", VARIANTS)
def test_vmap(variant):
    import jax

    first, second = arrays_of(variant), [2 * array for array in arrays_of(variant)]
    both = [np.stack(pair) for pair in zip(first, second, strict=True)]

    def gradients(*arrays):
        return jax.grad(lambda x: weighted_sum(results_of(variant, "fast", x)))(list(arrays))

    found = jax.vmap(gradients)(*both)

    for index, arrays in enumerate((first, second)):
        for gradient, expected in zip(found, gradients(*arrays), strict=True):
            np.testing.assert_allclose(gradient[index], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.skipif(BACKEND != "jax", reason="transformations of JAX")
@pytest.mark.parametrize("variant", ["lstm", "gru"])
def test_forward_mode_is_an_error_of_jax_and_served_by_the_plain_version(variant):
    import jax

    arrays = arrays_of(variant)

    def tangent(implementation):
        return jax.jvp(
            lambda x: results_of(variant, implementation, [x, *arrays[1:]])[0],
            (arrays[0],),
            (np.ones_like(arrays[0]),),
        )[1]

    with pytest.raises(TypeError, match="forward-mode"):
        tangent("fast")
    assert np.abs(tangent("reference")).max() > 1e-3


@pytest.mark.skipif(BACKEND != "torch", reason="transformations of PyTorch")
@pytest.mark.parametrize("variant", ["peephole", "gru"])
def test_transformations_of_torch_get_the_plain_version(variant):
    import torch

    arrays = [torch.tensor(array) for array in arrays_of(variant)]

    def total(implementation):
        return lambda x: weighted_sum(results_of(variant, implementation, [x, *arrays[1:]]))

    found = torch.func.grad(total("auto"))(arrays[0])

    expected = torch.func.grad(total("reference"))(arrays[0])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    with pytest.raises(ValueError, match=r"`torch\.func` is transforming"):
        torch.func.grad(total("fast"))(arrays[0])


@pytest.mark.skipif(BACKEND != "torch", reason="the compiler of PyTorch")
def test_a_compiler_gets_the_plain_version_in_one_graph():
    import torch

    arrays = [torch.tensor(array) for array in arrays_of("peephole", time=2)]
    compiled = torch.compile(
        lambda *x: results_of("peephole", "auto", x), fullgraph=True, backend="eager"
    )

    for found, expected in zip(
        compiled(*arrays), results_of("peephole", "reference", arrays), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("variant", "arguments", "reason"),
    [
        ("lstm", {"activation": "relu"}, r"`activation` is none of \['tanh'\]"),
        ("gru", {"recurrent_activation": "hard_sigmoid"}, "`recurrent_activation` is none of"),
        ("lstm", {"output_activation": "relu"}, "`output_activation` is none of"),
    ],
)
def test_refuses_other_activations(variant, arguments, reason):
    arrays = arrays_of(variant)
    with pytest.raises(ValueError, match=reason):
        results_of(variant, "fast", arrays, **arguments)

    found, expected = (
        results_of(variant, name, arrays, **arguments)[0] for name in ("auto", "reference")
    )

    np.testing.assert_array_equal(ops.convert_to_numpy(found), ops.convert_to_numpy(expected))


def test_refuses_tensors_of_several_dtypes():
    arrays = arrays_of("lstm")
    arrays[0] = ops.cast(arrays[0], "bfloat16")
    with pytest.raises(ValueError, match=r"not of one dtype of floats but of .*bfloat16"):
        results_of("lstm", "fast", arrays)


@pytest.mark.parametrize("variant", VARIANTS)
def test_auto_takes_the_fast_version(variant, monkeypatch):
    name = VARIANTS[variant][0].__name__
    calls, fast = [], dispatch.FAST_VERSIONS[name]
    monkeypatch.setitem(
        dispatch.FAST_VERSIONS, name, lambda *x, **y: calls.append(name) or fast(*x, **y)
    )

    results_of(variant, "auto", arrays_of(variant))

    assert calls == [name]
