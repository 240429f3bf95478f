"""Every claim of the registry, and how a word follows from conditions."""

import dataclasses
import math
import tomllib

import pytest

from experiments.catalog import MODELS
from experiments.claims.claim import CONFIGS, Finding, Verdict, word_of
from experiments.claims.registry import CLAIMS
from experiments.claims.report import Settled, document
from experiments.mismatches import mismatches
from experiments.read_model import new_view
from experiments.stats import Interval

NUMBER = Interval(3, 0.5, 0.4, 0.6)


def findings(*sides):
    return tuple(Finding(f"number {i}", NUMBER, side) for i, side in enumerate(sides))


@pytest.mark.parametrize(
    ("sides", "word"),
    [
        (["for"], "supported"),
        (["for", "for"], "supported"),
        (["against"], "not supported"),
        (["against", "open"], "not supported"),
        (["for", "against"], "mixed"),
        (["for", "against", "open"], "mixed"),
        (["for", "open"], "underpowered"),
        (["open"], "underpowered"),
        ([], "underpowered"),
    ],
)
def test_the_word_when_every_condition_must_hold(sides, word):
    assert word_of(findings(*sides)) == word


def test_reasons_are_what_stands_in_the_way():
    verdict = Verdict("mixed", findings("for", "against", "open"))
    assert verdict.reasons == ("number 1: does not hold", "number 2: the seeds cannot tell")


def test_claims_have_letters_of_their_own_in_order():
    assert list(CLAIMS) == sorted(claim.letter for claim in CLAIMS.values())


@pytest.fixture(params=CLAIMS.values(), ids=CLAIMS)
def claim(request):
    return request.param


def test_the_rule_is_said_in_words(claim):
    assert claim.rule.startswith("Supported when")
    assert "Beside it" in claim.rule


def test_its_experiments_are_for_claims_only_what_the_protocol_says(claim):
    """Ten seeds and the protocol as it is; nothing is switched off in the full experiments."""
    for config in claim.requests(quick=False).values():
        assert len(config.seeds) == 10
        assert config.protocol == type(config.protocol)()


def test_quick_experiments_ask_the_same_of_less(claim):
    full, quick = (claim.requests(quick=size) for size in (False, True))
    assert list(full) == list(quick) == list(claim.experiments)
    for name in claim.experiments:
        assert type(full[name].task.task) is type(quick[name].task.task)
        assert [m.label for m in full[name].models] == [m.label for m in quick[name].models]
        assert full[name].probes == quick[name].probes
        assert len(quick[name].seeds) == 3
        assert quick[name].budget.steps <= full[name].budget.steps
        assert full[name].name != quick[name].name


@pytest.mark.parametrize("path", sorted((CONFIGS / "quick").glob("*.toml")), ids=lambda p: p.stem)
def test_quick_experiments_stay_quick_whatever_budget_a_task_has(path):
    assert tomllib.loads(path.read_text())["budget"].keys() >= {
        "steps",
        "batch_size",
        "learning_rate",
    }


def test_jobs_are_passed_on(claim):
    assert {config.jobs for config in claim.requests(quick=True, jobs=2).values()} == {2}


def test_experiments_of_which_nothing_is_known_support_nothing(claim):
    views = {name: new_view(config) for name, config in claim.requests(quick=True).items()}
    verdict = claim.judge(views)
    assert verdict.word == "underpowered"
    assert all(math.isnan(finding.interval.mean) for finding in verdict.conditions)
    (told,) = document([Settled(claim, views, verdict)], quick=True)["claims"]
    assert told["verdict"] == "underpowered"
    assert told["conditions"][0]["mean"] is None
    assert [one["status"] for one in told["experiments"]] == ["queued"] * len(views)


@pytest.mark.parametrize("size", ["full", "quick"])
def test_every_file_belongs_to_a_claim(size):
    files = {path.stem for path in (CONFIGS / size).glob("*.toml")}
    assert files == {name for claim in CLAIMS.values() for name in claim.experiments}


def test_full_experiments_compare_equal_parameters(claim):
    """Within 2 %, the models apart that are there for another size."""
    for config in claim.requests(quick=False).values():
        equal = tuple(model for model in config.models if model.label in MODELS)
        assert mismatches(dataclasses.replace(config, models=equal)) == []
