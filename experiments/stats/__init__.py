"""Statistics over seeds: the one place that turns several trials into a statement.

`scipy.special` takes 0.2 s and 15 MB to import, so it is imported on first use, after the first
paint: by nothing that has no spread, as one seed has none.
"""

from experiments.stats.bootstrap import (
    RESAMPLES,
    bootstrap_interval,
    interquartile_interval,
    interquartile_mean,
)
from experiments.stats.difference import (
    POWER,
    SIGNIFICANT,
    Difference,
    equivalence,
    holm,
    minimum_detectable,
    paired_difference,
)
from experiments.stats.interval import (
    CONFIDENCE,
    Interval,
    t_band,
    t_interval,
    t_quantile,
    wilson_interval,
)
from experiments.stats.time_to_solve import TimeToSolve, time_to_solve

__all__ = [
    "CONFIDENCE",
    "POWER",
    "RESAMPLES",
    "SIGNIFICANT",
    "Difference",
    "Interval",
    "TimeToSolve",
    "bootstrap_interval",
    "equivalence",
    "holm",
    "interquartile_interval",
    "interquartile_mean",
    "minimum_detectable",
    "paired_difference",
    "t_band",
    "t_interval",
    "t_quantile",
    "time_to_solve",
    "wilson_interval",
]
