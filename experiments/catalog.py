"""Every task, model, probe and recorder by name.

Tasks and models are ours, those of installed packages, and `module:attribute`; probes and
recorders are ours.
"""

import importlib
import inspect
from importlib.metadata import EntryPoints, entry_points
from operator import attrgetter
from typing import TypeVar

from experiments.errors import RequestError, UnknownNameError
from experiments.models.bert import Bert
from experiments.models.bidirectional_gru import BidirectionalGRU
from experiments.models.bidirectional_lstm import BidirectionalLSTM
from experiments.models.gru import GRU
from experiments.models.lstm import LSTM
from experiments.models.model import Model
from experiments.models.peephole_lstm import PeepholeLSTM
from experiments.models.self_attention import SelfAttention
from experiments.models.seq2seq import Seq2Seq
from experiments.models.seq2seq_attention import Seq2SeqAttention
from experiments.models.simple_rnn import SimpleRNN
from experiments.models.transformer import Transformer
from experiments.probes.probe import Probe
from experiments.probes.reset_state import ResetState
from experiments.probes.state_change import StateChange
from experiments.probes.support import Support
from experiments.recorders.attention import AttentionWeights
from experiments.recorders.by_position import ByPosition
from experiments.recorders.gradient_norm import GradientNorm
from experiments.recorders.recorder import Recorder
from experiments.recorders.states import States
from experiments.tasks.adding import Adding
from experiments.tasks.copy_memory import CopyMemory
from experiments.tasks.counting import Counting
from experiments.tasks.cycle_navigation import CycleNavigation
from experiments.tasks.digits import Digits
from experiments.tasks.even_pairs import EvenPairs
from experiments.tasks.induction import Induction
from experiments.tasks.listops import ListOps
from experiments.tasks.lookahead import Lookahead
from experiments.tasks.mlm_text import MlmText
from experiments.tasks.modular_arithmetic import ModularArithmetic
from experiments.tasks.mqar import MQAR
from experiments.tasks.parity import Parity
from experiments.tasks.reber import Reber
from experiments.tasks.reverse import Reverse
from experiments.tasks.scan import Scan
from experiments.tasks.selective_copy import SelectiveCopy
from experiments.tasks.series import Series
from experiments.tasks.task import Task
from experiments.tasks.temporal_order import TemporalOrder
from experiments.tasks.timing import Timing
from experiments.tasks.topics import Topics
from experiments.tasks.translation import Translation

Entry = TypeVar("Entry", Task, Model)

TASKS: dict[str, type[Task]] = {
    task.name: task
    for task in (
        Digits,
        Adding,
        CopyMemory,
        Reverse,
        Parity,
        EvenPairs,
        CycleNavigation,
        ModularArithmetic,
        Counting,
        Reber,
        ListOps,
        SelectiveCopy,
        TemporalOrder,
        Lookahead,
        MQAR,
        Induction,
        Translation,
        Scan,
        Timing,
        Series,
        MlmText,
        Topics,
    )
}

MODELS: dict[str, type[Model]] = {
    model.name: model
    for model in (
        SimpleRNN,
        LSTM,
        PeepholeLSTM,
        GRU,
        BidirectionalLSTM,
        BidirectionalGRU,
        Seq2Seq,
        Seq2SeqAttention,
        SelfAttention,
        Transformer,
        Bert,
    )
}

PROBES: dict[str, type[Probe]] = {
    probe.name: probe
    for probe in (
        ResetState,
        StateChange,
        Support,
    )
}

RECORDERS: dict[str, type[Recorder]] = {
    recorder.name: recorder
    for recorder in (
        AttentionWeights,
        States,
        GradientNorm,
        ByPosition,
    )
}


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


def _installed(kind: str) -> EntryPoints:
    return entry_points(group=f"keras_seq.{kind}s")


def _names(kind: str, ours: dict[str, type[Entry]]) -> list[str]:
    return [*ours, *sorted(_installed(kind).names - ours.keys())]


def _find(kind: str, name: str, ours: dict[str, type[Entry]], base: type[Entry]) -> type[Entry]:
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
