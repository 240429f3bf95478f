"""Trials that train and test and do nothing else of the protocol: what is measured."""

PLAIN = {
    "match": "none",
    "tune": False,
    "stop_early": False,
    "lengths": False,
    "causality": False,
    "record": False,
}
