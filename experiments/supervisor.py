"""The process that runs one experiment: `python -P -m experiments.supervisor FOLDER`.

Starts a process per trial, `jobs` at a time with the cores divided among them, notes how each
ended, passes stops on, chooses the learning rates, and measures the null baselines. One trial's end
never touches another, except that trials to compare wait for those that tune their model, which may
be pruned where others did better.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import psutil

from experiments import tuning
from experiments.control import Request, ask, asked, reason_of
from experiments.errors import KerasSeqError, StoreError
from experiments.events import (
    BaselineMeasured,
    Event,
    Started,
    StatusChanged,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
)
from experiments.process import ending, is_alive, this_process
from experiments.pruning import Pruning
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import ExperimentFolder, JournalReader, JournalWriter, TrialFolder
from experiments.trial_view import TrialView
from experiments.worker import THREADS_VARIABLE

POLL_SECONDS = 0.05
# A step of a large model, or its compilation, may take this long before it can be interrupted.
ASKED_SECONDS = 15.0
TERMINATED_SECONDS = 5.0
# A TensorFlow worker takes 540 MB before its model; twice that leaves room for one.
WORKER_MEMORY_BYTES = 1 << 30

WorkerCommand = Callable[[TrialFolder], Sequence[str]]


def worker_command(folder: TrialFolder) -> Sequence[str]:
    """How a trial's process is started; `-P` keeps the current folder off its import path."""
    return [sys.executable, "-P", "-m", "experiments.worker", str(folder.path)]


@dataclass
class _Worker:
    """A running trial."""

    folder: TrialFolder
    process: subprocess.Popen[bytes]
    behind: str = ""
    """Why it is pruned, if it is."""
    rung: str = ""
    rung_since: float = field(default=0.0)


class Supervisor:
    """Runs the open trials of an experiment to their ends."""

    def __init__(
        self,
        folder: ExperimentFolder,
        command: WorkerCommand = worker_command,
        *,
        asked_seconds: float = ASKED_SECONDS,
        terminated_seconds: float = TERMINATED_SECONDS,
    ) -> None:
        self._folder = folder
        self._command = command
        self._asked_seconds = asked_seconds
        self._terminated_seconds = terminated_seconds
        self._config = folder.read_config()
        self._reader = ExperimentReader(folder)
        view = self._reader.read()
        if view.process is not None and math.isnan(view.ended) and is_alive(view.process):
            raise StoreError(f"{folder.name} already has a supervisor (pid {view.process.pid}).")
        # From here on the journal is ours alone; read again what the one before us left.
        self._journal = JournalWriter(folder.journal)
        view = self._reader.read()
        self._untuned = tuning.untuned(view)
        self._pruning = Pruning(view) if self._config.protocol.prune and self._untuned else None
        self._models = {trial.name: trial.model for trial in view.comparison_trials}
        self._waiting = [
            folder.trial(trial.name)
            for trial in view.trials
            if not trial.status.is_finished or trial.status is Status.LOST
            # A worker that outlived its supervisor ends by itself; two would spoil its journal.
            if not _has_worker(trial)
        ]
        self._jobs, self._threads = places(self._config.jobs, len(self._waiting))
        self._running: list[_Worker] = []
        self._reasons: list[str] = []
        self._stopping = False
        self._told: set[str] = set()

    def run(self) -> None:
        """Work until no trial is open."""
        self._record(
            SupervisorStarted(process=this_process(), jobs=self._jobs, threads=self._threads)
        )
        baselines = self._measured_baselines()
        while self._waiting or self._running:
            self._drop_stopped()
            self._choose_rates()
            self._launch()
            self._reap()
            # One baseline a round, once the trials are on their way.
            event = None if self._stopping else next(baselines, None)
            if event is not None:
                self._record(event)
                continue
            time.sleep(POLL_SECONDS)
        if not self._stopping:
            for event in baselines:
                self._record(event)
        self._record(SupervisorEnded(reason="; ".join(self._reasons)), durable=True)
        self._journal.close()

    def stop(self) -> None:
        """Stop every open trial; `run` then comes to its end."""
        self._stopping = True

    def _record(self, event: Event, *, durable: bool = False) -> None:
        self._journal.append(event, durable=durable)

    def _end(self, folder: TrialFolder, status: Status, reason: str) -> None:
        self._record(TrialEnded(trial=folder.name, status=status, reason=reason), durable=True)

    def _asked(self, folder: TrialFolder) -> Request:
        if self._stopping:
            return Request.STOP
        try:
            return asked(folder)
        except StoreError as error:
            if folder.name not in self._told:
                self._told.add(folder.name)
                print(error, file=sys.stderr)
            return Request.NONE

    def _drop_stopped(self) -> None:
        for folder in list(self._waiting):
            request = self._asked(folder)
            if request is Request.NONE:
                continue
            self._waiting.remove(folder)
            if request is Request.PRUNE:  # by a supervisor before this one
                self._end(folder, Status.PRUNED, reason_of(folder))
            else:
                self._end(folder, Status.STOPPED, "stopped by a person before it began")

    def _choose_rates(self) -> None:
        """Choose the rates of models whose tuning has ended, and let their other trials begin."""
        at_work = {folder.name for folder in self._waiting}
        at_work |= {worker.folder.name for worker in self._running}
        for model, names in list(self._untuned.items()):
            waiting = [f for f in self._waiting if self._models.get(f.name) == model]
            if not waiting or names & at_work:
                continue
            view = self._reader.read()
            trials = [trial for trial in view.tuning_trials if trial.name in names]
            if any(_has_worker(t) for t in trials if not t.status.is_finished):
                continue  # one that outlived its supervisor
            chosen = tuning.choose(view, model)
            for folder in waiting:
                try:
                    folder.set_learning_rate(chosen.learning_rate)
                except StoreError as error:
                    self._waiting.remove(folder)
                    self._end(folder, Status.FAILED, str(error))
            # After the files: whoever takes over from here finds them as the journal says.
            self._record(chosen, durable=True)
            del self._untuned[model]

    def _next(self) -> TrialFolder | None:
        """The first trial that waits for a place and for nothing else."""
        for folder in self._waiting:
            if self._models.get(folder.name) not in self._untuned:
                return folder
        return None

    def _launch(self) -> None:
        while len(self._running) < self._jobs and (folder := self._next()) is not None:
            self._waiting.remove(folder)
            if self._pruning is not None:
                self._pruning.follow(folder)
            try:
                with folder.console.open("ab") as console:
                    process = subprocess.Popen(
                        self._command(folder),
                        stdin=subprocess.DEVNULL,
                        stdout=console,
                        stderr=subprocess.STDOUT,
                        env=worker_environment(os.environ, self._threads),
                        start_new_session=True,
                    )
            except OSError as error:
                story = error.strerror or str(error)
                if error.filename:
                    story = f"{story}: {error.filename}"
                self._end(folder, Status.FAILED, f"its process could not be started: {story}")
                continue
            self._running.append(_Worker(folder, process))

    def _reap(self) -> None:
        for worker in list(self._running):
            code = worker.process.poll()
            # Of one that has ended, too: the others are judged by what it has reached.
            behind = "" if self._pruning is None else self._pruning.judge(worker.folder)
            if code is None:
                request = self._asked(worker.folder)
                if behind and request is Request.NONE:
                    worker.behind = behind
                if worker.behind or request is not Request.NONE:
                    self._climb(worker)
                continue
            self._running.remove(worker)
            said = _last_status(worker.folder)
            if said is not None:
                self._end(worker.folder, said.status, said.reason)
            elif worker.behind and code != 0:
                self._end(worker.folder, Status.PRUNED, f"{worker.behind} ({worker.rung})")
            elif worker.rung and code != 0:
                self._end(worker.folder, Status.STOPPED, f"stopped by a person ({worker.rung})")
            else:
                self._end(worker.folder, Status.FAILED, _last_words(worker.folder, code))

    def _climb(self, worker: _Worker) -> None:
        """The stop ladder: ask, terminate, kill, each when the one before had its time."""
        now = time.monotonic()
        waited = now - worker.rung_since
        if not worker.rung:
            try:
                if worker.behind:
                    ask(worker.folder, Request.PRUNE, worker.behind)
                else:
                    ask(worker.folder, Request.STOP)
            except StoreError as error:
                # On a full disk the next rungs still work.
                print(error, file=sys.stderr)
            worker.rung = "asked"
        elif worker.rung == "asked" and waited > self._asked_seconds:
            _signal_group(worker, signal.SIGTERM)
            worker.rung = "terminated"
        elif worker.rung == "terminated" and waited > self._terminated_seconds:
            _signal_group(worker, signal.SIGKILL)
            worker.rung = "killed"
        else:
            return
        worker.rung_since = now
        self._record(StopRequested(trial=worker.folder.name, rung=worker.rung))

    def _measured_baselines(self) -> Iterator[BaselineMeasured]:
        task = self._config.task.task
        try:
            for seed in self._config.seeds:
                test = task.evaluation_set("test", seed)
                for name, predictions in task.baselines(seed).items():
                    values = task.measure(predictions, test)
                    yield BaselineMeasured(
                        name=name,
                        seed=seed,
                        values={f"test_{k}": float(v) for k, v in values.items()},
                    )
        except Exception as error:
            # A task's fault must not end the trials of an experiment; they can do without.
            traceback.print_exc()
            story = " ".join(str(error).split()) or "no message"
            self._reasons.append(f"baselines were not measured: {type(error).__name__}: {story}")


def _has_worker(trial: TrialView) -> bool:
    return trial.process is not None and is_alive(trial.process)


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


def _signal_group(worker: _Worker, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):  # it may end at this moment
        os.killpg(worker.process.pid, number)


def _last_status(folder: TrialFolder) -> StatusChanged | None:
    """The final status that the worker of the last attempt recorded itself."""
    said = None
    try:
        for event in JournalReader(folder.journal).read():
            if isinstance(event, Started):
                said = None
            elif isinstance(event, StatusChanged) and event.status.is_finished:
                said = event
    except StoreError as error:
        print(error, file=sys.stderr)
    return said


def _last_words(folder: TrialFolder, code: int) -> str:
    try:
        console = folder.console.read_text(errors="replace")
    except OSError:
        console = ""
    return ending(code, console)


def main() -> int:
    """Run the experiment whose folder is the only argument."""
    try:
        supervisor = Supervisor(ExperimentFolder(Path(sys.argv[1])))
    except KerasSeqError as error:
        print(error, file=sys.stderr)
        return 2

    def stop(_signal: int, _frame: FrameType | None) -> None:
        supervisor.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    try:
        supervisor.run()
    except StoreError as error:
        print(error, file=sys.stderr)
        return os.EX_IOERR
    return 0


if __name__ == "__main__":
    sys.exit(main())
