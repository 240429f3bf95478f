"""The results page of the claims, in Markdown: `keras-seq claim all --write FILE`."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence

import psutil

from experiments.claims.claim import Finding
from experiments.claims.report import Settled
from experiments.launch import versions
from tui.formatting import bounds, duration, number

HEADING = (
    "| evidence | mean | 95 % interval | detectable | seeds | so it is |\n|---|---|---|---|---|---|"
)
SAYS = {"for": "yes", "against": "no", "open": "cannot tell", None: ""}
"""What the seeds say of a statement."""


def page(settled: Sequence[Settled], *, quick: bool) -> str:
    """Every verdict with its rule, its evidence and the command that repeats it."""
    return "\n".join([*_head(settled, quick=quick), *_sections(settled, quick=quick)]) + "\n"


def _head(settled: Iterable[Settled], *, quick: bool) -> Iterator[str]:
    yield "# What the claims came to"
    yield "\nWritten by `keras-seq claim ... --write FILE`; do not edit.\n"
    memory = psutil.virtual_memory().total / 2**30
    found = ", ".join(f"{name} {version}" for name, version in versions().items())
    yield (
        f"{time.strftime('%Y-%m-%d')}: {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"{platform.machine()} {platform.system()}; {found}.\n"
    )
    if quick:
        yield (
            "**These are quick runs**: small networks, short sequences, few updates and few seeds. "
            "They show that the experiments run and how they are judged; of the architectures "
            "they say little.\n"
        )
    yield "| | claim | verdict |\n|---|---|---|"
    for one in settled:
        yield f"| {one.claim.letter} | {one.claim.sentence} | {one.verdict.word} |"


def _sections(settled: Iterable[Settled], *, quick: bool) -> Iterator[str]:
    option = " --quick" if quick else ""
    for one in settled:
        claim, verdict = one.claim, one.verdict
        yield f"\n## {claim.letter}: {claim.sentence}\n"
        yield f"{claim.rule}\n"
        yield f"Verdict: **{verdict.word}**\n"
        if verdict.reasons:
            yield "\n".join(f"- {reason}" for reason in verdict.reasons) + "\n"
        yield HEADING
        for finding in (*verdict.conditions, *verdict.numbers):
            yield _row(finding)
        if verdict.refuting:
            yield "\nThe limits of the claim:\n"
            yield HEADING
            yield from map(_row, verdict.refuting)
        if one.unequal:
            yield f"\nOf unequal size: {'; '.join(one.unequal)}."
        experiments = ", ".join(
            f"{view.name} ({view.status}, {duration(view.elapsed_seconds)})"
            for view in one.views.values()
        )
        yield f"\n`keras-seq claim {claim.letter}{option}` repeats it. Experiments: {experiments}."


def _row(finding: Finding) -> str:
    interval = finding.interval
    detectable = "" if math.isnan(finding.detectable) else number(finding.detectable)
    cells = (
        *(finding.what, number(interval.mean), bounds(interval), detectable),
        *(str(interval.n), SAYS[finding.side]),
    )
    return f"| {' | '.join(cells)} |"
