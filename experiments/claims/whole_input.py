"""Claim f: in self-attention every output uses the whole input."""

from __future__ import annotations

from experiments.claims.claim import Claim, Finding, Verdict, Views, word_of
from experiments.claims.evidence import Evidence, above, better

PAIRS = {"mqar_few": "few", "mqar_more": "more", "mqar_many": "many"}
"""The experiments on associative recall, by how many keys are to be remembered."""
FROM_SCRATCH, PRETRAINED = "bert", "bert_pretrained"
WHOLE = 0.99
"""A share of pairs of outputs and inputs above which every output depends on every input."""


def judge(views: Views) -> Verdict:
    """Supported when all of this holds, over seeds and with 95 % intervals.

    1. Of the pairs of an output and an input step of the trained Transformer, in associative
       recall, more than 99 % depend on each other: the output changes beyond rounding when the
       input does.
    2. With few, with more and with many keys to remember, a causal Transformer gains more than an
       LSTM of equal size, which reads forward too; a gain is the share of the way from the best
       null baseline to a perfect score.
    3. What stands on self-attention: BERT that has learned to fill in masked words of a text gains
       more from few labelled passages of it than the same network from scratch, with the same
       labels and as many updates with them. Here the null baseline is the largest class.

    The recall of the Transformer that sees all steps is told with the numbers: to depend on the
    whole input is not yet to have learned what to do with it.

    Beside it: parity. The LSTM carries one bit from step to step and may do so for ever; a
    Transformer has to see all steps at once. Where the LSTM is better on sequences longer than
    those of training, using the whole input is not enough. And what a bag of words, which knows no
    order, gets right from the same few labels.
    """
    conditions: list[Finding] = []
    numbers: list[Finding] = []
    for name, how in PAIRS.items():
        found = Evidence(views[name])
        conditions += [
            above(
                f"{how} keys: share of the input that an output of the Transformer depends on",
                found.values("transformer", "probe_support_share"),
                WHOLE,
            ),
            better(
                f"{how} keys: the causal Transformer gains more than the LSTM",
                found.gains("causal_transformer"),
                found.gains("lstm"),
            ),
        ]
        numbers.append(
            found.mean(
                f"{how} keys: share of the input that an output of the LSTM depends on",
                "lstm",
                "probe_support_share",
            )
        )
        for model in ("transformer", "causal_transformer", "lstm"):
            numbers += [
                found.mean(f"{how} keys: accuracy of the {model}", model),
                found.mean(
                    f"{how} keys: weight of the farthest quarter of the input, {model}",
                    model,
                    "probe_support_distance_75_100",
                ),
            ]
    few_labels = Evidence(views["topics"], "majority")
    conditions.append(
        better(
            "few labels: pretrained BERT gains more than BERT from scratch",
            few_labels.gains(PRETRAINED),
            few_labels.gains(FROM_SCRATCH),
        )
    )
    numbers += [
        few_labels.mean(f"few labels: accuracy of {model}", model)
        for model in (PRETRAINED, FROM_SCRATCH)
    ]
    parity = Evidence(views["parity"])
    key = "extrapolation_accuracy"
    refuting = (
        better(
            "parity, longer than in training: the LSTM is better than the Transformer",
            parity.gains("lstm", key),
            parity.gains("transformer", key),
        ),
        parity.mean("parity, longer than in training: accuracy of the LSTM", "lstm", key),
        parity.mean(
            "parity, longer than in training: accuracy of the Transformer", "transformer", key
        ),
        few_labels.baseline("few labels: accuracy of a bag of words", "bag of words"),
    )
    return Verdict(word_of(conditions), tuple(conditions), tuple(numbers), refuting)


WHOLE_INPUT = Claim(
    letter="f",
    sentence=(
        "In self-attention every output uses the whole input; on it stand the Transformer and BERT."
    ),
    experiments=(*PAIRS, "topics", "parity"),
    judge=judge,
)
