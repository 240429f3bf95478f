"""What a claim is: a sentence, the experiments it stands on, and the rule that judges them."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from experiments.config import ExperimentConfig, read_document
from experiments.read_model import ExperimentView
from experiments.stats import Interval

Word = Literal["supported", "not supported", "mixed", "underpowered"]
Side = Literal["for", "against", "open"]

CONFIGS = Path(__file__).parents[1] / "configs" / "claims"
"""Experiments of every claim as TOML, in `full` and, smaller, in `quick`."""


@dataclass(frozen=True)
class Finding:
    """A number over seeds, and what it says where a rule asks it."""

    what: str
    interval: Interval
    side: Side | None = None
    """For the statement in `what` or against it; `open` where the seeds cannot tell."""
    detectable: float = math.nan
    """Of a paired difference: how large a true one so many seeds would find 80 % of the time."""


@dataclass(frozen=True)
class Verdict:
    """What came out, by the rule."""

    word: Word
    conditions: tuple[Finding, ...]
    """The statements that the word follows from."""
    numbers: tuple[Finding, ...] = ()
    """What they were computed from."""
    refuting: tuple[Finding, ...] = ()
    """Where the claim meets its limits. It stands beside the verdict and does not change it."""

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is this word: the conditions that stand in the way of `supported`."""
        said = {"against": "does not hold", "open": "the seeds cannot tell"}
        return tuple(
            f"{finding.what}: {said[finding.side]}"
            for finding in self.conditions
            if finding.side in said
        )


Views = Mapping[str, ExperimentView]
"""The experiments of a claim by the names of their files."""


@dataclass(frozen=True)
class Claim:
    """A sentence of the study note behind this project, put to the test."""

    letter: str
    """What `keras-seq claim LETTER` calls it."""
    sentence: str
    experiments: tuple[str, ...]
    """Files in `configs/claims/full` and `configs/claims/quick`."""
    judge: Callable[[Views], Verdict]
    """A pure function; its docstring is the rule in words."""

    @property
    def rule(self) -> str:
        """How the verdict follows from the experiments, in words."""
        return inspect.getdoc(self.judge) or ""

    def requests(self, *, quick: bool, jobs: int | None = None) -> dict[str, ExperimentConfig]:
        """The experiments to run, by the names of their files."""
        return {name: request(name, quick=quick, jobs=jobs) for name in self.experiments}


def request(name: str, *, quick: bool, jobs: int | None = None) -> ExperimentConfig:
    """The experiment of the claims in the file called `name`, `jobs` trials at a time."""
    size = "quick" if quick else "full"
    document = read_document(CONFIGS / size / f"{name}.toml")
    document["name"] = f"claim-{name}-{size}"
    if jobs is not None:
        document["jobs"] = jobs
    return ExperimentConfig.from_document(document)


def word_of(conditions: Iterable[Finding]) -> Word:
    """The verdict when every condition must hold.

    Any against: `mixed` where others are for, else `not supported`. None against: `underpowered`
    while any is open, else `supported`. So no claim is supported by conditions that the seeds
    cannot tell.
    """
    sides = {finding.side for finding in conditions}
    if "against" in sides:
        return "mixed" if "for" in sides else "not supported"
    return "underpowered" if "open" in sides or not sides else "supported"
