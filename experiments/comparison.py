"""Which of two architectures is better: paired differences over the seeds that both have."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from experiments import stats
from experiments.tasks.task import Metric

LEAST_SEEDS = 3
"""With two, any pair of equal differences would be a proof; see the protocol's smallest design."""

Outcome = Literal["different", "equivalent", "underpowered"]


@dataclass(frozen=True)
class Sample:
    """The values of an architecture, by seed."""

    model: str
    seeds: tuple[tuple[int, float], ...]
    is_complete: bool
    """Whether no seed failed: survivors do not stand for an architecture."""


@dataclass(frozen=True)
class Comparison:
    """The paired difference `a - b` over the seeds that both have."""

    a: str
    b: str
    interval: stats.Interval
    p: float
    p_holm: float
    """Adjusted for all pairs (Holm 1979)."""
    detectable: float
    """The difference that so many seeds find in 4 of 5 cases, at Holm's strictest step."""
    p_equivalent: float
    """Of two one-sided tests within the protocol's margin, adjusted as well; NaN without one."""
    better: str | None
    """Whose mean is better, unless some of its seeds failed."""

    @property
    def winner(self) -> str | None:
        """The better one, where there are enough seeds and the difference is significant."""
        enough = self.interval.n >= LEAST_SEEDS
        return self.better if enough and self.p_holm < stats.SIGNIFICANT else None

    @property
    def outcome(self) -> Outcome:
        """What can be said.

        `equivalent` wins over `different`, because a difference within the margin is one that
        does not matter. What is neither is `underpowered`: more seeds would tell, no winner.
        """
        if self.interval.n >= LEAST_SEEDS and self.p_equivalent < stats.SIGNIFICANT:
            return "equivalent"
        return "different" if self.winner else "underpowered"


def turned(comparison: Comparison) -> Comparison:
    """The same comparison as `b - a`."""
    interval = comparison.interval.negated
    return replace(comparison, a=comparison.b, b=comparison.a, interval=interval)


# A dashboard asks again at every record, and values change at validations only.
@lru_cache(maxsize=64)
def comparisons(
    samples: tuple[Sample, ...], metric: Metric, margin: float
) -> tuple[Comparison, ...]:
    """Every pair, with Holm's adjustment for so many; the first of a pair is that in `samples`."""
    pairs = [(a, b) for i, a in enumerate(samples) for b in samples[i + 1 :]]
    values = [_common(dict(a.seeds), dict(b.seeds)) for a, b in pairs]
    differences = [stats.paired_difference(x, y, metric.bounds) for x, y in values]
    adjusted = stats.holm([difference.p for difference in differences])
    made = sum(not math.isnan(difference.p) for difference in differences)
    equivalent = stats.holm(
        [
            stats.equivalence(x, y, margin)
            if margin and a.is_complete and b.is_complete
            else math.nan
            for (a, b), (x, y) in zip(pairs, values, strict=True)
        ]
    )
    found = []
    for i, (a, b) in enumerate(pairs):
        interval = differences[i].interval
        better = a if (interval.mean > 0) == metric.higher_is_better else b
        found.append(
            Comparison(
                a=a.model,
                b=b.model,
                interval=interval,
                p=differences[i].p,
                p_holm=adjusted[i],
                detectable=stats.minimum_detectable(*values[i], stats.SIGNIFICANT / max(made, 1)),
                p_equivalent=equivalent[i],
                better=better.model if better.is_complete else None,
            )
        )
    return tuple(found)


def _common(
    a: Mapping[int, float], b: Mapping[int, float]
) -> tuple[Sequence[float], Sequence[float]]:
    """The values of both at the seeds that both have."""
    seeds = sorted(a.keys() & b.keys())
    return [a[seed] for seed in seeds], [b[seed] for seed in seeds]
