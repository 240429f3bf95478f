"""Names to tasks and models: ours, those of installed packages, and `module:attribute`."""

import subprocess
import sys

import pytest

from experiments import catalog
from experiments.errors import RequestError, UnknownNameError
from experiments.models.lstm import LSTM
from experiments.tasks.digits import Digits

OWN_TASK = """
from experiments.tasks.adding import Adding
from experiments.tasks.task import Task

class Mine(Adding):
    name = "mine"

class Unfinished(Task):
    name = "unfinished"

class Group:
    Inner = Mine

number = 3
"""


@pytest.fixture
def own_modules(tmp_path, monkeypatch):
    """A folder on the path with modules of a person's own."""
    (tmp_path / "own_task.py").write_text(OWN_TASK)
    (tmp_path / "own_crash.py").write_text("raise ValueError('two\\nlines')")
    (tmp_path / "own_exit.py").write_text("import sys; sys.exit(3)")
    (tmp_path / "own_import.py").write_text("import absent_library")
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


@pytest.fixture
def own_package(own_modules):
    """The same, installed with entry points."""
    folder = own_modules / "own_package-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: own-package\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(
        "[keras_seq.tasks]\nmine = own_task:Mine\ndigits = own_task:Mine\nbroken = own_absent:X\n"
        "[keras_seq.models]\nodd = own_task:Mine\n"
    )


@pytest.mark.parametrize("name", catalog.TASKS)
def test_tasks_are_found_by_their_name(name):
    assert catalog.find_task(name) is catalog.TASKS[name]
    assert catalog.find_task(name).name == name


@pytest.mark.parametrize("name", catalog.MODELS)
def test_models_are_found_by_their_name(name):
    assert catalog.find_model(name) is catalog.MODELS[name]
    assert catalog.find_model(name).name == name


def test_names_are_listed_in_order():
    assert catalog.task_names()[:4] == ["digits", "adding", "copy_memory", "reverse"]
    assert catalog.model_names()[0] == "simple_rnn"


@pytest.mark.parametrize(
    ("find", "name", "message"),
    [
        (catalog.find_task, "diggits", "Unknown task 'diggits'. Did you mean 'digits'?"),
        (catalog.find_model, "lstn", "Unknown model 'lstn'. Did you mean 'lstm'?"),
    ],
)
def test_an_unknown_name_offers_the_nearest(find, name, message):
    with pytest.raises(UnknownNameError) as caught:
        find(name)
    assert str(caught.value) == message


def test_a_far_name_lists_what_there_is():
    with pytest.raises(UnknownNameError) as caught:
        catalog.find_task("???")
    assert str(caught.value).endswith(f"Known: {', '.join(sorted(catalog.task_names()))}.")


def test_an_address_is_imported(own_modules):
    assert catalog.find_task("own_task:Mine").__module__ == "own_task"
    assert catalog.find_task("own_task:Group.Inner") is catalog.find_task("own_task:Mine")
    assert catalog.find_task("experiments.tasks.digits:Digits") is Digits
    assert catalog.find_model("experiments.models.lstm:LSTM") is LSTM


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("own_absent:Mine", "no module named 'own_absent'. Install it, or put its folder on"),
        ("own_import:Mine", "no module named 'absent_library'. Install it, or put its folder on"),
        ("own_task:Nine", "module 'own_task' has no attribute 'Nine'. Check that"),
        ("own_crash:Mine", "ValueError: two lines. Check that `import own_crash` works"),
        ("own_exit:Mine", "SystemExit: 3. Check that `import own_exit` works"),
        ("own_task:number", "it is of type int. Expected a complete subclass of"),
        ("experiments.models.lstm:LSTM", "it is <class 'experiments.models.lstm.LSTM'>. Expected"),
        ("experiments.tasks.task:Task", "it lacks baselines, "),
        ("own_task:Unfinished", "sequence_length, target, train_batch, metric, budget. Expected"),
        ("own_task:", "Expected module:attribute."),
        (":Mine", "Expected module:attribute."),
        (".own_task:Mine", "Cannot load task '.own_task:Mine': TypeError: "),
    ],
)
def test_an_address_that_leads_nowhere_says_why_in_one_line(own_modules, address, reason):
    with pytest.raises(RequestError) as caught:
        catalog.find_task(address)
    assert repr(address) in str(caught.value)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


def test_installed_packages_add_names(own_package):
    assert "mine" in catalog.task_names()
    assert catalog.find_task("mine").__module__ == "own_task"
    with pytest.raises(UnknownNameError, match="'mine'"):
        catalog.find_task("mime")


def test_installed_packages_cannot_replace_ours(own_package):
    assert catalog.find_task("digits") is Digits
    assert catalog.task_names().count("digits") == 1


def test_a_broken_entry_point_is_named_with_its_address(own_package):
    with pytest.raises(RequestError, match=r"task 'broken' \(own_absent:X\): no module named"):
        catalog.find_task("broken")


def test_an_entry_point_of_the_other_kind_is_refused(own_package):
    with pytest.raises(RequestError, match=r"model 'odd' \(own_task:Mine\): it is <class"):
        catalog.find_model("odd")


LIGHT = """
import sys, time
start = time.process_time()
import experiments.catalog
experiments.catalog.task_names(), experiments.catalog.model_names()
seconds = time.process_time() - start
heavy = {"keras", "keras_seq", "tensorflow", "jax", "torch", "sklearn", "scipy", "textual"}
assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()
assert seconds < 0.3, seconds
"""


def test_the_catalog_imports_light():
    subprocess.run([sys.executable, "-c", LIGHT], check=True)
