"""What claims came to, as one plain document: `keras-seq claim --json`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from experiments.claims.claim import Claim, Finding, Verdict
from experiments.config import ExperimentConfig
from experiments.mismatches import mismatches
from experiments.read_model import ExperimentView


@dataclass(frozen=True)
class Settled:
    """A claim with its experiments and its verdict."""

    claim: Claim
    views: Mapping[str, ExperimentView]
    verdict: Verdict

    @property
    def unequal(self) -> tuple[str, ...]:
        """What is compared and differs in size by more than 2 %.

        A model with a label of its own is there for another size, as the rule says.
        """
        return tuple(
            f"{name}: {sentence}"
            for name, view in self.views.items()
            for sentence in mismatches(_of_equal_size(view.config))
        )


def _of_equal_size(config: ExperimentConfig) -> ExperimentConfig:
    return replace(config, models=tuple(m for m in config.models if m.label == m.name))


def document(settled: Iterable[Settled], *, quick: bool) -> dict[str, Any]:
    """All claims as plain data; JSON has no NaN, so what is not known is `None`."""
    return {
        "quick": quick,
        "claims": [
            {
                "claim": one.claim.letter,
                "sentence": one.claim.sentence,
                "rule": one.claim.rule,
                "verdict": one.verdict.word,
                "reasons": list(one.verdict.reasons),
                "conditions": [_finding(finding) for finding in one.verdict.conditions],
                "numbers": [_finding(finding) for finding in one.verdict.numbers],
                "refuting": [_finding(finding) for finding in one.verdict.refuting],
                "unequal": list(one.unequal),
                "experiments": [
                    {"experiment": view.name, "status": view.status.value}
                    for view in one.views.values()
                ],
            }
            for one in settled
        ],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    interval = finding.interval
    return {
        "what": finding.what,
        "n": interval.n,
        "mean": _number(interval.mean),
        "low": _number(interval.low),
        "high": _number(interval.high),
        "detectable": _number(finding.detectable),
        "side": finding.side,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
