"""Run the shipped tests on the backend in `KERAS_BACKEND`; see `make test-keras`."""

import sys
from pathlib import Path

import pytest

MODULES = [
    "keras.src.layers.rnn.lstm_test",
    "keras.src.layers.rnn.gru_test",
    "keras.src.layers.rnn.bidirectional_test",
    "keras.src.layers.rnn.rnn_test",
    "keras.src.layers.rnn.stacked_rnn_cells_test",
    "keras.src.layers.attention.multi_head_attention_test",
    "keras.src.layers.attention.attention_test",
]


def main():
    """Run pytest and return its exit code."""
    return pytest.main(
        [
            "-q",
            # Not this project's settings: Keras's tests warn, and mark what it does not know.
            f"--config-file={Path(__file__).with_name('pytest.ini')}",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            "-p",
            "tests.keras_shipped.swap",
            "--pyargs",
            *MODULES,
            *sys.argv[1:],
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
