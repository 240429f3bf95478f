"""How an encoder and a decoder are joined for tasks whose targets are sequences; its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from experiments.models.cost import Cost, predictions, table
from experiments.tasks.task import Sequences, Task, Tokens

if TYPE_CHECKING:
    import keras


def encoder_decoder(
    task: Task,
    *,
    encoder: list[keras.layers.Layer],
    decoder: list[keras.layers.Layer],
    embedding_dim: int,
    name: str,
) -> keras.Model:
    """Token embeddings around `encoder` and `decoder`, with the words of `task`."""
    from keras_seq.models import Seq2Seq  # with Keras 2-3 s, paid in the trial's process

    source, target = cast("Tokens", task.input), cast("Sequences", task.target)
    model = Seq2Seq(
        encoder,
        decoder,
        source_vocabulary_size=source.vocabulary_size,
        target_vocabulary_size=target.vocabulary_size,
        embedding_dim=embedding_dim,
        start_token=target.start,
        end_token=target.end,
        name=name,
    )
    model.build([(None, None), (None, None)])
    return model


def encoder_decoder_cost(task: Task, *, embedding_dim: int, outputs: int) -> Cost:
    """What stands around encoder and decoder: embeddings, and words of a decoder's `outputs`."""
    source, target = cast("Tokens", task.input), cast("Sequences", task.target)
    words = source.vocabulary_size + target.vocabulary_size
    return table(words, embedding_dim) + predictions(task, outputs)
