"""A choice between two versions that is made at run time."""

import tensorflow as tf
from tensorflow.python.ops import control_flow_util


def either(condition, first, second):
    """Return what the first function returns where a condition holds, else what the second does.

    Args:
        condition: Scalar tensor of a boolean.
        first: Function without arguments. Under XLA it is always the one: XLA wants the shapes of
            what the gradient keeps of both, which only the chosen one knows.
        second: Function without arguments.
    """
    if control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph()):
        return first()
    return tf.cond(condition, first, second)
