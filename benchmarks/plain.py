"""Trials that train and test and do nothing else of the protocol, as what they are measured with."""

PLAIN = {
    "match": "none",
    "tune": False,
    "stop_early": False,
    "lengths": False,
    "causality": False,
}
