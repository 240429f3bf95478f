"""The places of trials that work side by side: how many, and how many threads each may use."""

from __future__ import annotations

import os
from collections.abc import Mapping

import psutil

THREADS_VARIABLE = "KERAS_SEQ_THREADS"
# A TensorFlow worker takes 540 MB before its model; twice that leaves room for one.
WORKER_MEMORY_BYTES = 1 << 30


def places(jobs: int | None, trials: int) -> tuple[int, int]:
    """Trials at a time, `jobs` where that is given, and the threads of each."""
    jobs = jobs or default_jobs(trials)
    return jobs, max(1, _cores() // max(1, min(jobs, trials)))


def default_jobs(trials: int) -> int:
    """Trials at a time: as many as cores, as memory holds, and as there are."""
    memory = psutil.virtual_memory().available // WORKER_MEMORY_BYTES
    return max(1, min(_cores(), trials, int(memory)))


def worker_environment(environment: Mapping[str, str], threads: int) -> dict[str, str]:
    """The environment of a worker that may use `threads` cores, whatever its backend."""
    count = str(threads)
    xla = environment.get("XLA_FLAGS", "")
    if threads == 1:
        xla = f"{xla} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1".strip()
    return {
        **environment,
        THREADS_VARIABLE: count,
        "OMP_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "TF_NUM_INTRAOP_THREADS": count,
        "TF_NUM_INTEROP_THREADS": count,
        "XLA_FLAGS": xla,
        # Several workers share a GPU: none may take all of its memory at once.
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_CPP_MIN_LOG_LEVEL": environment.get("TF_CPP_MIN_LOG_LEVEL", "2"),
        "PYTHONUNBUFFERED": "1",
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
