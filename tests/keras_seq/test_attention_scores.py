"""The scores of `Attention` against loops over rows, queries and keys, and what fits none."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import ops
from test_gradients import check
from test_sparsemax import nearest_probabilities

from keras_seq.layers import Attention

to_numpy = keras.ops.convert_to_numpy
UNITS, LONGEST = 3, 6
SCORES = ["dot", "scaled_dot", "general", "additive", "concat", "location", "location_aware"]
SAME_WIDTH = ["dot", "scaled_dot"]
ARGUMENTS = {
    "units": UNITS,
    "max_source_length": LONGEST,
    "filters": 2,
    "kernel_size": 3,
    "kernel_initializer": "random_normal",
    "bias_initializer": "random_normal",
}


def softmax(z):
    return np.exp(z - z.max()) / np.exp(z - z.max()).sum()


def convolve(alignment, kernel):
    """Correlate `(S,)` with `(kernel_size, 1, filters)`, padded with zeros to the same length."""
    left = (len(kernel) - 1) // 2
    features = np.zeros((len(alignment), kernel.shape[-1]))
    for s in range(len(alignment)):
        for j in range(len(kernel)):
            if 0 <= s + j - left < len(alignment):
                features[s] += kernel[j, 0] * alignment[s + j - left]
    return features


def score_of(score, q, k, s, f, w):
    if score == "dot":
        return q @ k
    if score == "scaled_dot":
        return q @ k / np.sqrt(len(q))
    if score == "general":
        return q @ w["kernel"] @ k
    if score == "location":
        return (q @ w["kernel"] + w.get("bias", 0.0))[s]
    if score == "concat":
        hidden = np.concatenate([q, k]) @ w["kernel"]
    else:
        hidden = q @ w["query_kernel"] + k @ w["key_kernel"]
    if score == "location_aware":
        hidden = hidden + f[s] @ w["location_kernel"]
    return w["score_kernel"] @ np.tanh(hidden + w.get("bias", 0.0))


def reference(
    score,
    query,
    value,
    key,
    weights,
    normalizer="softmax",
    query_mask=None,
    key_mask=None,
    use_causal_mask=False,
    previous_alignments=None,
):
    """Return the output and the attention weights."""
    (batch, queries, _), keys = query.shape, key.shape[1]
    normalize = {"softmax": softmax, "sparsemax": nearest_probabilities}[normalizer]
    outputs = np.zeros((batch, queries, value.shape[-1]))
    alignments = np.zeros((batch, queries, keys))
    for b in range(batch):
        alignment = np.zeros(keys) if previous_alignments is None else previous_alignments[b]
        for t in range(queries):
            f = convolve(alignment, weights["convolution_kernel"]) if "aware" in score else None
            seen = [
                s
                for s in range(keys)
                if (key_mask is None or key_mask[b, s]) and (not use_causal_mask or s <= t)
            ]
            found = np.zeros(keys)
            if seen:
                found[seen] = normalize(
                    np.array([score_of(score, query[b, t], key[b, s], s, f, weights) for s in seen])
                )
            is_valid = query_mask is None or query_mask[b, t]
            alignment = found if is_valid or "aware" not in score else alignment
            alignments[b, t] = alignment
            outputs[b, t] = alignment @ value[b] if is_valid else 0.0
    return outputs, alignments


def built(score, query_width, key_width, **kwargs):
    layer = Attention(score, **{**ARGUMENTS, **kwargs})
    layer.build([(None, None, query_width), (None, None, 2), (None, None, key_width)])
    # Large enough to bend the tanh.
    layer.set_weights([20 * weight for weight in layer.get_weights()])
    return layer, {weight.name: to_numpy(weight) for weight in layer.weights}


@pytest.mark.parametrize("normalizer", ["softmax", "sparsemax"])
@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=6)
@given(data=st.data())
def test_equals_the_loops(score, normalizer, data):
    # A few shapes only: JAX compiles every operation for each.
    batch, queries, keys = data.draw(st.sampled_from([(1, 1, 1), (2, 4, LONGEST)]))
    query_width, key_width = (3, 3) if score in SAME_WIDTH else (3, 4)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    layer, weights = built(
        score,
        query_width,
        key_width,
        normalizer=normalizer,
        use_bias=data.draw(st.sampled_from([None, True, False])),
        kernel_size=data.draw(st.sampled_from([2, 5])),
    )
    query, value, key = (
        random.normal(size=shape).astype("float32")
        for shape in ((batch, queries, query_width), (batch, keys, 2), (batch, keys, key_width))
    )
    query_mask = random.random((batch, queries)) > 0.3 if data.draw(st.booleans()) else None
    key_mask = random.random((batch, keys)) > 0.3 if data.draw(st.booleans()) else None
    call = {"use_causal_mask": data.draw(st.booleans())}
    if score == "location_aware" and data.draw(st.booleans()):
        call["previous_alignments"] = random.random((batch, keys)).astype("float32")

    found = layer(
        [query, value, key], mask=[query_mask, key_mask], return_attention_scores=True, **call
    )

    expected = reference(
        score, query, value, key, weights, normalizer, query_mask, key_mask, **call
    )
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), b, atol=2e-5)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("normalizer", ["softmax", "sparsemax"])
@pytest.mark.parametrize("score", [*SCORES, "biased_concat"])
def test_gradients(score, normalizer, gradients):
    use_bias = True if score == "biased_concat" else None
    score = score.removeprefix("biased_")
    key_width = 2 if score in SAME_WIDTH else 3
    layer, weights = built(
        score, 2, key_width, normalizer=normalizer, use_bias=use_bias, dtype="float64"
    )
    key_mask = np.array([[True, False, True, True], [False] * 4])
    query_mask = np.array([[True, True, True], [True, False, True]])
    shapes = [(2, 3, 2), (2, 4, 2), (2, 4, key_width)]
    shapes += [weight.shape for weight in weights.values()]

    def op(query, value, key, *tensors):
        (output, alignments), _ = layer.stateless_call(
            list(tensors),
            [],
            [query, value, key],
            mask=[query_mask, key_mask],
            return_attention_scores=True,
            use_causal_mask=True,
        )
        return output, [alignments]

    def loops(query, value, key, *arrays):
        named = dict(zip(weights, arrays, strict=True))
        output, alignments = reference(
            score, query, value, key, named, normalizer, query_mask, key_mask, True
        )
        return output, [alignments]

    check(op, loops, shapes, gradients)


@pytest.mark.parametrize("score", SCORES)
def test_step_by_step_equals_all_at_once(score):
    key_width = 4 if score in SAME_WIDTH else 3
    layer, _ = built(score, 4, key_width, normalizer="sparsemax")
    random = np.random.default_rng(5)
    query = random.normal(size=(2, 5, 4)).astype("float32")
    memory = random.normal(size=(2, 4, key_width)).astype("float32")
    mask = np.array([[True, True, False, True], [True, False, False, False]])
    _, expected = layer([query, memory], mask=[None, mask], return_attention_scores=True)

    projected = layer.project_memory(memory)
    alignment, found = None, []
    for t in range(5):
        scores = layer.score_step(query[:, t], projected, alignment)
        alignment = layer.normalize(scores, mask)
        found.append(to_numpy(alignment))

    np.testing.assert_allclose(np.stack(found, 1), to_numpy(expected), atol=1e-6)


def test_calls_go_on_where_the_last_one_ended():
    layer, _ = built("location_aware", 4, 3)
    random = np.random.default_rng(6)
    query = random.normal(size=(2, 5, 4)).astype("float32")
    memory = random.normal(size=(2, 4, 3)).astype("float32")
    whole = layer([query, memory])

    first, weights = layer([query[:, :2], memory], return_attention_scores=True)
    second = layer([query[:, 2:], memory], previous_alignments=weights[:, -1])

    np.testing.assert_allclose(
        np.concatenate([to_numpy(first), to_numpy(second)], 1), to_numpy(whole), atol=1e-6
    )


@pytest.mark.parametrize("score", [score for score in SCORES if score != "location_aware"])
def test_more_dimensions_are_more_batches(score):
    layer, _ = built(score, 4, 4)
    random = np.random.default_rng(7)
    query = random.normal(size=(2, 3, 5, 4)).astype("float32")
    value = random.normal(size=(2, 3, 6, 4)).astype("float32")
    masks = [random.random((2, 3, 5)) > 0.3, random.random((2, 3, 6)) > 0.3]

    found = layer([query, value], mask=masks, return_attention_scores=True)

    folded = [x.reshape(-1, *x.shape[2:]) for x in (query, value, *masks)]
    expected = layer(folded[:2], mask=folded[2:], return_attention_scores=True)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a).reshape(tuple(b.shape)), to_numpy(b), atol=1e-6)


def identity_or_ones(shape, dtype=None):
    return keras.ops.eye(shape[0], dtype=dtype) if len(shape) == 2 else keras.ops.ones(shape, dtype)


@pytest.mark.parametrize(
    ("arguments", "expected", "expected_weights"),
    [
        ({"score": "dot"}, [[2.462, 3.462], [1.538, 2.538]], [[0.269, 0.731], [0.731, 0.269]]),
        (
            {"score_mode": "concat"},
            [[1.727, 2.727], [2.272, 3.272]],
            [[0.636, 0.363], [0.363, 0.636]],
        ),
        # The additive layer of Keras has no projections: theirs are the identity, and v is one.
        (
            {"score": "additive", "kernel_initializer": identity_or_ones},
            [[1.727, 2.727], [2.272, 3.272]],
            [[0.636, 0.363], [0.363, 0.636]],
        ),
    ],
    ids=["dot", "concat", "additive"],
)
def test_numbers_of_keras(arguments, expected, expected_weights):
    query = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    key = np.array([[[0.0, 1.0], [1.0, 0.0]]])
    value = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    layer = Attention(**arguments)

    output, weights = layer([query, value, key], return_attention_scores=True)

    np.testing.assert_allclose(to_numpy(output)[0], expected, atol=1e-3)
    np.testing.assert_allclose(to_numpy(weights)[0], expected_weights, atol=1e-3)
    masks = [np.array([[True, False]])] * 2
    output, weights = layer([query, np.ones((1, 2, 2))], masks, return_attention_scores=True)
    np.testing.assert_array_equal(to_numpy(output)[0], [[1, 1], [0, 0]])
    np.testing.assert_array_equal(to_numpy(weights)[0], [[1, 0], [1, 0]])


def test_learned_scale_multiplies_the_scores():
    random = np.random.default_rng(8)
    query, value = (random.normal(size=(2, n, 4)).astype("float32") for n in (3, 5))
    scaled, plain = Attention("general", use_scale=True), Attention("general")
    scaled.build([query.shape, value.shape])
    plain.build([query.shape, value.shape])
    (kernel,) = plain.get_weights()
    scaled.set_weights([np.array(3.0), kernel])
    plain.set_weights([3.0 * kernel])

    np.testing.assert_allclose(
        to_numpy(scaled([query, value])), to_numpy(plain([query, value])), atol=1e-5
    )
    assert [weight.name for weight in scaled.weights] == ["scale", "kernel"]
    assert ops.ndim(scaled.scale) == 0


RANDOM = np.random.default_rng(9)
QUERY = RANDOM.normal(size=(2, 3, 4)).astype("float32")
VALUE = RANDOM.normal(size=(2, 5, 4)).astype("float32")
VALUE_MASK = np.array([[True, False, True, True, False]] * 2)
NARROW = VALUE[..., :3]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Attention("cosine"), r"must be one of \['dot'.*Received: score='cosine'"),
        (lambda: Attention(True), "Received: score=True"),
        (lambda: Attention(normalizer="hardmax"), "Received: normalizer='hardmax'"),
        (lambda: Attention(dropout=1.5), "Received: dropout=1.5"),
        (lambda: Attention("additive", units=0), "Received: units=0"),
        (lambda: Attention("location_aware", filters=0), "Received: filters=0"),
        (lambda: Attention("location_aware", kernel_size=1.5), "Received: kernel_size=1.5"),
        (lambda: Attention("location"), "Received: max_source_length=None"),
        (lambda: Attention(score_mode="sum"), "Expected one of {'dot', 'concat'}"),
        (lambda: Attention("general", score_mode="dot"), "Pass only one of them"),
        (
            lambda: Attention("dot")([QUERY, NARROW]),
            "`score='dot'` needs.*`score='general'`.*query width 4, key width 3",
        ),
        (lambda: Attention()([QUERY, VALUE, NARROW]), "`score='scaled_dot'` needs"),
        (
            lambda: Attention(score_mode="concat")([QUERY, NARROW]),
            "`score_mode='concat'` needs.*`score='general'`",
        ),
        (
            lambda: Attention("location", max_source_length=4)([QUERY, VALUE]),
            "5 keys, max_source_length=4",
        ),
        (lambda: Attention()([QUERY[0], VALUE[0]]), "must be equal in rank, at least 3"),
        (lambda: Attention()([QUERY, VALUE, VALUE[:, :2]]), "of `value` and `key` but the last"),
        (lambda: Attention()(QUERY), "must be called on a list"),
        (lambda: Attention()([QUERY]), "Received length: 1"),
        (lambda: Attention()([QUERY, VALUE], mask=VALUE_MASK), "layer mask must be a list"),
        (lambda: Attention()([QUERY, VALUE], mask=[VALUE_MASK]), "mask list of length 2 or 3"),
        (
            lambda: Attention()([QUERY, VALUE], mask=[VALUE_MASK, None]),
            r"query_mask.shape=\(2, 5\) for a tensor of shape \(2, 3, 4\)",
        ),
        (
            lambda: Attention()([QUERY, VALUE], mask=[None, VALUE_MASK[:, :4]]),
            r"value_mask.shape=\(2, 4\) for a tensor of shape \(2, 5, 4\)",
        ),
        (
            lambda: Attention()([QUERY, VALUE, VALUE], mask=[None, None, VALUE_MASK[:1, :4]]),
            r"key_mask.shape=\(1, 4\) for a tensor of shape \(2, 5, 4\)",
        ),
        (
            lambda: Attention("location_aware")([QUERY[None], VALUE[None]]),
            r"needs inputs of shape \(batch, steps, width\)",
        ),
        (
            lambda: Attention("location_aware")(
                [QUERY, VALUE], previous_alignments=np.ones((2, 3, 5))
            ),
            r"previous_alignments.shape=\(2, 3, 5\)",
        ),
    ],
)
def test_errors_say_what_was_received(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize("score", [score for score in SCORES if score not in SAME_WIDTH])
def test_weights_are_for_one_width(score):
    layer = Attention(score, **ARGUMENTS)
    layer([QUERY, VALUE])

    with pytest.raises(ValueError, match=r"the query width 4, key width 4. .*key width 3"):
        layer([QUERY, NARROW])
