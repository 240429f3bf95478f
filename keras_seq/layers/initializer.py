"""An initializer that several weights share."""

from keras import initializers

from keras_seq.layers.seed import with_derived_seeds


def copy_of(initializer, part):
    """Return an initializer for one more weight: the same one would draw the same values again.

    A seed would make a copy draw them too, so the copy gets one of its own, derived from the name
    of the part. A plain function, which keeps no seed, is returned as it is.
    """
    if not isinstance(initializer, initializers.Initializer):
        return initializer
    return initializer.__class__.from_config(with_derived_seeds(initializer.get_config(), part))
