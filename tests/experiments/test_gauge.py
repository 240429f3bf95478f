import os
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest

from experiments import gauge
from experiments.gauge import LOOK_SECONDS, Gauge

GIB = 1 << 30


class Child:
    """A process that the trial's has started, with what it shares with nobody."""

    def __init__(self, seconds, own=0, is_gone=False, problem=None):
        self.seconds, self.own, self.is_gone, self.problem = seconds, own, is_gone, problem

    def cpu_times(self):
        if self.is_gone:
            raise psutil.NoSuchProcess(9)
        return (0.0, self.seconds, 0.0, 0.0, 0.0)

    def memory_full_info(self):
        if self.problem:
            raise self.problem
        return SimpleNamespace(rss=self.own + GIB, uss=self.own)


class Machine:
    """A clock and a process, both as the test wants them."""

    def __init__(self):
        self.time, self.user, self.system, self.rss = 1000.0, 0.0, 0.0, GIB
        self.of_ended = 0.0
        self.children = []
        self.is_gone = False

    def process(self, pid):
        if self.is_gone:
            raise psutil.NoSuchProcess(pid)
        return SimpleNamespace(
            cpu_times=lambda: (self.user, self.system, self.of_ended, 0.0, 9e9),
            memory_info=lambda: SimpleNamespace(rss=self.rss),
            children=lambda recursive: self.children if recursive else [],
        )

    def work(self, cores, seconds=LOOK_SECONDS):
        """Let time pass in which so many cores are busy, a quarter of it in the kernel."""
        self.time += seconds
        self.user += 0.75 * cores * seconds
        self.system += 0.25 * cores * seconds


@pytest.fixture
def machine(monkeypatch):
    made = Machine()
    monkeypatch.setattr(gauge, "time", SimpleNamespace(monotonic=lambda: made.time))
    monkeypatch.setattr(gauge.psutil, "Process", made.process)
    return made


def told(one):
    event = one.look()
    return event and (event.trial, event.cores, event.memory_bytes)


def test_cores_and_memory_since_the_last_look(machine):
    one = Gauge("gru-s0", 7)
    machine.work(2.0)
    assert told(one) == ("gru-s0", 2.0, GIB)
    machine.work(0.5, seconds=10)
    machine.rss = 3 * GIB
    assert told(one) == ("gru-s0", 0.5, 3 * GIB)


def test_nobody_looks_too_often(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0, seconds=LOOK_SECONDS / 2)
    assert told(one) is None
    machine.work(1.0, seconds=LOOK_SECONDS / 2)
    assert told(one) == ("gru-s0", 1.0, GIB)
    assert told(one) is None


@pytest.mark.parametrize(
    ("cores", "memory", "is_news"),
    [
        (2.0, GIB, False),
        (2.4, GIB, False),
        (1.6, GIB, False),
        (2.6, GIB, True),
        (1.4, GIB, True),
        (0.0, GIB, True),
        (2.0, 1.05 * GIB, False),
        (2.0, 1.2 * GIB, True),
        (2.0, 0.8 * GIB, True),
    ],
)
def test_only_news_is_told(machine, cores, memory, is_news):
    one = Gauge("gru-s0", 7)
    machine.work(2.0)
    assert told(one)
    machine.work(cores)
    machine.rss = int(memory)
    assert (told(one) is not None) is is_news


def test_small_steps_are_told_once_they_add_up(machine):
    """News is what differs from what was told, not from what was seen last."""
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    seen = [told(one)]
    for percent in range(1, 31):
        machine.work(1.0)
        machine.rss = GIB * (100 + percent) // 100
        seen.append(told(one))
    assert [event[2] * 100 // GIB for event in seen if event] == [100, 110, 122]


def test_a_hang_is_told_once(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    assert told(one)
    seen = []
    for _ in range(5):
        machine.work(0.0)
        seen.append(told(one))
    assert seen == [("gru-s0", 0.0, GIB), None, None, None, None]
    machine.work(0.05)
    assert told(one) is None
    machine.work(1.0)
    assert told(one) == ("gru-s0", 1.0, GIB)


def test_what_it_has_started_counts(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    machine.children = [Child(5.0, GIB), Child(2.5, GIB // 2)]
    assert told(one) == ("gru-s0", 2.5, 5 * GIB // 2)
    # One has ended, and its parent was told what it had taken; the other ends at this moment.
    machine.work(1.0)
    machine.of_ended, machine.children = 5.0, [Child(2.5, is_gone=True)]
    assert told(one) is None
    machine.of_ended, machine.children = 7.5, []
    assert told(one) == ("gru-s0", 1.0, GIB)


@pytest.mark.parametrize("problem", [psutil.ZombieProcess(9), psutil.AccessDenied(9)])
def test_one_whose_memory_is_not_told_counts_by_its_work(machine, problem):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    machine.children = [Child(5.0, problem=problem), Child(5.0, GIB)]
    assert told(one) == ("gru-s0", 3.0, 2 * GIB)


def test_nobody_keeps_fewer_than_no_cores_busy(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    machine.children = [Child(500.0)]
    assert told(one) == ("gru-s0", 101.0, GIB)
    machine.work(1.0)
    machine.children = []  # an orphan, once its own parent has ended
    assert told(one) == ("gru-s0", 0.0, GIB)
    machine.work(1.0)
    assert told(one) == ("gru-s0", 1.0, GIB)


def test_of_a_process_that_is_gone_nothing_is_told(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    machine.is_gone = True
    assert told(one) is None


def test_of_a_process_that_has_ended_and_waits_for_its_parent_nothing_is_told(machine):
    one = Gauge("gru-s0", 7)
    machine.work(1.0)
    machine.rss = 0
    assert told(one) is None


def test_a_process_that_works_and_one_that_waits(monkeypatch):
    monkeypatch.setattr(gauge, "LOOK_SECONDS", 0.0)
    script = "held = bytearray(50_000_000); print(sum(range(10**6)), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        one = Gauge("gru-s0", child.pid)
        child.stdout.readline()
        found = one.look()
        assert 0.0 < found.cores < 2 * os.cpu_count()
        assert 50_000_000 < found.memory_bytes < psutil.virtual_memory().total
        child.stdin.close()
    assert one.look() is None


def test_a_process_that_lets_another_work(monkeypatch):
    monkeypatch.setattr(gauge, "LOOK_SECONDS", 0.0)
    loader = "held = bytearray(50_000_000); print(sum(range(5 * 10**6)), flush=True); input()"
    script = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {loader!r}])"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        one = Gauge("gru-s0", parent.pid)
        parent.stdout.readline()
        own = psutil.Process(parent.pid)
        alone, held = sum(own.cpu_times()[:2]), own.memory_info().rss
        found = one.look()
        parent.stdin.close()
    assert found.memory_bytes > held + 50_000_000
    assert one._seconds > alone + 0.02
