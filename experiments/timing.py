"""Finds widths of equal time when an experiment is launched.

Training steps are measured by a process of its own (`stopwatch`), in the environment of a trial's.
What is found is written down: widths with the experiment, seconds in its journal.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from experiments.config import ExperimentConfig
from experiments.errors import RequestError
from experiments.events import StepsTimed
from experiments.pace import differences
from experiments.places import places, worker_environment
from experiments.process import ending, this_process
from experiments.tell import Tell

COMMAND = (sys.executable, "-P", "-m", "experiments.stopwatch")


def timed(
    config: ExperimentConfig, tell: Tell, command: Sequence[str] = COMMAND
) -> tuple[ExperimentConfig, StepsTimed]:
    """`config` with the widths solved that nobody gave, and how long every model's step takes.

    Steps are measured with the threads that each trial will have, but one network at a time.
    Raises `RequestError` where they cannot be measured.
    """
    _, threads = places(config.jobs, len(config.trials()))
    document = config.document()
    answer = measured(config, config.untimed, tell, command)
    for entry in document["models"]:
        entry.update(answer["widths"].get(entry["label"], {}))
    found = StepsTimed(
        seconds=answer["seconds"],
        threads=threads,
        backend=answer["backend"],
        device=answer["device"],
        host=this_process().host,
    )
    for difference in differences(config, found):
        tell(f"warning: {difference}")
    return ExperimentConfig.from_document(document), found


def measured(
    config: ExperimentConfig, untimed: Sequence[str], tell: Tell, command: Sequence[str] = COMMAND
) -> dict[str, Any]:
    """What the stopwatch finds of every model, with the threads that each trial will have.

    Raises `RequestError` where it finds nothing.
    """
    _, threads = places(config.jobs, len(config.trials()))
    asked = {"config": config.document(), "untimed": list(untimed)}
    return _answer(asked, tell, command, worker_environment(os.environ, threads))


def _answer(
    asked: dict[str, Any], tell: Tell, command: Sequence[str], environment: dict[str, str]
) -> dict[str, Any]:
    with tempfile.TemporaryFile("w+") as question, tempfile.TemporaryFile() as console:
        json.dump(asked, question)
        question.seek(0)
        try:
            process = subprocess.Popen(
                command,
                stdin=question,
                stdout=subprocess.PIPE,
                stderr=console,
                env=environment,
            )
        except OSError as error:
            raise _refusal(error.strerror or str(error)) from error
        answer = None
        with process:
            try:
                for line in process.stdout or ():
                    told = json.loads(line)
                    if "said" in told:
                        tell(told["said"])
                    else:
                        answer = told
            except BaseException:  # an interrupt, too, must leave nobody measuring
                process.kill()
                raise
        if answer is None or process.returncode:
            console.seek(0)
            said = console.read().decode(errors="replace")
            raise _refusal(ending(process.returncode, said))
        return dict(answer)


def _refusal(story: str) -> RequestError:
    return RequestError(
        f"Training steps could not be timed: {story.rstrip('.')}. "
        "Match something else, such as --match parameters."
    )
