"""Claim c: a GRU does about as well as an LSTM, with fewer parameters."""

from __future__ import annotations

from experiments.claims.claim import Claim, Finding, Verdict, Views, word_of
from experiments.claims.evidence import Evidence, as_good, better, mean, share

TASKS = {"adding": "", "digits": "majority"}
"""Where the two are compared, and the null baseline that gains are counted from.

A nearest neighbour that sees all of a picture at once does better on digits than most networks
that read it pixel by pixel.
"""
GRUS = {"gru": "equal parameters", "gru_equal_width": "equal width"}


def judge(views: Views) -> Verdict:
    """Supported when the GRU gains as much as the LSTM on the adding problem and on digits.

    This must hold at equal parameters and at equal width, where the GRU has a quarter fewer: two
    one-sided tests at 5 % place the paired difference within 0.05, or the GRU gains more. A gain
    is the share of the way from a null baseline to a perfect score. Of an LSTM that gains less
    than 0.5 nothing is said.

    Not as good is a GRU whose difference lies below zero and is not placed within 0.05. Beside it:
    counting. An LSTM can count in its cell state, a GRU of finite precision cannot; where the
    LSTM accepts more sequences longer than those of training, there is a task on which a GRU
    does not do.
    """
    conditions: list[Finding] = []
    numbers: list[Finding] = []
    for task, null in TASKS.items():
        found = Evidence(views[task], null)
        lstm = found.gains("lstm")
        for model, how in GRUS.items():
            conditions.append(
                as_good(f"{task}: the GRU is as good at {how}", found.gains(model), lstm)
            )
            numbers.append(mean(f"{task}: gain of the GRU at {how}", found.gains(model)))
            numbers.append(
                mean(
                    f"{task}: parameters of the GRU at {how}, as a share of the LSTM's",
                    share(found.num_parameters(model), found.num_parameters("lstm")),
                )
            )
        numbers.append(mean(f"{task}: gain of the LSTM", lstm))
    found = Evidence(views["counting"])
    refuting = (
        better(
            "counting: the LSTM accepts more long sequences",
            found.values("lstm"),
            found.values("gru"),
        ),
        found.mean("counting: largest n the LSTM accepts", "lstm", "test_largest_n"),
        found.mean("counting: largest n the GRU accepts", "gru", "test_largest_n"),
    )
    return Verdict(word_of(conditions), tuple(conditions), tuple(numbers), refuting)


FEWER_GATES = Claim(
    letter="c",
    sentence="A GRU does about as well as an LSTM with fewer parameters.",
    experiments=(*TASKS, "counting"),
    judge=judge,
)
