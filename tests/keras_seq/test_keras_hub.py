"""Blocks that take over the layers of keras-hub, which a stand-in replaces where it is missing."""

import inspect

import keras
import keras_hub_stand_in
import numpy as np
import pytest
import transformer_reference
from test_multi_head_attention import compiled_on_jax
from test_transformer_block import INPUTS
from test_transformer_decoder_block import MEMORY

from keras_seq.layers import TransformerBlock, TransformerDecoderBlock

to_numpy = keras.ops.convert_to_numpy
# Our class, the name of theirs, and what they are called with.
KINDS = {
    "encoder": (TransformerBlock, "TransformerEncoder", [INPUTS]),
    "decoder": (TransformerDecoderBlock, "TransformerDecoder", [INPUTS, MEMORY]),
    "decoder alone": (TransformerDecoderBlock, "TransformerDecoder", [INPUTS]),
}


class Holder(keras.Model):
    """A model with one block, which has the same place in the file of any `Holder`."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def call(self, inputs):
        return self.block(*inputs)


def make(source, class_name, **arguments):
    """Return a layer of keras-hub, where it is installed, or the stand-in for it."""
    package = keras_hub_stand_in
    if source == "keras_hub":
        package = pytest.importorskip("keras_hub").layers
    return getattr(package, class_name)(intermediate_dim=5, num_heads=2, **arguments)


def built(source, class_name, arrays, **arguments):
    layer = make(source, class_name, **arguments)
    layer.build(*(array.shape for array in arrays))
    transformer_reference.randomized(layer)
    return layer


@pytest.mark.parametrize("source", ["keras_hub", "stand_in"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalize_first", [False, True])
def test_takes_over_a_layer(source, kind, normalize_first):
    cls, name, arrays = KINDS[kind]
    arguments = {
        "activation": "gelu",
        "layer_norm_epsilon": 1e-3,
        "normalize_first": normalize_first,
        "name": "theirs",
    }
    theirs = built(source, name, arrays, **arguments)

    block = cls.from_keras_hub(theirs)

    found, expected = (to_numpy(compiled_on_jax(f)(*arrays)) for f in (block, theirs))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    config = block.get_config()
    assert {key: config[key] for key in arguments} == arguments


@pytest.mark.parametrize("source", ["keras_hub", "stand_in"])
@pytest.mark.parametrize("kind", KINDS)
def test_reads_the_weight_file(source, kind, tmp_path):
    cls, name, arrays = KINDS[kind]
    saved = Holder(make(source, name))
    loaded = Holder(cls(intermediate_dim=5, num_heads=2))
    saved(arrays)
    loaded(arrays)
    transformer_reference.randomized(saved.block)
    saved.save_weights(tmp_path / "model.weights.h5")

    loaded.load_weights(tmp_path / "model.weights.h5")

    np.testing.assert_allclose(to_numpy(loaded(arrays)), to_numpy(saved(arrays)), atol=1e-5)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_has_its_arguments_first(kind):
    cls, name, _ = KINDS[kind]
    theirs = getattr(pytest.importorskip("keras_hub").layers, name)

    for ours, other in ((cls, theirs), (cls.call, theirs.call)):
        expected = [p.name for p in inspect.signature(other).parameters.values()]
        expected = [name for name in expected if name != "kwargs"]
        assert list(inspect.signature(ours).parameters)[: len(expected)] == expected


def test_decodes_with_caches_as_it_does():
    theirs = built("keras_hub", "TransformerDecoder", [INPUTS, MEMORY])
    block = TransformerDecoderBlock.from_keras_hub(theirs)
    mask = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 1, 1], [1, 1, 1, 1, 1]], "bool")

    found, expected = (
        layer(
            INPUTS[:, :2],
            MEMORY,
            encoder_padding_mask=mask,
            self_attention_cache=block.get_initial_cache(3, 6),
            self_attention_cache_update_index=0,
            cross_attention_cache=block.get_initial_cross_attention_cache(3, 5),
            cross_attention_cache_update_index=0,
        )
        for layer in (block, theirs)
    )

    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(to_numpy(a), to_numpy(b), atol=1e-5)


def test_only_a_built_layer_has_weights():
    with pytest.raises(ValueError, match="Call it once"):
        TransformerBlock.from_keras_hub(make("stand_in", "TransformerEncoder"))
