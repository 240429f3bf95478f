"""A worker without a network: `python -P fake_worker.py FOLDER BEHAVIOUR`."""

import json
import math
import os
import resource
import signal
import sys
import threading
import time
from pathlib import Path

from experiments.control import Request, ask, asked
from experiments.errors import StoreError
from experiments.events import Built, Measured, Started, StatusChanged
from experiments.journal import JournalWriter
from experiments.listener import Listener
from experiments.process import this_process
from experiments.status import Status
from experiments.store import TrialFolder

STEPS = 8
DEADLINE_SECONDS = 60.0


def wait_for(condition):
    """Poll; give up after a minute, so that a failing test leaves nobody behind."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    return condition()


def main():
    folder, behaviour = TrialFolder(Path(sys.argv[1])), sys.argv[2]
    if behaviour == "ignores everything":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    room = 300 if behaviour == "no room" else resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    try:
        work(folder, behaviour)
    except StoreError as error:
        sys.exit(str(error))


def work(folder, behaviour):
    journal = JournalWriter(folder.journal)
    journal.append(Started(process=this_process()))
    journal.append(Built(num_parameters=3, backend="none", device="none", threads=1))
    for step in range(1, STEPS + 1):
        journal.append(Measured(step=step, values={"train_loss": 1 / step}))
    match behaviour:
        case "meets another":
            # Ends only when a second trial works at the same time.
            if not wait_for(lambda: len(list(folder.path.parent.glob("*/events.jsonl"))) > 1):
                sys.exit("nobody came")
        case "raises":
            print("a story before it")
            raise RuntimeError("the layers do not match")
        case "exits":
            print("one line\nand a last line")
            sys.exit(3)
        case "exits silently":
            sys.exit(3)
        case "leaves no result":
            return
        case "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "dies of a nameless signal":
            os.kill(os.getpid(), 40)
        case "says it failed":
            journal.append(StatusChanged(status=Status.FAILED, reason="NaN at step 8"))
            sys.exit(1)
        case "completes and crashes":
            journal.append(StatusChanged(status=Status.COMPLETED), durable=True)
            os.abort()
        case "waits" | "waits for ever":
            cooperative = behaviour == "waits"
            wait_for(lambda: cooperative and asked(folder).request.is_end)
            end(journal, folder)
            return
        case "loses its gradient":
            journal.append(Measured(step=STEPS, values={"gradient_norm": math.nan}))
            wait_for(lambda: asked(folder).request.is_end or asked(folder).checkpoints)
            if asked(folder).request.is_end:
                end(journal, folder)
                return
        case "pauses":
            # Asked here, so that no test has to be quicker than the work.
            ask(folder, Request.PAUSE)
            listener = Listener(lambda: asked(folder), journal.append)
            if listener.must_end():
                status, reason = listener.end
                journal.append(StatusChanged(status=status, reason=reason))
                return
        case "ignores everything":
            wait_for(lambda: False)
    values = {"validation_mse": 0.5, "test_mse": 0.5}
    if behaviour.startswith("prefers ") or " unless " in behaviour:
        # The further its learning rate is from the one preferred, the worse.
        rate = json.loads(folder.config.read_text())["budget"]["learning_rate"]
        distance = abs(math.log(rate / float(behaviour.split()[-1])))
        values = {"learning_rate": rate, "validation_mse": distance}
        if " unless " in behaviour:
            if behaviour.startswith("is stopped") and distance > 0:
                ask(folder, Request.STOP)
            journal.append(Measured(step=STEPS // 2, values={"validation_mse": distance}))
            if distance > 0:
                cooperative = not behaviour.startswith("ignores")
                supervisor = folder.path.parent / "supervisor.jsonl"
                passed_on = f'"trial":"{folder.name}","rung":"asked"'.encode()
                wait_for(lambda: cooperative and passed_on in supervisor.read_bytes())
                end(journal, folder)
                return
    journal.append(Measured(step=STEPS, values=values))
    journal.append(StatusChanged(status=Status.COMPLETED), durable=True)


def end(journal, folder):
    """The last word of one that was asked to end."""
    control = asked(folder)
    status, reason = Status.STOPPED, control.reason or "stopped by a person"
    if control.request is Request.PRUNE:
        status = Status.PRUNED
    journal.append(StatusChanged(status=status, reason=reason))


if __name__ == "__main__":
    main()
