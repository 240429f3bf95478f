import copy
import datetime
import json
import math
import re
import tomllib

import pytest
import tomli_w
import toy
from hypothesis import given
from hypothesis import strategies as st

from experiments.assignment import set_value
from experiments.catalog import MODELS, TASKS
from experiments.config import (
    LARGEST_SEED,
    ExperimentConfig,
    TrialConfig,
    read_document,
)
from experiments.errors import RequestError

Sizes = st.integers(1, 2**40)
Reals = st.floats(min_value=0, exclude_min=True, max_value=1e9)
Names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
Tasks = st.one_of(
    st.fixed_dictionaries({"name": st.just("digits")}),
    st.fixed_dictionaries(
        {"name": st.just("adding")},
        optional={"length": st.integers(2, 10**6), "test_size": Sizes, "validation_size": Sizes},
    ),
    st.fixed_dictionaries({"name": st.just("copy_memory")}, optional={"length": Sizes}),
    st.fixed_dictionaries(
        {"name": st.just("toy:Sums")},
        optional={
            "scale": st.one_of(st.floats(allow_nan=False), st.integers(-9, 9)),
            "dialect": st.sampled_from(["plain", "marked"]),
        },
    ),
)
Settings = {"units": Sizes, "num_layers": Sizes, "dropout": st.floats(0, 0.99)}
Models = st.one_of(
    st.fixed_dictionaries({"name": st.sampled_from(["gru", "lstm"])}, optional=Settings),
    st.fixed_dictionaries({"name": st.just("toy:Linear")}, optional={"bias": st.booleans()}),
)
Budgets = st.fixed_dictionaries(
    {},
    optional={
        "steps": Sizes,
        "batch_size": Sizes,
        # A grid around it is tried too.
        "learning_rate": st.floats(1e-300, 1e8),
        "clip_norm": Reals,
        "evaluations": Sizes,
    },
)
Documents = st.fixed_dictionaries(
    {
        "name": Names,
        "task": Tasks,
        "models": st.lists(
            st.builds(lambda model, label: {**model, "label": label}, Models, Names),
            min_size=1,
            max_size=4,
            unique_by=lambda model: model["label"],
        ),
    },
    optional={
        "seeds": st.lists(st.integers(0, LARGEST_SEED), min_size=1, max_size=4, unique=True),
        "budget": Budgets,
        "jobs": st.integers(1, 64),
        "schema": st.just(1),
    },
)


def refusal(document):
    """The message with which a document is refused, which is one plain line."""
    with pytest.raises(RequestError) as refused:
        ExperimentConfig.from_document(document)
    return one_line(refused)


def one_line(raised):
    message = str(raised.value)
    assert "\n" not in message
    for noise in ("Traceback", "Error", "<class", "object at 0x", "`", "$", "datetime", "None"):
        assert noise not in message
    assert message.endswith((".", "?"))
    return message


@given(Documents)
def test_what_was_asked_survives_being_written_and_read(document):
    config = ExperimentConfig.from_document(document)
    written = tomli_w.dumps(config.document())
    assert ExperimentConfig.from_document(tomllib.loads(written)) == config


@given(Documents)
def test_the_written_configuration_is_complete(document):
    """Defaults that change later change nothing in experiments that exist."""
    written = ExperimentConfig.from_document(document).document()
    assert document.keys() - {"schema"} <= written.keys()
    assert {"steps", "batch_size", "learning_rate", "clip_norm", "evaluations"} == set(
        written["budget"]
    )
    for asked, kept in zip(document["models"], written["models"], strict=True):
        assert asked.items() <= kept.items()


@given(Documents)
def test_each_trial_survives_being_written_and_read(document):
    for trial in ExperimentConfig.from_document(document).trials():
        assert TrialConfig.from_document(json.loads(json.dumps(trial.document()))) == trial


@given(Documents)
def test_trials_are_models_times_seeds_with_names_of_their_own(document):
    config = ExperimentConfig.from_document(document)
    trials = config.trials()
    tuning = len(config.models) * len(config.protocol.rate_factors)
    compared = len(config.models) * len(config.seeds)
    assert len({trial.name for trial in trials}) == tuning + compared
    # Seed by seed: every model has a first curve before any has a second.
    first = trials[tuning : tuning + len(config.models)]
    assert [trial.model for trial in first] == list(config.models)
    assert {trial.seed for trial in first} == {config.seeds[0]}


@given(Documents)
def test_validation_leaves_the_document_as_it_was(document):
    before = copy.deepcopy(document)
    ExperimentConfig.from_document(document)
    assert document == before


def test_what_is_left_out_is_the_task_s_default():
    config = ExperimentConfig.from_document(
        {"name": "x", "task": {"name": "adding"}, "models": ["lstm"], "budget": {"steps": 7}}
    )
    default = TASKS["adding"].budget
    assert config.budget.steps == 7
    assert config.budget.learning_rate == default.learning_rate
    assert config.seeds == (0, 1, 2)
    assert config.jobs is None
    assert config.models[0].model == MODELS["lstm"]()


def test_a_bare_name_of_a_model_stands_for_its_defaults():
    assert toy.experiment(models=["gru"]) == toy.experiment(models=[{"name": "gru"}])


def test_a_model_from_a_module_is_labelled_by_its_class():
    config = toy.experiment(models=["toy:Linear", "gru"])
    assert [model.label for model in config.models] == ["Linear", "gru"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"modles": []}, "Unknown key 'modles'. Did you mean 'models'?"),
        ({"task": {"name": "addnig"}}, "Unknown task 'addnig'. Did you mean 'adding'?"),
        ({"models": ["lstn"]}, "Unknown model 'lstn'. Did you mean 'lstm'?"),
        (
            {"task": {"name": "adding", "lenght": 5}},
            "Unknown key in [task] 'lenght'. Did you mean 'length'?",
        ),
        (
            {"models": [{"name": "gru", "unit": 5}]},
            "Unknown key in [models.gru] 'unit'. Did you mean 'units'?",
        ),
        (
            {"models": [{"name": "gru", "label": "big", "unit": 5}]},
            "Unknown key in [models.big] 'unit'. Did you mean 'units'?",
        ),
        ({"budget": {"step": 5}}, "Unknown key in [budget] 'step'. Did you mean 'steps'?"),
        (
            {"task": {"name": "toy:Sums", "dialect": "plane"}},
            "Unknown value of task.dialect 'plane'. Did you mean 'plain'?",
        ),
    ],
)
def test_an_unknown_word_is_answered_with_the_nearest(changes, message):
    assert refusal(toy.document(**changes)) == message


@pytest.mark.parametrize("absent", ["name", "task", "models"])
def test_what_an_experiment_needs(absent):
    document = toy.document()
    del document[absent]
    expected = f"{absent}: missing. An experiment needs name, task and models."
    assert refusal(document) == expected


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"task": {"name": "adding", "length": 0}},
            "task.length: expected int >= 2. Received: 0.",
        ),
        (
            {"task": {"name": "copy_memory", "length": 0}},
            "task.length: expected int >= 1. Received: 0.",
        ),
        (
            {"task": {"name": "adding", "length": "long"}},
            "task.length: expected int. Received: 'long'.",
        ),
        ({"task": {"name": "adding", "length": 2.5}}, "task.length: expected int. Received: 2.5."),
        (
            {"task": {"name": "adding", "length": True}},
            "task.length: expected int. Received: True.",
        ),
        (
            {"task": {"name": "adding", "length": datetime.date(2020, 1, 2)}},
            "task.length: expected int. Received: 2020-01-02.",
        ),
        ({"task": {}}, "task.name: missing. keras-seq list tasks shows all."),
        ({"task": {"name": 3}}, "task.name: expected str. Received: 3."),
        ({"task": "adding"}, "task: expected a table. Received: 'adding'."),
        ({"models": []}, "models: expected at least one."),
        ({"models": "lstm"}, "models: expected array. Received: 'lstm'."),
        ({"models": {"name": "lstm"}}, "models: expected array. Received: {'name': 'lstm'}."),
        ({"models": [3]}, "models[0]: expected str. Received: 3."),
        ({"models": [{}]}, "models.name: missing. keras-seq list models shows all."),
        ({"models": [{"name": "gru", "label": 3}]}, "models.label: expected str. Received: 3."),
        (
            {"models": [{"name": "gru", "units": 0}]},
            "models.gru.units: expected int >= 1. Received: 0.",
        ),
        (
            {"models": [{"name": "gru", "dropout": 1}]},
            "models.gru.dropout: expected float < 1.0. Received: 1.",
        ),
        ({"models": ["gru", "gru"]}, "models: 'gru' is there twice. Give one a label."),
        (
            {"models": [{"name": "gru", "label": "a/b"}]},
            "models.label: expected letters, digits, '.', '_' and '-'. Received: 'a/b'.",
        ),
        ({"seeds": []}, f"seeds: expected integers from 0 to {LARGEST_SEED}, at least one."),
        ({"seeds": [1, -1]}, f"seeds: expected integers from 0 to {LARGEST_SEED}, at least one."),
        ({"seeds": [LARGEST_SEED + 1]}, f"seeds: expected integers from 0 to {LARGEST_SEED}"),
        ({"seeds": [0, 1, 0]}, "seeds: 0 is there twice. Each seed once."),
        ({"seeds": 3}, "seeds: expected array. Received: 3."),
        ({"seeds": [0, "one"]}, "seeds[1]: expected int. Received: 'one'."),
        ({"seeds": {"first": 1}}, "seeds: expected array. Received: {'first': 1}."),
        ({"jobs": 0}, "jobs: expected int >= 1. Received: 0."),
        ({"jobs": -2}, "jobs: expected int >= 1. Received: -2."),
        ({"jobs": "all"}, "jobs: expected int. Received: 'all'."),
        ({"jobs": {}}, "jobs: expected int. Received: {}."),
        ({"name": {"a": 1}}, "name: expected str. Received: {'a': 1}."),
        ({"budget": 5}, "budget: expected a table. Received: 5."),
        ({"budget": {"steps": 0}}, "budget.steps: expected int >= 1. Received: 0."),
        (
            {"budget": {"learning_rate": -1.0}},
            "budget.learning_rate: expected float > 0.0. Received: -1.0.",
        ),
        (
            {"budget": {"learning_rate": math.nan}},
            "budget.learning_rate: expected float > 0.0. Received: nan.",
        ),
        (
            {"budget": {"clip_norm": math.inf}},
            "budget.clip_norm: expected float <= 1000000000.0. Received: inf.",
        ),
        ({"schema": 2}, "schema: this keras-seq reads 1; a newer one reads more. Received: 2."),
    ],
)
def test_a_wrong_value_is_answered_with_its_key_what_was_expected_and_what_came(changes, message):
    assert refusal(toy.document(**changes)).replace("`", "").startswith(message)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a/b", "/tmp/x", "a\\b", "-a", ".a", "a b", "a\nb", "ä", "a\x00", "~"]
)
def test_a_name_that_is_no_folder_of_its_own_is_refused(name):
    message = refusal(toy.document(name=name))
    assert message.startswith("name: expected letters, digits")
    assert message.endswith(f"Received: {name!r}.")


def test_a_model_that_does_not_fit_its_task_is_refused():
    assert toy.experiment(models=["toy:ValuesOnly"])
    message = refusal(toy.document(task={"name": "toy:Words"}, models=["toy:ValuesOnly"]))
    assert message == "values_only: predicts values, but sums asks for classes."


def test_a_model_whose_settings_contradict_each_other_is_refused():
    models = [{"name": "transformer", "hidden_dim": 10, "num_heads": 4}]
    assert "hidden_dim=10, num_heads=4" in refusal(toy.document(models=models))


def test_a_model_with_a_broken_check_is_refused_in_one_line():
    with pytest.raises(RequestError) as refused:
        toy.experiment(models=["toy:Careless"])
    assert str(refused.value) == (
        "models.Careless: its check of the task failed with IndexError: out of range."
    )


Junk = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
Places = st.sampled_from(["schema", "name", "task", "models", "seeds", "budget", "jobs", "?"])


def answer_to(document):
    """The refusal of a document, empty when it is taken; anything but a refusal is raised."""
    try:
        ExperimentConfig.from_document(document)
    except RequestError as error:
        return str(error)
    return ""


@given(place=Places, junk=Junk)
def test_whatever_comes_it_is_taken_or_refused_in_one_line(place, junk):
    assert "\n" not in answer_to(toy.document(**{place: junk}))


@given(
    place=st.sampled_from([("task", "scale"), ("budget", "steps"), ("models", "units")]), junk=Junk
)
def test_whatever_comes_deeper_it_is_taken_or_refused_in_one_line(place, junk):
    document = toy.document(budget={})
    section = document["models"][0] if place[0] == "models" else document[place[0]]
    section[place[1]] = junk
    assert "\n" not in answer_to(document)


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("task.length=200", ("task", "length"), 200),
        (" task.length = 200 ", ("task", "length"), 200),
        ("task.scale=1e-3", ("task", "scale"), 1e-3),
        ("task.scale=-1", ("task", "scale"), -1),
        ("task.dialect=urnn", ("task", "dialect"), "urnn"),
        ('task.dialect="urnn"', ("task", "dialect"), "urnn"),
        ("task.dialect=a=b", ("task", "dialect"), "a=b"),
        ("task.file=/data/my file.txt", ("task", "file"), "/data/my file.txt"),
        ("task.on=true", ("task", "on"), True),
        ("task.sizes=[1, 2]", ("task", "sizes"), [1, 2]),
        ("task.empty=", ("task", "empty"), ""),
        ("budget.steps=5", ("budget", "steps"), 5),
        ("budget.clip_norm=inf", ("budget", "clip_norm"), math.inf),
        ("models.gru.units=32", ("models", 0, "units"), 32),
        ("models.my.label.units=32", ("models", 1, "units"), 32),
        ("models.Linear.bias=false", ("models", 2, "bias"), False),
    ],
)
def test_set_changes_one_value(assignment, path, value):
    models = [{"name": "gru"}, {"name": "gru", "label": "my.label"}, {"name": "toy:Linear"}]
    document = toy.document(models=models)
    expected = copy.deepcopy(document)
    *sections, key = path
    target = expected
    for section in sections:
        target = target.setdefault(section, {}) if isinstance(target, dict) else target[section]
    target[key] = value
    set_value(document, assignment)
    assert document == expected


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("task.length", "--set: expected SECTION.KEY=VALUE, such as task.length=200."),
        ("length=200", "--set: expected SECTION.KEY=VALUE, such as task.length=200."),
        ("=", "--set: expected SECTION.KEY=VALUE, such as task.length=200."),
        ("", "--set: expected SECTION.KEY=VALUE, such as task.length=200."),
        ("tsak.length=200", "Unknown --set section 'tsak'. Did you mean 'task'?"),
        ("task.a.b=1", "--set: expected task.KEY=VALUE. Received: 'task.a.b=1'."),
        ("models.lstn.units=1", "Unknown model of this experiment 'lstn'. Did you mean 'lstm'?"),
        ("models.units=1", "Unknown model of this experiment 'units'. Known: gru, lstm."),
    ],
)
def test_set_says_what_it_expected(assignment, message):
    with pytest.raises(RequestError) as refused:
        set_value(toy.document(), assignment)
    assert one_line(refused).startswith(message)


@pytest.mark.parametrize(
    ("changes", "assignment", "message"),
    [
        ({"task": "adding"}, "task.length=2", "task: expected a table. Received: 'adding'."),
        ({"budget": 3}, "budget.steps=2", "budget: expected a table. Received: 3."),
        ({"models": 3}, "models.gru.units=2", "models: expected array. Received: 3."),
        ({"models": [3]}, "models.gru.units=2", "models[0]: expected str. Received: 3."),
        (
            {"models": []},
            "models.gru.units=2",
            "Unknown model of this experiment 'gru'. Known: none.",
        ),
    ],
)
def test_set_on_a_document_that_is_wrong_itself(changes, assignment, message):
    with pytest.raises(RequestError) as refused:
        set_value(toy.document(**changes), assignment)
    assert one_line(refused) == message


def test_set_on_a_document_without_models():
    document = toy.document()
    del document["models"]
    with pytest.raises(RequestError, match=r"Unknown model of this experiment 'gru'. Known: none."):
        set_value(document, "models.gru.units=2")


def test_set_reaches_a_model_given_by_its_bare_name():
    document = toy.document(models=["gru"])
    set_value(document, "models.gru.units=3")
    assert ExperimentConfig.from_document(document).models[0].model == MODELS["gru"](units=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "Cannot read {path}: No such file or directory."),
        ("folder", "Cannot read {path}: Is a directory."),
        (b"name = ", "{path} is not TOML: Invalid value (at end of document)."),
        (
            b'name = "\xff"',
            "Cannot read {path}: 'utf-8' codec can't decode byte 0xff in position 8",
        ),
        (b"a = 1\na = 2", "{path} is not TOML: Cannot overwrite a value"),
    ],
)
def test_a_document_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "experiment.toml"
    if content == "folder":
        path.mkdir()
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(RequestError) as refused:
        read_document(path)
    assert one_line(refused).startswith(message.format(path=path))


def test_a_document_that_can(tmp_path):
    path = tmp_path / "experiment.toml"
    path.write_text(tomli_w.dumps(toy.document()), encoding="utf-8")
    assert read_document(path) == toy.document()


def test_probes_are_named_in_the_experiment_and_go_into_every_trial():
    config = toy.experiment(probes=["support", "reset_state"])
    assert {trial.probes for trial in config.trials()} == {("support", "reset_state")}
    assert ExperimentConfig.from_document(config.document()) == config
    (trial, *_) = config.trials()
    assert TrialConfig.from_document(trial.document()) == trial
    assert "probes" not in toy.experiment().document()


@pytest.mark.parametrize(
    ("probes", "message"),
    [
        (["suport"], "Unknown probe 'suport'. Did you mean 'support'?"),
        (["support", "support"], "probes: 'support' is there twice. Each probe once."),
        ("support", "probes: expected array. Received: 'support'."),
    ],
)
def test_wrong_probes_are_refused(probes, message):
    with pytest.raises(RequestError, match=f"^{re.escape(message)}$"):
        toy.experiment(probes=probes)
