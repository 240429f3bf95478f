"""Who may load what: light modules stay light, so that the first screen is there at once."""

import importlib.util
import json
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

BACKENDS = {"tensorflow", "keras", "jax", "torch"}
SERVER = {"aiohttp", "aiohttp_jinja2", "jinja2", "textual_serve"}
FORBIDDEN = {
    "experiments": BACKENDS
    | SERVER
    | {"matplotlib", "textual", "typer", "sklearn", "scipy", "optuna"},
    "tui": BACKENDS | SERVER | {"matplotlib", "sklearn", "scipy", "optuna", "keras_seq"},
    "keras_seq": {"textual", "typer", "rich", "msgspec", "scipy", "psutil", "sklearn", "tui"},
}
# What nobody imports but the trial's own process, the backend it is written for, or the command
# of that name.
APART = {
    "experiments.losses",
    "experiments.pretraining",
    "experiments.probes.chain",
    "experiments.recorders.reading",
    "experiments.recorders.signals",
    "experiments.updates",
    "tui.serve",
    *(f"keras_seq.ops._{backend}" for backend in BACKENDS),
}
# Imports the modules one after the other and tells which one brought what with it.
SCRIPT = """
import importlib, json, sys
modules, forbidden, allowed = json.loads(sys.argv[1])
for name in allowed:
    importlib.import_module(name)
there = {name.partition(".")[0] for name in sys.modules}
for name in modules:
    importlib.import_module(name)
    loaded = {name.partition(".")[0] for name in sys.modules}
    if brought := sorted((loaded - there) & set(forbidden)):
        print(name, "imports", *brought)
    there = loaded
"""


def folders_of(package):
    return importlib.util.find_spec(package).submodule_search_locations


def modules_of(package):
    """Every module of a package, without importing it."""
    found = [package]
    for path in map(Path, folders_of(package)):
        for file in sorted(path.rglob("*.py")):
            parts = file.relative_to(path.parent).with_suffix("").parts
            found.append(".".join(parts).removesuffix(".__init__"))
    return sorted(set(found))


def is_apart(module):
    return any(module == name or module.startswith(f"{name}.") for name in APART)


def imported(package, *allowed):
    modules = [name for name in modules_of(package) if not is_apart(name)]
    request = json.dumps([modules, sorted(FORBIDDEN[package]), allowed])
    return subprocess.run(
        [sys.executable, "-P", "-W", "ignore", "-c", SCRIPT, request],
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize(
    # What Keras itself brings is its own affair.
    ("package", "allowed"),
    [
        ("experiments", []),
        ("tui", []),
        pytest.param("keras_seq", ["keras"], marks=pytest.mark.slow),
    ],
)
def test_no_module_brings_what_its_package_does_without(package, allowed):
    done = imported(package, *allowed)
    assert (done.stdout, done.stderr[-2000:] if done.returncode else "") == ("", "")
    assert done.returncode == 0


@pytest.mark.parametrize("package", FORBIDDEN)
def test_every_module_is_looked_at(package):
    """The walk above finds what Python's own finds."""
    modules = pkgutil.iter_modules(folders_of(package))
    expected = {f"{package}.{module.name}" for module in modules}
    assert expected <= set(modules_of(package))


def test_a_module_that_brings_a_backend_would_be_found(tmp_path):
    (tmp_path / "innocent.py").write_text("import wave")
    request = json.dumps([["json", "innocent"], ["wave", "json"], []])
    done = subprocess.run(
        [
            sys.executable,
            "-P",
            "-c",
            f"import sys; sys.path.append({str(tmp_path)!r}){SCRIPT}",
            request,
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "innocent imports wave\n"


@pytest.mark.parametrize("package", ["experiments", "tui"])
def test_a_package_itself_is_a_docstring(package):
    text = Path(importlib.util.find_spec(package).origin).read_text(encoding="utf-8")
    assert text.startswith('"""')
    assert text.rstrip().endswith('"""')
    assert text.count('"""') == 2


def test_the_contracts_of_pyproject_hold():
    root = Path(__file__).parents[1]
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache"], cwd=root, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
