"""`keras-seq claim`: runs the experiments of claims one after another and prints the verdicts."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from experiments.claims.claim import Claim, Finding
from experiments.claims.registry import CLAIMS
from experiments.claims.report import Settled, document
from experiments.claims.undertaking import undertake
from experiments.config import ExperimentConfig
from experiments.errors import UnknownNameError
from experiments.read_model import ExperimentView
from experiments.reader import ExperimentReader
from experiments.status import Status
from experiments.store import replace as write
from tui import tables
from tui.formatting import bounds, number
from tui.headless import watch
from tui.options import check_writable
from tui.results_page import SAYS, page

INTERRUPTED = 130


def claims_called(letters: Sequence[str]) -> list[Claim]:
    """The claims called so, each once and in their order; every one for `all`."""
    for letter in letters:
        if letter not in (*CLAIMS, "all"):
            raise UnknownNameError("claim", letter, [*CLAIMS, "all"])
    return [claim for letter, claim in CLAIMS.items() if letter in letters or "all" in letters]


def settle(
    claims: Sequence[Claim],
    root: Path,
    *,
    quick: bool,
    jobs: int | None,
    as_json: bool,
    write_to: Path | None,
) -> int:
    """Run what is not there yet, judge, print; returns the exit code.

    0 when every claim has its verdict from trials that all completed, 1 when some did not, 130
    when interrupted.
    """
    check_writable(write_to)  # now, not when everything has run
    requests = {claim.letter: claim.requests(quick=quick, jobs=jobs) for claim in claims}
    # Claims share experiments; each is run once.
    needed = {name: config for named in requests.values() for name, config in named.items()}
    views: dict[str, ExperimentView] = {}
    for position, (name, config) in enumerate(needed.items(), 1):
        view, is_interrupted = _carry_out(root, config, f"{position}/{len(needed)}")
        if is_interrupted:
            print("keras-seq: the same command goes on where this one stopped.", file=sys.stderr)
            return INTERRUPTED
        views[name] = view
    settled = []
    for claim in claims:
        mine = {name: views[name] for name in claim.experiments}
        settled.append(Settled(claim, mine, claim.judge(mine)))
    if as_json:
        print(json.dumps(document(settled, quick=quick), allow_nan=False))
    else:
        for one in settled:
            print_settled(one)
        if len(settled) > 1:
            _print_words(settled)
    if write_to is not None:
        write(write_to, page(settled, quick=quick).encode())
    return int(any(view.status is not Status.COMPLETED for view in views.values()))


def _carry_out(root: Path, config: ExperimentConfig, place: str) -> tuple[ExperimentView, bool]:
    undertaking = undertake(root, config)
    print(f"{place} {undertaking.folder.name}: {undertaking.how}", file=sys.stderr)
    if undertaking.how == "reused":
        return ExperimentReader(undertaking.folder).read(), False
    return watch(undertaking.folder, undertaking.supervisor)


def print_settled(settled: Settled) -> None:
    """A claim: its sentence, its rule, the evidence and what follows from it."""
    out = tables.console()
    claim, verdict = settled.claim, settled.verdict
    out.print(f"\nClaim {claim.letter}: {claim.sentence}", style="bold", markup=False)
    out.print(f"\n{claim.rule}\n", markup=False)
    table = Table(
        caption="means over seeds, 95 % intervals; detectable: the true difference that so many "
        "seeds would find 80 % of the time",
        caption_justify="left",
    )
    table.add_column("evidence")
    for heading in ("mean", "95 % interval", "detectable", "seeds", "so it is"):
        table.add_column(heading, justify="right", no_wrap=True)
    for title, findings in (
        ("what the verdict follows from", verdict.conditions),
        ("beside it", verdict.numbers),
        ("the limits of the claim", verdict.refuting),
    ):
        if findings:
            _add(table, title, findings)
    out.print(table)
    for sentence in settled.unequal:
        out.print(f"of unequal size: {sentence}", markup=False)
    out.print(f"Verdict on {claim.letter}: {verdict.word}", style="bold", markup=False)
    for reason in verdict.reasons:
        out.print(f"- {reason}", markup=False)


def _print_words(settled: Sequence[Settled]) -> None:
    table = Table(title="Verdicts", title_justify="left", show_header=False)
    for one in settled:
        table.add_row(one.claim.letter, one.claim.sentence, one.verdict.word)
    tables.console().print(table)


def _add(table: Table, title: str, findings: Sequence[Finding]) -> None:
    table.add_section()
    table.add_row(title, style="bold")
    for finding in findings:
        table.add_row(
            finding.what,
            number(finding.interval.mean),
            bounds(finding.interval),
            "" if math.isnan(finding.detectable) else number(finding.detectable),
            str(finding.interval.n),
            SAYS[finding.side],
        )
