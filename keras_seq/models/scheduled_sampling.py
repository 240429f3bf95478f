"""Training on the decoder's own predictions."""

import keras
from keras import ops

from keras_seq.models.tokens import PADDING
from keras_seq.ops.dispatch import scan


def sample_while_decoding(model, constants, state, target_inputs, rate, seed_generator):
    """Return the logits of a decoder that is fed some of its own predictions in training.

    Before each step but the first, and for each row by itself, the token that comes next is taken
    from the target inputs, or with probability `rate` drawn from what the decoder predicted in
    the step before. No gradient flows through the draw.

    Args:
        model: The `Seq2Seq`.
        constants, state: What its `begin_decoding` returns.
        target_inputs: Integer tensor of shape `(batch, U)`.
        rate: Float tensor.
        seed_generator: `keras.random.SeedGenerator`.

    Returns:
        Tensor of shape `(batch, U, vocabulary)`.
    """
    batch_size, length = ops.shape(target_inputs)
    vocabulary = model.target_vocabulary_size
    steps = ops.arange(length, dtype="int32")
    # All draws are made before the loop.
    chances = keras.random.uniform((length, batch_size), dtype="float32", seed=seed_generator)
    is_own = ops.logical_and(chances < rate, ops.expand_dims(steps, 1) > 0)
    # The largest of logits plus Gumbel noise is a draw from their softmax.
    uniform = keras.random.uniform(
        (length, batch_size, vocabulary), minval=1e-20, dtype="float32", seed=seed_generator
    )
    noise = -ops.log(-ops.log(uniform))
    noise = ops.where(ops.arange(vocabulary) == PADDING, float("-inf"), noise)

    # A loop may not change variables: the seeds of dropout are part of what it carries, and each
    # step reads the other variables as they are before it.
    values = [(variable, ops.convert_to_tensor(variable)) for variable in model.variables]
    weights = {id(weight) for weight in model.weights}
    seeds = [seed for seed in model.non_trainable_variables if id(seed) not in weights]

    def step(carry, x):
        logits, *flat = carry
        index, token, is_own, noise = x
        predicted = ops.argmax(ops.cast(ops.stop_gradient(logits), "float32") + noise, axis=-1)
        token = ops.where(is_own, ops.cast(predicted, token.dtype), token)
        changing = zip(seeds, flat[: len(seeds)], strict=True)
        with keras.StatelessScope([*values, *changing]) as scope:
            logits, new_state, _ = model.decode_step(
                token,
                constants,
                keras.tree.pack_sequence_as(state, flat[len(seeds) :]),
                index,
                training=True,
            )
        drawn = [scope.get_current_value(seed) for seed in seeds]
        return (logits, *drawn, *keras.tree.flatten(new_state)), logits

    start = (
        ops.zeros((batch_size, vocabulary), model.compute_dtype),
        *(ops.convert_to_tensor(seed) for seed in seeds),
        *keras.tree.flatten(state),
    )
    tokens = ops.swapaxes(target_inputs, 0, 1)
    (_, *last), logits = scan(step, start, (steps, tokens, is_own, noise))
    for seed, value in zip(seeds, last, strict=False):
        seed.assign(value)
    return ops.swapaxes(logits, 0, 1)
