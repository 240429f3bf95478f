import os
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from experiments.process import is_alive, peak_memory_bytes, this_process


def test_this_process_lives():
    assert this_process().pid == os.getpid()
    assert is_alive(this_process())


def test_the_peak_of_memory_stays_when_the_memory_is_given_back():
    before = peak_memory_bytes()
    held = np.ones(2 * int(before), np.uint8)
    size = held.nbytes
    del held
    assert size < peak_memory_bytes() < size + 2 * before


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel only says this much")
def test_the_peak_of_memory_is_not_that_of_the_process_that_started_it():
    size = 300 << 20
    parent = f"""if True:
        import subprocess, sys
        held = b"1" * {size}
        script = "from experiments.process import peak_memory_bytes as peak; print(peak())"
        subprocess.run([sys.executable, "-P", "-c", script], check=True)
    """
    told = subprocess.run([sys.executable, "-P", "-c", parent], check=True, capture_output=True)
    assert 1 << 20 < float(told.stdout) < size / 2


def test_a_later_process_with_the_same_number_does_not_pass_for_it():
    earlier = msgspec.structs.replace(this_process(), created=this_process().created - 60)
    assert not is_alive(earlier)


def test_a_process_elsewhere_cannot_be_asked_and_counts_as_alive():
    assert is_alive(msgspec.structs.replace(this_process(), host="elsewhere", pid=1))


def test_a_process_that_ended_is_dead_also_before_its_parent_asks():
    script = "from experiments.process import this_process as t; import msgspec.json as j;"
    script += "print(j.encode(t()).decode(), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        process = msgspec.json.decode(child.stdout.readline(), type=type(this_process()))
        assert is_alive(process)
        child.stdin.close()
        # A pipe closes when its writer ends; nobody has collected the child by then.
        assert child.stdout.read() == b""
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert child.returncode is None
        assert not is_alive(process)
    assert not is_alive(process)
