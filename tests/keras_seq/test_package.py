"""The package as a whole: what it imports, and what it says when it is used wrongly."""

import ast
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_seq
from keras_seq import layers

FILES = sorted(Path(keras_seq.__file__).parent.rglob("*.py"))
INPUTS = np.ones((2, 3, 4), "float32")


BACKENDS = ("_tensorflow", "_jax", "_torch")


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_only_public_keras(path):
    allowed = {"keras", "keras_seq", "numpy"}
    if path.parent.name in BACKENDS:
        allowed.add(path.parent.name.removeprefix("_"))
    for name in imported(path):
        package = name.split(".")[0]
        assert package in allowed or package in sys.stdlib_module_names
        assert not name.startswith("keras.src")


def test_only_the_seam_loads_a_backend():
    users = {
        path.name
        for path in FILES
        if path.parent.name not in BACKENDS
        and any(
            name.startswith(f"keras_seq.ops.{own}") for name in imported(path) for own in BACKENDS
        )
    }

    assert users == {"dispatch.py"}


def test_importing_loads_nothing_heavy_beyond_keras():
    code = (
        "import keras, sys; before = set(sys.modules); import keras_seq; "
        "print({name.split('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )

    new = ast.literal_eval(done.stdout.strip().splitlines()[-1])
    assert {name for name in new if name not in sys.stdlib_module_names} <= {"keras_seq"}


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: layers.LSTM(0), "Received: units=0"),
        (lambda: layers.GRUCell(2.5), "Received: units=2.5"),
        (lambda: layers.PeepholeLSTM(2, dropout=1.5), "Received: dropout=1.5"),
        (lambda: layers.GRU(2, recurrent_dropout=-1), "Received: recurrent_dropout=-1"),
        (lambda: layers.LSTM(2, use_cudnn="yes"), "Received: use_cudnn=yes"),
        (lambda: layers.LSTM(2, use_cudnn=True)(INPUTS), "Pass `use_cudnn='auto'`"),
        (lambda: layers.LSTM(2)(INPUTS, initial_state=[INPUTS[:, 0, :2]]), "Received: 1 tensors"),
        (lambda: layers.MultiHeadAttention(0, 2), "Received: num_heads=0"),
        (lambda: layers.MultiHeadAttention(2, 2, dropout=2), "Received: dropout=2"),
        (lambda: layers.MultiHeadAttention(2, 2, value_dim=0), "Received: value_dim=0"),
        (lambda: layers.MultiHeadAttention(2, 2, attention_axes="x"), "attention_axes=x"),
        (
            lambda: layers.MultiHeadAttention(2, 2, dropout=0.1, flash_attention=True),
            "Received: dropout=0.1, flash_attention=True",
        ),
        (
            lambda: layers.MultiHeadAttention(2, 2)(INPUTS, INPUTS, INPUTS[:, :2]),
            r"value_shape=\(2, 3, 4\), key_shape=\(2, 2, 4\)",
        ),
        (lambda: layers.TransformerBlock(0, 2), "Received: intermediate_dim=0"),
        (lambda: layers.TransformerBlock(2, 2, dropout=-1), "Received: dropout=-1"),
        (lambda: layers.TransformerBlock(2, 3)(INPUTS), "multiple of `num_heads`"),
    ],
)
def test_errors_say_what_was_received(build, message):
    with pytest.raises(ValueError, match=message):
        build()
