"""The rule of each claim reaches each of its words on made-up outcomes."""

import pytest
from made_up import changed, made_up

from experiments.claims.evidence import Evidence, better
from experiments.claims.registry import CLAIMS


def judge(letter, views):
    return CLAIMS[letter].judge(views)


def sides(verdict):
    return {finding.what: finding.side for finding in verdict.conditions}


def refuting(verdict):
    return [finding.side for finding in verdict.refuting if finding.side]


# (a) Where an LSTM keeps its memory.


def states(percent, intact, after_c, after_h):
    return {
        "probe_reset_state_intact": intact,
        f"probe_reset_state_c_{percent}": after_c,
        f"probe_reset_state_h_{percent}": after_h,
        "probe_state_change_c": 0.1,
        "probe_state_change_h": 0.3,
    }


ADDING = {
    "simple_rnn": {"test_mse": 0.16},
    "gru": {"test_mse": 0.002},
    "lstm": {"test_mse": 0.002, **states(50, 0.002, 0.09, 0.004)},
}
ORDER = {
    "simple_rnn": {"test_accuracy": 0.3},
    "gru": {"test_accuracy": 0.99},
    "lstm": {"test_accuracy": 0.99, **states(25, 0.99, 0.5, 0.98)},
}


def cell_state(adding=ADDING, order=ORDER, seeds=3):
    return judge(
        "a",
        {
            "adding": made_up("adding", adding, {"one marker": 1 / 12}, seeds),
            "temporal_order": made_up("temporal_order", order, {"bag of tokens": 0.75}, seeds),
        },
    )


def test_a_supported():
    verdict = cell_state()
    assert verdict.word == "supported"
    assert verdict.reasons == ()
    assert refuting(verdict) == ["for", "for"]  # the GRU does as well


def test_a_mixed_when_what_h_holds_counts_as_much():
    lstm = changed(ADDING, "lstm", probe_reset_state_h_50=0.09)
    verdict = cell_state(lstm)
    assert verdict.word == "mixed"
    assert verdict.reasons == (
        "adding: resetting c costs more than twice what resetting h costs: does not hold",
    )


def test_a_not_supported_when_h_is_the_memory_and_nothing_is_gained():
    def other_way_round(outcomes, percent, metric, worst, best):
        return changed(
            changed(outcomes, "simple_rnn", **{f"test_{metric}": best}),
            "lstm",
            **{
                f"probe_reset_state_c_{percent}": best,
                f"probe_reset_state_h_{percent}": worst,
                "probe_state_change_c": 0.9,
            },
        )

    verdict = cell_state(
        other_way_round(ADDING, 50, "mse", 0.09, 0.002),
        other_way_round(ORDER, 25, "accuracy", 0.5, 0.99),
    )
    assert set(sides(verdict).values()) == {"against"}
    assert verdict.word == "not supported"


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_underpowered_with_few_seeds(seeds):
    assert cell_state(seeds=seeds).word == "underpowered"


def test_a_says_nothing_of_states_where_nothing_was_learned():
    lazy = changed(ADDING, "lstm", test_mse=0.16, probe_reset_state_intact=0.16)
    verdict = cell_state(lazy)
    assert verdict.word == "underpowered"
    about_states = [side for what, side in sides(verdict).items() if what.startswith("adding")]
    assert set(about_states) == {"open"}


# (c) Fewer gates.

SOLVED = {model: {"test_mse": 0.002} for model in ("lstm", "gru", "gru_equal_width")}
READ = {model: {"test_accuracy": 0.92} for model in ("lstm", "gru", "gru_equal_width")}
COUNTED = {
    "lstm": {"test_exact_match": 0.9, "test_largest_n": 90.0},
    "gru": {"test_exact_match": 0.2, "test_largest_n": 20.0},
}


def fewer_gates(adding=SOLVED, digits=READ, seeds=3):
    views = {
        "adding": made_up("adding", adding, {"one marker": 1 / 12}, seeds),
        "digits": made_up("digits", digits, {"majority": 0.1, "1-NN": 0.98}, seeds),
        "counting": made_up("counting", COUNTED, {"bigram": 0.0}, seeds),
    }
    return judge("c", views)


def test_c_supported():
    verdict = fewer_gates()
    assert verdict.word == "supported"
    assert refuting(verdict) == ["for"]  # but the GRU does not count


def test_c_mixed_when_it_does_worse_somewhere():
    verdict = fewer_gates(digits=changed(READ, "gru_equal_width", test_accuracy=0.6))
    assert verdict.word == "mixed"
    assert verdict.reasons == ("digits: the GRU is as good at equal width: does not hold",)


def test_c_not_supported_when_it_does_worse_everywhere():
    verdict = fewer_gates(
        {**SOLVED, "gru": {"test_mse": 0.05}, "gru_equal_width": {"test_mse": 0.06}},
        {**READ, "gru": {"test_accuracy": 0.5}, "gru_equal_width": {"test_accuracy": 0.4}},
    )
    assert verdict.word == "not supported"


def test_c_underpowered_when_seeds_differ_much():
    verdict = fewer_gates(digits=changed(READ, "gru", test_accuracy=(0.99, 0.6, 0.9)))
    assert verdict.word == "underpowered"
    assert fewer_gates(seeds=2).word == "underpowered"


def test_c_underpowered_when_the_lstm_learned_nothing_itself():
    lazy = {model: {"test_mse": 0.16} for model in SOLVED}
    assert fewer_gates(adding=lazy).word == "underpowered"


# (d) Both directions.

AHEAD = {"lstm": {"test_accuracy": 0.125}, "bidirectional_lstm": {"test_accuracy": 0.998}}
BACK = {model: {"test_accuracy": 0.998} for model in AHEAD}


def both_directions(ahead=AHEAD, back=BACK, seeds=3):
    return judge(
        "d",
        {
            "lookahead": made_up("lookahead", ahead, {"uniform": 0.125}, seeds),
            "lookback": made_up("lookback", back, {"uniform": 0.125}, seeds),
        },
    )


def test_d_supported_and_waiting_does_as_well():
    verdict = both_directions()
    assert verdict.word == "supported"
    assert refuting(verdict) == ["for"]


def test_d_mixed_when_the_past_is_lost():
    assert both_directions(back=changed(BACK, "bidirectional_lstm", test_accuracy=0.4)).word == (
        "mixed"
    )


def test_d_not_supported_when_it_knows_neither():
    ahead = changed(AHEAD, "bidirectional_lstm", test_accuracy=0.125)
    back = changed(BACK, "bidirectional_lstm", test_accuracy=0.4)
    assert both_directions(ahead, back).word == "not supported"


@pytest.mark.parametrize(("accuracy", "side"), [(0.13, "for"), (0.2, "against")])
def test_d_checks_its_experiment(accuracy, side):
    (ceiling,) = both_directions(changed(AHEAD, "lstm", test_accuracy=accuracy)).numbers
    assert ceiling.side == side


def test_d_underpowered():
    unsure = changed(AHEAD, "bidirectional_lstm", test_accuracy=(0.998, 0.5, 0.998))
    assert both_directions(unsure).word == "underpowered"
    assert both_directions(seeds=2).word == "underpowered"


# (e) The gain of attention.


def reversed_(plain, attentive):
    """Exact match in three bins of lengths, for both models."""
    bins = ("test_exact_match_4_7", "test_exact_match_8_11", "test_exact_match_12_15")
    return {
        model: {"test_exact_match": sum(values) / 3, **dict(zip(bins, values, strict=True))}
        for model, values in (("seq2seq", plain), ("seq2seq_attention", attentive))
    }


GROWS = reversed_((0.9, 0.5, 0.1), (0.99, 0.97, 0.95))
UNTAUGHT = {
    "seq2seq": {"test_exact_match": 0.05},
    "seq2seq_attention": {"test_exact_match": 0.1},
}


def attention_gain(outcomes=GROWS, scan=UNTAUGHT, seeds=3):
    return judge(
        "e",
        {
            "reverse": made_up("reverse", outcomes, {"unigram": 0.0}, seeds),
            "scan_length": made_up("scan_length", scan, {"unigram": 0.0}, seeds),
        },
    )


def test_e_supported():
    verdict = attention_gain()
    assert verdict.word == "supported"
    slope = next(f for f in verdict.conditions if f.what == "Slope of the gain is positive")
    # From 0.09 to 0.85 between the middles 5.5 and 13.5.
    assert slope.interval.mean == pytest.approx((0.85 - 0.09) / 0.8)
    assert refuting(verdict) == ["against"]  # SCAN by length stays wrong


def test_e_mixed_when_the_gain_is_the_same_at_all_lengths():
    verdict = attention_gain(reversed_((0.6, 0.5, 0.4), (0.9, 0.8, 0.7)))
    assert sides(verdict)["Slope of the gain is positive"] in ("against", "open")
    assert attention_gain(reversed_((0.6, 0.5, 0.4), (0.9, 0.7, 0.5))).word == "mixed"


def test_e_not_supported_when_nothing_is_forgotten():
    assert attention_gain(reversed_((0.9, 0.92, 0.94), (0.9, 0.91, 0.92))).word == "not supported"


def test_e_underpowered():
    assert attention_gain(seeds=2).word == "underpowered"
    # Neither learned to reverse: no slope says anything.
    assert attention_gain(reversed_((0.1, 0, 0), (0.2, 0.1, 0))).word == "underpowered"


# (f) The whole input.

RECALLED = {
    "transformer": {"test_accuracy": 0.5, "probe_support_share": (1.0, 1.0, 1.0)},
    "causal_transformer": {"test_accuracy": 0.99, "probe_support_share": 0.51},
    "lstm": {"test_accuracy": 0.4, "probe_support_share": 0.51},
}
ODD = {
    "transformer": {"extrapolation_accuracy": 0.52},
    "lstm": {"extrapolation_accuracy": 0.998},
}


TAUGHT = {"bert": {"test_accuracy": 0.4}, "bert_pretrained": {"test_accuracy": 0.55}}


def whole_input(few=RECALLED, many=RECALLED, taught=TAUGHT, seeds=3):
    recall = {"mqar_few": few, "mqar_more": many, "mqar_many": many}
    views = {
        name: made_up(name, outcomes, {"blind": 0.03}, seeds) for name, outcomes in recall.items()
    }
    views["topics"] = made_up("topics", taught, {"majority": 0.2, "bag of words": 0.5}, seeds)
    return judge("f", {**views, "parity": made_up("parity", ODD, {"majority": 0.5}, seeds)})


FEW_LABELS = "few labels: pretrained BERT gains more than BERT from scratch"


def test_f_supported():
    verdict = whole_input()
    assert verdict.word == "supported"
    assert refuting(verdict) == ["for"]  # but parity needs a state


def test_f_counts_the_gain_of_pretraining_from_the_largest_class():
    verdict = whole_input()
    (found,) = (f for f in verdict.conditions if f.what == FEW_LABELS)
    assert found.side == "for"
    assert found.interval.mean == pytest.approx(0.15 / 0.8)  # not 0.05 / 0.5, above the bag
    bag = next(f for f in verdict.refuting if "bag of words" in f.what)
    assert (bag.interval.mean, bag.side) == (pytest.approx(0.5), None)


def test_f_mixed_when_pretraining_gains_nothing():
    same = changed(TAUGHT, "bert", test_accuracy=0.7)
    same = changed(same, "bert_pretrained", test_accuracy=0.7)
    verdict = whole_input(taught=same)
    assert verdict.word == "mixed"
    assert verdict.reasons == (f"{FEW_LABELS}: does not hold",)


def test_f_underpowered_when_neither_bert_has_learned():
    lazy = {model: {"test_accuracy": 0.2} for model in TAUGHT}
    verdict = whole_input(taught=lazy)
    assert verdict.word == "underpowered"
    assert verdict.reasons == (f"{FEW_LABELS}: the seeds cannot tell",)


def test_f_mixed_when_it_recalls_no_better():
    assert whole_input(few=changed(RECALLED, "lstm", test_accuracy=0.995)).word == "mixed"


def test_f_not_supported_when_it_neither_sees_all_nor_recalls():
    blind = {
        "transformer": {"test_accuracy": 0.99, "probe_support_share": 0.5},
        "causal_transformer": {"test_accuracy": 0.4, "probe_support_share": 0.51},
        "lstm": {"test_accuracy": 0.99, "probe_support_share": 0.51},
    }
    worse = changed(TAUGHT, "bert", test_accuracy=0.8)
    assert whole_input(blind, blind, worse).word == "not supported"


def test_f_underpowered():
    lazy = changed(RECALLED, "causal_transformer", test_accuracy=0.04)
    lazy = changed(lazy, "lstm", test_accuracy=0.04)
    assert whole_input(many=lazy).word == "underpowered"
    assert whole_input(seeds=2).word == "underpowered"


# (b) Peepholes.

TINY = ("_1", "_2", "_4")


def timed(lstm, peephole, suffixes=("",)):
    return {
        f"{model}{suffix}": {"test_exact_match": value}
        for suffix in suffixes
        for model, value in (("lstm", lstm), ("peephole_lstm", peephole))
    }


def peepholes(tiny=(0.3, 0.9), ordinary=(0.95, 0.95), seeds=3):
    """Gains without and with peepholes, the same for measuring and generating."""
    digits = {model: {"test_accuracy": 0.9} for model in ("lstm", "peephole_lstm")}
    views = {
        f"timing_{task}_{size}": made_up(
            f"timing_{task}_{size}", timed(*values, suffixes), {"mean": 0.0}, seeds
        )
        for task in ("measure", "generate")
        for size, values, suffixes in (("tiny", tiny, TINY), ("ordinary", ordinary, ("",)))
    }
    return judge("b", {**views, "digits": made_up("digits", digits, {"majority": 0.1}, seeds)})


def test_b_supported_when_they_help_tiny_states():
    verdict = peepholes()
    assert verdict.word == "supported"
    assert [finding.side for finding in verdict.conditions] == ["for", "against"] * 2
    assert refuting(verdict) == ["against"]  # not on digits


def test_b_mixed_when_they_harm_elsewhere():
    assert peepholes(ordinary=(0.95, 0.6)).word == "mixed"


@pytest.mark.parametrize("tiny", [(0.9, 0.9), (0.9, 0.3)])
def test_b_not_supported_when_they_help_nowhere(tiny):
    assert peepholes(tiny=tiny).word == "not supported"


def test_b_underpowered():
    assert peepholes(seeds=2).word == "underpowered"
    assert peepholes(tiny=(0.0, 0.0)).word == "underpowered"  # nobody learned it


def test_b_widens_its_intervals_for_four_comparisons():
    """An advantage that one comparison would believe, and the best of four must not."""
    gains = {
        "lstm": {"test_exact_match": (0.5, 0.5, 0.5)},
        "peephole_lstm": {"test_exact_match": (0.65, 0.7, 0.75)},
    }
    found = Evidence(made_up("timing_measure_ordinary", gains, {"mean": 0.0}))
    alone, of_four = (
        better("help", found.gains("peephole_lstm"), found.gains("lstm"), comparisons=count)
        for count in (1, 4)
    )
    # Standard error 0.05 / sqrt(3); t quantiles of two degrees of freedom for 95 % and 98.75 %.
    assert alone.interval.low == pytest.approx(0.2 - 4.3027 * 0.05 / 3**0.5, rel=1e-4)
    assert of_four.interval.low == pytest.approx(0.2 - 8.8602 * 0.05 / 3**0.5, rel=1e-3)
    assert (alone.side, of_four.side) == ("for", "open")
