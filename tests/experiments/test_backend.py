"""Which backend a worker will use, found out without importing it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import backend
from experiments.errors import RequestError, UnknownNameError


@pytest.fixture(autouse=True)
def _no_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))


def test_tensorflow_unless_told_otherwise() -> None:
    assert backend.configured_backend() == "tensorflow"


def test_the_settings_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    assert backend.configured_backend() == "jax"


@pytest.mark.parametrize("content", ["", "no json", "[]", "3", '{"floatx": "float32"}'])
def test_a_settings_file_without_a_backend_means_tensorflow(tmp_path: Path, content: str) -> None:
    (tmp_path / "keras.json").write_text(content)
    assert backend.configured_backend() == "tensorflow"


def test_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    assert backend.configured_backend() == "torch"


def test_an_unknown_backend_names_the_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "tensorflw")
    with pytest.raises(UnknownNameError, match="Did you mean 'tensorflow'"):
        backend.check_backend()


def test_a_missing_backend_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(RequestError, match=r'pip install "keras-seq\[app,jax\]"'):
        backend.check_backend()


def test_an_experiment_goes_on_with_the_backend_it_began_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setattr(backend.importlib.util, "find_spec", lambda name: name == "jax" or None)
    assert backend.check_backend("jax") == "jax"
    with pytest.raises(RequestError, match="or choose another with KERAS_BACKEND"):
        backend.check_backend()
    with pytest.raises(RequestError, match="or begin a new experiment: this one has begun on it"):
        backend.check_backend("tensorflow")


def test_devices_are_found_without_keras_s_list(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    def missing() -> None:
        # What Keras does on PyTorch.
        raise AttributeError("'NoneType' object has no attribute 'list_devices'")

    monkeypatch.setattr(keras.distribution, "list_devices", missing)
    (device,) = backend.devices()
    assert "cpu" in device.lower()


@pytest.mark.slow
def test_the_backend_is_what_keras_imports() -> None:
    command = [sys.executable, "-P", "-m", "experiments.backend"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout.splitlines()[-1])
    assert document["backend"] == backend.configured_backend()
    assert document["devices"]
