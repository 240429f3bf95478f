"""`Attention` over long sequences: in blocks as with all weights at once."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_seq.layers import Attention
from keras_seq.ops import attention

to_numpy = keras.ops.convert_to_numpy
RANDOM = np.random.default_rng(0)
# Longer than a block; the second row sees no key at all.
QUERY = RANDOM.normal(size=(2, 530, 4)).astype("float32")
VALUE = RANDOM.normal(size=(2, 600, 4)).astype("float32")
QUERY_MASK = RANDOM.random(QUERY.shape[:2]) > 0.2
VALUE_MASK = (RANDOM.random(VALUE.shape[:2]) > 0.2) & np.array([[True], [False]])


@pytest.mark.parametrize("use_causal_mask", [False, True])
@pytest.mark.parametrize(
    "arguments",
    [{}, {"score": "dot", "use_scale": True}, {"score": "general"}, {"score_mode": "dot"}],
    ids=str,
)
def test_equals_all_weights_at_once(arguments, use_causal_mask, differentiate):
    found = []
    for implementation in ("reference", "fast"):
        layer = Attention(**arguments, kernel_initializer="ones", implementation=implementation)
        layer.build([QUERY.shape, VALUE.shape])

        def output(query, value, layer=layer):
            masks = [QUERY_MASK, VALUE_MASK]
            return layer([query, value], mask=masks, use_causal_mask=use_causal_mask)

        def loss(query, value, output=output):
            return ops.sum(output(query, value) ** 2)

        found.append([to_numpy(output(QUERY, VALUE)), *differentiate(loss)(QUERY, VALUE)[1]])

    for blocks, plain in zip(found[1], found[0], strict=True):
        np.testing.assert_allclose(blocks, plain, atol=2e-4)
    assert not found[1][0][1].any()


def test_more_axes_before_the_steps():
    layers = [Attention(implementation=which) for which in ("reference", "fast")]
    shape = (2, 3, 5, 4)
    query, value = (RANDOM.normal(size=shape).astype("float32") for _ in range(2))
    mask = [None, RANDOM.random(shape[:-1]) > 0.3]

    plain, blocks = (to_numpy(layer([query, value], mask=mask)) for layer in layers)

    np.testing.assert_allclose(blocks, plain, atol=1e-6)


def test_one_query_sequence_for_every_memory():
    query, value = QUERY[:1, :3], VALUE[:, :5]

    output = Attention()([query, value])

    expected = Attention()([np.repeat(query, 2, axis=0), value])
    np.testing.assert_allclose(to_numpy(output), to_numpy(expected), atol=1e-6)


@pytest.mark.parametrize("implementation", ["reference", "fast"])
def test_dropout_in_training_only(implementation):
    layer = Attention(dropout=0.5, seed=1, implementation=implementation)
    inputs = [np.zeros((1, 40, 4), "float32"), np.eye(40, dtype="float32")[None]]
    inputs.append(np.zeros((1, 40, 4), "float32"))

    dropped, whole = (to_numpy(layer(inputs, training=training)) for training in (True, False))

    assert 0.4 < (dropped == 0).mean() < 0.6
    np.testing.assert_allclose(dropped[dropped != 0], 2 / 40, rtol=1e-5)
    np.testing.assert_allclose(whole, 1 / 40, rtol=1e-5)


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: Attention("additive", implementation="fast"), "Received: score 'additive'"),
        (
            lambda: Attention(normalizer="sparsemax", implementation="fast"),
            "normalizer='sparsemax'",
        ),
        (lambda: Attention(implementation="quick"), "Received: implementation='quick'"),
        (
            lambda: Attention(implementation="fast")([QUERY, VALUE], return_attention_scores=True),
            "never holds the weights",
        ),
        (lambda: attention(QUERY, VALUE[..., :3], VALUE), r"key.shape=\(2, 600, 3\)"),
        (lambda: attention(QUERY, VALUE, VALUE[:, :3]), r"value.shape=\(2, 3, 4\)"),
        (lambda: attention(QUERY[:1], VALUE, VALUE), r"query.shape=\(1, 530, 4\)"),
    ],
)
def test_errors_say_what_was_received(mistake, message):
    with pytest.raises(ValueError, match=message):
        mistake()
