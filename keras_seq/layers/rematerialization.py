"""Layers under `keras.RematScope`."""

import functools

import keras


class Rematerialization:
    """What a layer does under `keras.RematScope`: it computes again what it chooses to.

    Keras would rematerialize all of `call`, with its flags, its state and its draws. TensorFlow
    and JAX cannot do that, and PyTorch would drop other values when it computes again. A function
    of tensors alone, which the layer gives to `recomputed`, can be computed again everywhere.
    """

    rematerialize = False
    # What a layer that this one is a part of says, where the scope is that layer's.
    rematerialize_as_part = False

    def rematerialized_call(self, layer_call, *args, **kwargs):
        """Return the call as it is, and note whether the scope holds for it."""
        rematerialized = super().rematerialized_call(layer_call, *args, **kwargs)
        self.rematerialize = rematerialized is not layer_call
        return layer_call

    def recomputed(self, f):
        """Return a function like `f`, computed again for its gradient if the scope holds.

        Args:
            f: Function of tensors by position, among them all that have a gradient, also those of
                the weights of this layer: what is read when it is computed again may differ, in
                dtype for one, or in value where the call was stateless. It returns tensors, and
                draws with a `seed_to_recompute`.
        """
        if not self._is_recomputed:
            return f
        computed_again = keras.remat(f)

        # `ops.convert_to_tensor` leaves a variable a variable on TensorFlow, and the value that
        # it has in this call may be gone when it is read again.
        def with_values(*tensors):
            return computed_again(
                *(x.value if isinstance(x, keras.Variable) else x for x in tensors)
            )

        return with_values

    def recomputed_with(self, variables, f):
        """Return a function like `f`, which reads `variables` itself, as in the layers it calls.

        Args:
            variables: List of all variables that `f` reads. It does not see changes of them, nor
                can it change them: what it draws from their seeds is the same again.
            f: Function of tensors by position. It returns tensors.
        """
        if not self._is_recomputed:
            return f
        weights = [v for v in variables if keras.backend.is_float_dtype(v.dtype)]
        others = [v for v in variables if not keras.backend.is_float_dtype(v.dtype)]
        held = [(v, keras.ops.copy(v.value)) for v in others]

        def read(*tensors):
            values = zip(weights, tensors[: len(weights)], strict=True)
            with keras.StatelessScope(state_mapping=[*values, *held]):
                return f(*tensors[len(weights) :])

        return functools.partial(self.recomputed(read), *weights)

    def seed_to_recompute(self, generator):
        """Return a seed that is the same when a function is computed again."""
        return _DrawnSeed(generator) if self._is_recomputed else generator

    @property
    def _is_recomputed(self):
        return self.rematerialize or self.rematerialize_as_part


class _DrawnSeed(keras.random.SeedGenerator):
    """A seed that another gave, and that stays: all draws from it are the same."""

    def __init__(self, generator):
        # Not that of the base class, which would make a variable. Keras reads this attribute.
        self._initial_seed = generator.get_config()["seed"]
        self._drawn = generator.next()

    def next(self, ordered=True):
        """Return the seed."""
        return self._drawn
