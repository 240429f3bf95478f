"""An initializer that several weights share."""

from keras import initializers


def copy_of(initializer):
    """Return an initializer for one more weight: the same one would draw the same values again.

    A plain function, which keeps no seed, is returned as it is.
    """
    is_copied = isinstance(initializer, initializers.Initializer)
    return initializer.clone() if is_copied else initializer
