"""The one place that asks which backend runs."""

import keras

if keras.config.backend() == "tensorflow":
    # `keras.ops.scan` cannot be trained on TensorFlow when the number of steps is unknown until
    # run time, nor when XLA compiles the model; `keras.ops.while_loop` has nothing to collect the
    # outputs in that is also differentiable.
    from keras_seq.ops._tensorflow import scan
else:
    from keras.ops import scan

__all__ = ["scan"]
