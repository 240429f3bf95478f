"""The process that trains one trial: `python -P -m experiments.worker FOLDER`."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import closing
from pathlib import Path

from experiments.backend import check_backend
from experiments.checkpoint import CheckpointFile
from experiments.control import asked
from experiments.errors import KerasSeqError, StoreError
from experiments.events import Event, Started, StatusChanged
from experiments.journal import JournalReader, JournalWriter
from experiments.listener import Listener
from experiments.places import THREADS_VARIABLE
from experiments.process import this_process
from experiments.status import Status
from experiments.store import TrialFolder
from experiments.training import train


def main() -> int:
    """Train the trial whose folder is the only argument."""
    folder = TrialFolder(Path(sys.argv[1]))
    try:
        attempt = 1 + sum(isinstance(e, Started) for e in JournalReader(folder.journal).read())
        with closing(JournalWriter(folder.journal)) as journal:
            return _work(folder, journal, attempt)
    except StoreError as error:
        # The journal itself cannot be written, so the last word goes to the console, where the
        # supervisor looks for it.
        print(error, file=sys.stderr)
        return os.EX_IOERR


def _work(folder: TrialFolder, journal: JournalWriter, attempt: int) -> int:
    def record(event: Event) -> None:
        journal.append(event)

    def end(status: Status, reason: str = "") -> None:
        journal.append(StatusChanged(status=status, reason=reason), durable=True)

    checkpoints = CheckpointFile(folder.checkpoint, record)
    step = checkpoints.found.step if checkpoints.found else 0
    record(Started(process=this_process(), attempt=attempt, step=step))
    listener = Listener(lambda: asked(folder), record)
    try:
        check_backend()
        done = train(
            folder.read_config(),
            record,
            listener,
            threads=int(os.environ.get(THREADS_VARIABLE, "0")) or os.cpu_count() or 1,
            checkpoints=checkpoints,
            folder=folder,
        )
    except StoreError:
        raise
    except KerasSeqError as error:
        end(Status.FAILED, str(error))
        return 1
    except Exception as error:
        # Whatever a model, a task or a backend raises is this trial's failure, with its story in
        # the console log, and nobody else's.
        traceback.print_exc()
        end(Status.FAILED, f"{type(error).__name__}: {_first_line(error)}")
        return 1
    if done:
        end(Status.COMPLETED)
        checkpoints.remove()
    else:
        end(*listener.end)
    return 0


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]


if __name__ == "__main__":
    sys.exit(main())
