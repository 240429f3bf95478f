"""The powers fitted to cost curves are right, and the benchmark runs."""

import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import cost_curves
from benchmarks.cost_curves import LAYERS, LENGTHS, growth, predicted, slope

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("power", [-1, 0, 0.5, 1, 2])
def test_slope_of_a_power_law(power):
    assert slope([(n, 3 * n**power) for n in LENGTHS]) == pytest.approx(power, abs=1e-12)


def test_slope_is_the_least_squares_line_of_the_logarithms():
    """Through (0, 0), (1, 2), (2, 1) in powers of ten: covariance 1, variance of x 2."""
    assert slope([(1, 1), (10, 100), (100, 10)]) == pytest.approx(0.5)


@pytest.mark.parametrize("power", [1, 2])
def test_growth_leaves_the_power_without_the_fixed_part(power):
    curve = [(n, 140 + 0.01 * n**power) for n in LENGTHS]
    assert slope(growth(curve)[-3:]) == pytest.approx(power, abs=0.01)


def test_growth_is_not_told_from_noise():
    assert growth([(64, 140.0), (256, 139.0), (1024, 142.0), (4096, 180.0)]) == [(4096, 40.0)]


@pytest.mark.parametrize(
    ("points", "power", "expected"),
    [
        ([], 2, 0),
        ([(4, 3)], 2, 48),
        ([(1, 3), (4, 12)], 1, 48),
        ([(1, 3), (4, 12)], 2, 192),  # as in theory, which small lengths do not show yet
        ([(1, 3), (4, 48)], 1, 768),  # worse than in theory
    ],
)
def test_predicted(points, power, expected):
    assert predicted(points, 16, power) == pytest.approx(expected)


def test_every_peer_is_measured_beside_its_layers():
    """Those that name it stand together, and it is one of them."""
    peers = [layer.peer for layer in LAYERS if layer.peer]
    runs = [peer for index, peer in enumerate(peers) if peers[index - 1 : index] != [peer]]
    assert len(runs) == len(set(runs))
    assert {layer.name for layer in LAYERS if layer.is_peer} == set(runs)


def test_every_layer_can_be_made():
    from benchmarks.training_step import CONTENDERS  # brings a backend, 2 s

    assert list(CONTENDERS) == [layer.name for layer in LAYERS]


def test_memory_is_what_the_steps_add(monkeypatch):
    from benchmarks import training_step

    held = []
    monkeypatch.setattr(
        training_step, "training_step", lambda *_: lambda: held.append(np.ones(32 << 17))
    )
    assert training_step.mebibytes(1, "LSTM") == pytest.approx(2 * 32, abs=2)


def test_a_layer_that_would_take_too_long_is_left_out(monkeypatch, tmp_path, capsys):
    asked = []

    def measured(layers, length):
        asked.append((length, [layer.name for layer in layers]))
        return {x.name: cost_curves.Cost([1e-3 * length**x.time], 1.0) for x in layers}

    monkeypatch.setattr(cost_curves, "_measure", measured)
    names = ["LSTM", "TransformerBlock"]
    arguments = ["--lengths", "10,100", "--seconds", "2", "--layers", *names]
    monkeypatch.setattr(sys, "argv", ["", *arguments, "--figure", str(tmp_path / "curves.svg")])
    cost_curves.main()
    assert asked == [(10, names), (100, ["LSTM"])]
    assert "| TransformerBlock | 100.0 | - |" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.timeout(300)  # six processes, each of which imports TensorFlow
def test_two_lengths_of_two_layers(tmp_path):
    figure = tmp_path / "curves.svg"
    names = ["GRU", "Keras GRU"]
    command = [sys.executable, "-m", "benchmarks.cost_curves", "--lengths", "4,8"]
    done = subprocess.run(
        [*command, "--layers", *names, "--figure", str(figure)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^\| (.+) \|$", done.stdout, re.MULTILINE)
    cells = [row.split(" | ") for row in rows if row.startswith(tuple(names))]
    assert [row[0] for row in cells] == [*names, *names, "GRU"]
    assert all(float(cell) > 0 for row in cells[:4] for cell in row[1:3])
    assert all(float(cell) > 0 for cell in cells[4][2:])
    assert len(list(ElementTree.parse(figure).iter("{http://www.w3.org/2000/svg}polyline"))) == 4
