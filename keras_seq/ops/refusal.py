"""Why a fast version does not serve a call."""


class Refusal(Exception):
    """Raised by a fast version before it computes anything; the reference does the call then."""
