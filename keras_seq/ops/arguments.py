"""What the arguments of layers may be."""

from numbers import Integral, Real

POSITIONS = ("none", "rotary", "alibi")


def check_integers(optional=False, **values):
    """Refuse all but integers from one on, and `None` with `optional`."""
    for name, value in values.items():
        if value is None and optional:
            continue
        if isinstance(value, bool) or not isinstance(value, Integral) or value <= 0:
            raise ValueError(
                f"The argument `{name}` must be a positive integer"
                f"{' or `None`' if optional else ''}. Received: {name}={value}"
            )


def check_numbers(**values):
    """Refuse all but positive numbers."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real) or not value > 0:
            raise ValueError(f"`{name}` must be a positive number. Received: {name}={value}")


def plain(value):
    """Return a number of another library, as NumPy's, as one of Python's, which JSON knows.

    Anything else is returned as it is.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)


def as_tuple(name, value):
    """Return an integer or a list of them as a tuple."""
    if value is None:
        return None
    if isinstance(value, Integral):
        return (plain(value),)
    if not isinstance(value, (list, tuple)):
        raise ValueError(
            f"Invalid `{name}`: it must be an integer, a tuple or `None`. Received: {name}={value}"
        )
    return tuple(map(plain, value))


def check_dropout(dropout, name="dropout", optional=False):
    """Refuse all but fractions from 0 to 1, and `None` with `optional`."""
    if dropout is None and optional:
        return
    if not isinstance(dropout, Real) or not 0 <= dropout <= 1:
        raise ValueError(
            f"`{name}` is the fraction of values to drop and must lie between 0 and 1. "
            f"Received: {name}={dropout}"
        )


def check_heads(num_heads, num_key_value_heads):
    """Refuse heads of keys and values that heads of queries cannot share evenly."""
    check_integers(num_heads=num_heads)
    check_integers(True, num_key_value_heads=num_key_value_heads)
    if num_heads % (num_key_value_heads or num_heads):
        raise ValueError(
            "The heads of queries share those of keys and values, so `num_heads` must be a "
            f"multiple of `num_key_value_heads`. Received: num_heads={num_heads}, "
            f"num_key_value_heads={num_key_value_heads}"
        )


def check_position(position, width):
    """Refuse unknown names, and widths of heads that cannot be turned."""
    if position not in POSITIONS:
        raise ValueError(
            f"Unknown `position`. It must be one of {', '.join(map(repr, POSITIONS))}. "
            f"Received: position={position!r}"
        )
    if position == "rotary" and width % 2:
        raise ValueError(
            "Rotary positions turn pairs of features, so `key_dim` must be even. "
            f"Received: key_dim={width}, position='rotary'"
        )


def check_position_axes(position, axes):
    """Refuse positions along several axes at once."""
    if position != "none" and len(axes) != 1:
        raise ValueError(
            "Positions need exactly one axis to attend over. Choose it with `attention_axes`, or "
            f"pass `position='none'`. Received: axes {axes}, position={position!r}"
        )


def check_flash_attention(flash_attention, dropout, position):
    """Refuse what the kernels of flash attention cannot do."""
    if flash_attention and dropout > 0:
        raise ValueError(
            "Dropout is not supported when flash attention is enabled. Pass `dropout=0.0` or "
            f"`flash_attention=None`. Received: dropout={dropout}, flash_attention=True"
        )
    if flash_attention and position == "alibi":
        raise ValueError(
            "Flash attention adds no bias to the scores. Pass `flash_attention=None`. "
            "Received: position='alibi', flash_attention=True"
        )


def check_flash_call(flash_attention, return_attention_scores, attention_bias):
    """Refuse a call that needs the scores, which flash attention never holds."""
    if flash_attention and (return_attention_scores or attention_bias is not None):
        raise ValueError(
            "Flash attention never holds the attention scores, to return them or to add a bias "
            "to them. Pass `flash_attention=None` to the layer. Received: "
            f"return_attention_scores={return_attention_scores}, flash_attention=True"
        )
