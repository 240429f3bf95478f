"""What an error says to a person."""


def one_line(raised):
    """The message of an error that pytest caught, which is one line without technical noise."""
    message = str(raised.value)
    assert "\n" not in message
    for noise in ("Traceback", "Errno", "Error("):
        assert noise not in message
    return message
