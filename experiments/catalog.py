"""Every task, model, probe and recorder by name.

Tasks and models are ours, those of installed packages, and `module:attribute`; probes and
recorders are ours.
"""

import importlib
import inspect
from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, TypeVar

from experiments.errors import RequestError, UnknownNameError
from experiments.models.model import Model
from experiments.probes.probe import Probe
from experiments.recorders.recorder import Recorder
from experiments.tasks.task import Task

if TYPE_CHECKING:
    from importlib.metadata import EntryPoints

Entry = TypeVar("Entry", Task, Model)
Kind = TypeVar("Kind", Task, Model, Probe, Recorder)


class Shelf(Mapping[str, type[Kind]]):
    """Classes of one package by name, in order; each is imported when it is asked for.

    A dashboard shows its first screen sooner where it imports only what it shows.

    Args:
        package: Where their files are.
        addresses: `file:Class`; a file has the name of what it holds.
    """

    def __init__(self, package: str, *addresses: str) -> None:
        self._package = package
        self._classes = dict(address.split(":") for address in addresses)

    def __getitem__(self, name: str) -> type[Kind]:
        attribute = self._classes[name]
        found: type[Kind] = getattr(importlib.import_module(f"{self._package}.{name}"), attribute)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


TASKS: Shelf[Task] = Shelf(
    "experiments.tasks",
    "digits:Digits",
    "adding:Adding",
    "copy_memory:CopyMemory",
    "reverse:Reverse",
    "parity:Parity",
    "even_pairs:EvenPairs",
    "cycle_navigation:CycleNavigation",
    "modular_arithmetic:ModularArithmetic",
    "counting:Counting",
    "reber:Reber",
    "listops:ListOps",
    "selective_copy:SelectiveCopy",
    "temporal_order:TemporalOrder",
    "lookahead:Lookahead",
    "mqar:MQAR",
    "induction:Induction",
    "translation:Translation",
    "scan:Scan",
    "timing:Timing",
    "series:Series",
    "mlm_text:MlmText",
    "topics:Topics",
)

MODELS: Shelf[Model] = Shelf(
    "experiments.models",
    "simple_rnn:SimpleRNN",
    "lstm:LSTM",
    "peephole_lstm:PeepholeLSTM",
    "gru:GRU",
    "bidirectional_lstm:BidirectionalLSTM",
    "bidirectional_gru:BidirectionalGRU",
    "seq2seq:Seq2Seq",
    "seq2seq_attention:Seq2SeqAttention",
    "self_attention:SelfAttention",
    "transformer:Transformer",
    "bert:Bert",
)

PROBES: Shelf[Probe] = Shelf(
    "experiments.probes",
    "reset_state:ResetState",
    "state_change:StateChange",
    "support:Support",
)

RECORDERS: Shelf[Recorder] = Shelf(
    "experiments.recorders",
    "attention:AttentionWeights",
    "states:States",
    "gradient_norm:GradientNorm",
    "by_position:ByPosition",
)


def task_names() -> list[str]:
    """Names that `find_task` answers to: ours in order, then those of installed packages."""
    return _names("task", TASKS)


def model_names() -> list[str]:
    """Names that `find_model` answers to: ours in order, then those of installed packages."""
    return _names("model", MODELS)


def models_for(task: Task) -> list[str]:
    """Names of our models that serve `task` with their default settings."""
    return [name for name, model in MODELS.items() if model().serves(task)]


def find_task(name: str) -> type[Task]:
    """The task called `name`, or at `module:attribute`."""
    # mypy asks for concrete classes here; `Task` itself only serves `issubclass`.
    return _find("task", name, TASKS, Task)  # type: ignore[type-abstract]


def find_model(name: str) -> type[Model]:
    """The model called `name`, or at `module:attribute`."""
    # As above.
    return _find("model", name, MODELS, Model)  # type: ignore[type-abstract]


def find_probe(name: str) -> type[Probe]:
    """The probe called `name`."""
    if name not in PROBES:
        raise UnknownNameError("probe", name, PROBES)
    return PROBES[name]


def _installed(kind: str) -> "EntryPoints":
    from importlib.metadata import entry_points  # 9 ms, and names of ours do without

    return entry_points(group=f"keras_seq.{kind}s")


def _names(kind: str, ours: Shelf[Entry]) -> list[str]:
    return [*ours, *sorted(_installed(kind).names - ours.keys())]


def _find(kind: str, name: str, ours: Shelf[Entry], base: type[Entry]) -> type[Entry]:
    if name in ours:
        return ours[name]
    if ":" in name:
        return _load(kind, name, name, base)
    for entry_point in _installed(kind).select(name=name):
        return _load(kind, name, entry_point.value, base)
    raise UnknownNameError(kind, name, _names(kind, ours))


def _load(kind: str, name: str, address: str, base: type[Entry]) -> type[Entry]:
    module_name, _, attribute = address.partition(":")
    label = f"{kind} {name!r}" if name == address else f"{kind} {name!r} ({address})"
    if not module_name or not attribute:
        raise RequestError(f"Cannot load {label}. Expected module:attribute.")
    try:
        found = attrgetter(attribute)(importlib.import_module(module_name))
    except ModuleNotFoundError as error:
        raise RequestError(
            f"Cannot load {label}: no module named {error.name!r}. "
            "Install it, or put its folder on PYTHONPATH."
        ) from error
    except (Exception, SystemExit) as error:  # whatever a person's module does when imported
        reason = " ".join(str(error).split()) or "no reason given"
        raise RequestError(
            f"Cannot load {label}: {type(error).__name__}: {reason}. "
            f"Check that `import {module_name}` works and that it has {attribute!r}."
        ) from error
    problem = _problem(found, base)
    if problem:
        raise RequestError(
            f"Cannot use {label}: {problem}. Expected a complete subclass of "
            f"{base.__module__}.{base.__name__}."
        )
    return found  # type: ignore[no-any-return]  # checked by `_problem`


def _problem(found: object, base: type[Entry]) -> str | None:
    if not isinstance(found, type):
        return f"it is of type {type(found).__name__}"
    if not issubclass(found, base):
        return f"it is {found!r}"
    absent = sorted(getattr(found, "__abstractmethods__", ()))
    absent += [name for name in inspect.get_annotations(base) if not hasattr(found, name)]
    return f"it lacks {', '.join(absent)}" if absent else None
