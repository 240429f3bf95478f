"""Claim a: the cell state of an LSTM is its long-term memory."""

from __future__ import annotations

from experiments.claims.claim import Claim, Finding, Verdict, Views, word_of
from experiments.claims.evidence import LEARNED, Evidence, Seeds, above, as_good, better, mean

TASKS = {"adding": 50, "temporal_order": 25}
"""Percent of the steps after which a state is reset: what is asked for has been read in part."""
LOST = 0.5
"""A reset that costs more of the gain than this destroys the answer."""
SHARES = (-1.0, 1.0)
"""What part of a gain of at least `LEARNED` can be lost; by a part it may grow."""
MUCH = 2.0
"""How many times what resetting h costs must resetting c cost."""


def judge(views: Views) -> Verdict:
    """Supported when on both tasks all of this holds, over seeds and with 95 % intervals.

    1. The LSTM gains more than the plain RNN of equal size; a gain is the share of the way from
       the best null baseline to a perfect score.
    2. In those LSTMs that learned the task (a gain of at least 0.5), setting the cell state c to
       zero in mid-lag costs more than half of the gain.
    3. It costs more than twice what setting the output h to zero at the same step costs.
    4. From step to step c changes by a smaller part of its size than h.

    Beside it: the GRU has no cell state. Where it is as good, a cell state is one way to remember
    among others.
    """
    conditions: list[Finding] = []
    numbers: list[Finding] = []
    refuting: list[Finding] = []
    for task, percent in TASKS.items():
        found = Evidence(views[task])
        gains = {model: found.gains(model) for model in ("simple_rnn", "lstm", "gru")}
        lost_c, lost_h = (_lost(found, f"{state}_{percent}") for state in ("c", "h"))
        change_c, change_h = (
            _only(lost_c, found.values("lstm", f"probe_state_change_{state}"))
            for state in ("c", "h")
        )
        conditions += [
            better(
                f"{task}: the LSTM gains more than the plain RNN",
                gains["lstm"],
                gains["simple_rnn"],
            ),
            above(f"{task}: resetting c costs more than half of the gain", lost_c, LOST, SHARES),
            above(
                f"{task}: resetting c costs more than twice what resetting h costs",
                {seed: lost_c[seed] - MUCH * lost_h[seed] for seed in lost_c},
                0,
            ),
            above(
                f"{task}: c changes less from step to step than h",
                {seed: change_h[seed] - change_c[seed] for seed in change_c},
                0,
            ),
        ]
        numbers += [found.solved(model) for model in gains]
        numbers += [
            mean(f"{task}: gain lost by resetting h", lost_h),
            mean(f"{task}: change of c from step to step beside its size", change_c),
            mean(f"{task}: change of h from step to step beside its size", change_h),
        ]
        refuting.append(
            as_good(f"{task}: the GRU is as good without a cell state", gains["gru"], gains["lstm"])
        )
    return Verdict(word_of(conditions), tuple(conditions), tuple(numbers), tuple(refuting))


def _lost(found: Evidence, reset: str) -> Seeds:
    """The share of its gain that each LSTM loses by a reset, of those that learned the task."""
    intact = found.gains("lstm", "probe_reset_state_intact")
    after = found.gains("lstm", f"probe_reset_state_{reset}")
    return {
        seed: 1 - after[seed] / gain
        for seed, gain in intact.items()
        if seed in after and gain >= LEARNED
    }


def _only(seeds: Seeds, values: Seeds) -> Seeds:
    return {seed: values[seed] for seed in seeds if seed in values}


CELL_STATE = Claim(
    letter="a",
    sentence="An LSTM keeps long-term memory in a slowly changing cell state.",
    experiments=tuple(TASKS),
    judge=judge,
)
