"""A layer that several others hold."""

import keras


def serialize_shared(layer):
    """Return the configuration of a layer, or of `None`, that in a file says who else holds it.

    Keras writes a mark into the configuration of an object from the second one on, and into the
    first one as long as that has not been copied, as those inside of other configurations are.
    """
    keras.saving.serialize_keras_object(layer)
    return keras.saving.serialize_keras_object(layer)
