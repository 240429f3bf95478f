"""Which activations a fast version serves."""

from keras import activations, ops

from keras_seq.ops.refusal import Refusal


def check_activation(argument, activation, names):
    """Refuse an activation, a name or a function, whose gradient a fast version has not written.

    Args:
        argument: String, what the argument is called.
        activation: Name or function.
        names: List of strings, the names of the activations that are served.
    """
    known = [getattr(activations, name) for name in names]
    known += [getattr(ops, name) for name in names if hasattr(ops, name)]
    if activations.get(activation) not in known:
        raise Refusal(f"`{argument}` is none of {names}")
