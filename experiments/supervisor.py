"""The process that runs one experiment: `python -P -m experiments.supervisor FOLDER`.

Starts a process per trial, `jobs` at a time with the cores divided among them, notes how each
ended, passes stops on, takes up again what a person wants to be tried again, chooses the learning
rates, and measures the null baselines. One trial's end never touches another, except that trials to
compare wait for those that tune their model, which may be pruned where others did better.
"""

from __future__ import annotations

import math
import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

from experiments import tuning
from experiments.backend import VARIABLE as BACKEND_VARIABLE
from experiments.backend import configured_backend
from experiments.checkpoint import remove
from experiments.control import STOPPED, Control, Request, asked
from experiments.errors import KerasSeqError, StoreError
from experiments.events import (
    BaselineMeasured,
    Event,
    StopRequested,
    SupervisorEnded,
    SupervisorStarted,
    TrialEnded,
    TrialQueued,
)
from experiments.journal import JournalWriter
from experiments.places import places, worker_environment
from experiments.process import is_alive, this_process
from experiments.pruning import Pruning
from experiments.reader import ExperimentReader
from experiments.running_trial import RunningTrial
from experiments.status import Status
from experiments.store import ExperimentFolder, TrialFolder
from experiments.trial_view import TrialView
from experiments.watch import LOOK_SECONDS as WATCH_SECONDS
from experiments.watch import Watch, carry_out

POLL_SECONDS = 0.05
# A step of a large model, or its compilation, may take this long before it can be interrupted.
ASKED_SECONDS = 15.0
TERMINATED_SECONDS = 5.0
# Between two looks for trials that have ended and shall be tried again.
LOOK_SECONDS = 0.5

WorkerCommand = Callable[[TrialFolder], Sequence[str]]


def worker_command(folder: TrialFolder) -> Sequence[str]:
    """How a trial's process is started; `-P` keeps the current folder off its import path."""
    return [sys.executable, "-P", "-m", "experiments.worker", str(folder.path)]


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
        self._watch, self._next_watch = Watch(self._config.alerts, view), 0.0
        self._models = {trial.name: trial.model for trial in view.comparison_trials}
        self._stopping = False
        self._told: set[str] = set()
        self._retries = {trial.name: trial.retries for trial in view.trials}
        """Of each trial, how many attempts that a person asked for have been taken up."""
        self._next_look = 0.0
        # A worker that outlived its supervisor ends by itself; two would spoil its journal.
        taken_up = [
            trial
            for trial in view.trials
            if not trial.status.is_finished or trial.status is Status.LOST
            if not _has_worker(trial)
            # What a person wants to be tried again is taken up with all that has ended.
            if self._asked(folder.trial(trial.name)).retries <= trial.retries
        ]
        self._waiting = [folder.trial(trial.name) for trial in taken_up]
        self._lost = [trial for trial in taken_up if trial.status is Status.LOST]
        self._paused: set[str] = set()
        """Those of the waiting that wait for a person."""
        self._jobs, self._threads = places(self._config.jobs, len(self._waiting))
        if view.jobs and view.threads:
            # As before: numbers and timings of trials that are tried again stay comparable.
            self._jobs, self._threads = view.jobs, view.threads
        self._backend = view.backend or configured_backend()  # for the same reason
        self._running: list[RunningTrial] = []
        self._reasons: list[str] = []

    def run(self) -> None:
        """Work until no trial is open."""
        self._record(
            SupervisorStarted(
                process=this_process(),
                jobs=self._jobs,
                threads=self._threads,
                backend=self._backend,
            )
        )
        for trial in self._lost:
            self._record(TrialQueued(trial=trial.name, retries=trial.retries))
        baselines = self._measured_baselines()
        while self._has_work():
            self._take_up_again()
            self._hear_waiting()
            self._choose_rates()
            self._launch()
            self._reap()
            self._sample()
            self._alert()
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

    def _has_work(self) -> bool:
        if self._waiting or self._running:
            return True
        self._next_look = 0.0  # the last one: whoever asks later starts a supervisor
        return self._take_up_again() or bool(self._waiting)

    def _record(self, event: Event, *, durable: bool = False) -> None:
        self._journal.append(event, durable=durable)

    def _end(self, folder: TrialFolder, status: Status, reason: str) -> None:
        self._record(TrialEnded(trial=folder.name, status=status, reason=reason), durable=True)

    def _asked(self, folder: TrialFolder) -> Control:
        try:
            control = asked(folder)
        except StoreError as error:
            if folder.name not in self._told:
                self._told.add(folder.name)
                print(error, file=sys.stderr)
            control = Control()
        if self._stopping and not control.request.is_end:
            return Control(request=Request.STOP)
        return control

    def _take_up_again(self) -> bool:
        """Queue the trials that have ended and that a person wants to be tried again.

        Whether one of them must wait for its process, which has said its last word.
        """
        must_wait = False
        if self._stopping or time.monotonic() < self._next_look:
            return must_wait
        self._next_look = time.monotonic() + LOOK_SECONDS
        at_work = {folder.name for folder in self._waiting}
        at_work |= {trial.folder.name for trial in self._running}
        for name, retries in self._retries.items():
            folder = self._folder.trial(name)
            if name in at_work or (control := self._asked(folder)).retries <= retries:
                continue
            trial = self._reader.read().trial(name)
            if trial is None or _has_worker(trial):  # two would spoil one journal
                must_wait |= trial is not None and trial.status.is_finished
                continue
            self._retries[name] = control.retries
            if trial.status is Status.COMPLETED:
                continue  # meanwhile
            if control.is_anew:
                remove(folder.checkpoint)
            self._waiting.append(folder)
            self._record(TrialQueued(trial=name, retries=control.retries), durable=True)
        return must_wait

    def _hear_waiting(self) -> None:
        """End the waiting trials that shall not begin, and note which of them are paused."""
        for folder in list(self._waiting):
            control = self._asked(folder)
            if control.request.is_end:
                self._waiting.remove(folder)
                if control.request is Request.PRUNE:  # by a supervisor before this one
                    self._end(folder, Status.PRUNED, control.reason)
                else:
                    self._end(folder, Status.STOPPED, f"{STOPPED} before it began")
                continue
            is_paused = control.request is Request.PAUSE
            if is_paused != (folder.name in self._paused):
                self._paused ^= {folder.name}
                self._record(TrialQueued(trial=folder.name, is_paused=is_paused))

    def _choose_rates(self) -> None:
        """Choose the rates of models whose tuning has ended, and let their other trials begin."""
        at_work = {folder.name for folder in self._waiting}
        at_work |= {trial.folder.name for trial in self._running}
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
            is_untuned = self._models.get(folder.name) in self._untuned
            if not is_untuned and folder.name not in self._paused:
                return folder
        return None

    def _launch(self) -> None:
        while len(self._running) < self._jobs and (folder := self._next()) is not None:
            self._waiting.remove(folder)
            # One that a person wants to be tried again is spared.
            if self._pruning is not None and not self._retries[folder.name]:
                self._pruning.follow(folder)
            try:
                environment = {**os.environ, BACKEND_VARIABLE: self._backend}
                environment = worker_environment(environment, self._threads)
                trial = RunningTrial(folder, self._command(folder), environment)
            except OSError as error:
                story = error.strerror or str(error)
                if error.filename:
                    story = f"{story}: {error.filename}"
                self._end(folder, Status.FAILED, f"its process could not be started: {story}")
                continue
            self._running.append(trial)

    def _reap(self) -> None:
        for trial in list(self._running):
            code = trial.code()
            # Of one that has ended, too: the others are judged by what it has reached.
            behind = "" if self._pruning is None else self._pruning.judge(trial.folder)
            if code is not None:
                self._running.remove(trial)
                self._end(trial.folder, *trial.conclusion(code))
                continue
            control = self._asked(trial.folder)
            if behind and not control.request.is_end:
                control = Control(request=Request.PRUNE, reason=behind)
            rung = trial.climb(control, self._asked_seconds, self._terminated_seconds)
            if rung:
                self._record(StopRequested(trial=trial.folder.name, rung=rung))

    def _sample(self) -> None:
        """Tell what the processes at work take, where that has changed."""
        for trial in self._running:
            if (event := trial.gauge.look()) is not None:
                # On a full disk the trials may go on without.
                with suppress(StoreError):
                    self._record(event)

    def _alert(self) -> None:
        """Tell what the rules find, and ask of the trials what the rules are to do."""
        if time.monotonic() < self._next_watch:
            return
        self._next_watch = time.monotonic() + WATCH_SECONDS
        for event in self._watch.look(self._reader.read(), time.time()):
            self._record(event, durable=True)
            carry_out(self._folder, event)

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
    if trial.process is None or not is_alive(trial.process):
        return False
    # One on another host counts as alive, because it cannot be asked; it has said that it ended.
    return trial.process.host == platform.node() or not trial.status.is_finished


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
