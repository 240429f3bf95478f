"""What was asked: the configuration of an experiment and of each of its trials.

Documents (TOML, JSON) become frozen dataclasses here and nowhere else. An unknown key is an error
that names the nearest one; a value out of bounds is an error that names its key.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from experiments.alerts import Alerts
from experiments.budget import Budget
from experiments.capacity import matched, reference
from experiments.catalog import find_model, find_probe, find_task, models_for
from experiments.errors import KerasSeqError, RequestError
from experiments.events import SCHEMA
from experiments.models.cost import Cost
from experiments.models.model import Model
from experiments.protocol import Protocol, Role
from experiments.tasks.task import Task
from experiments.validation import refuse_twice, refuse_unknown, shown, table, typed

_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
EXPERIMENT_KEYS = (
    "schema",
    "name",
    "task",
    "models",
    "seeds",
    "budget",
    "protocol",
    "alerts",
    "probes",
    "jobs",
)
LARGEST_SEED = 2**32 - 1
"""What `keras.utils.set_random_seed` takes."""


@dataclass(frozen=True)
class TaskChoice:
    """A task with the name it was asked by."""

    name: str
    task: Task

    def document(self) -> dict[str, Any]:
        """The choice as plain data."""
        return {"name": self.name, **asdict(self.task)}


@dataclass(frozen=True)
class ModelChoice:
    """An architecture with the name it was asked by and the label it is shown under."""

    name: str
    label: str
    model: Model

    def document(self) -> dict[str, Any]:
        """The choice as plain data."""
        return {"name": self.name, "label": self.label, **asdict(self.model)}


@dataclass(frozen=True)
class TrialConfig:
    """One model on one task with one seed: all that its process needs to know."""

    experiment: str
    task: TaskChoice
    model: ModelChoice
    seed: int
    budget: Budget
    protocol: Protocol = field(default_factory=Protocol)
    role: Role = "comparison"
    probes: tuple[str, ...] = ()
    """What is examined after the test."""

    @property
    def name(self) -> str:
        """The trial's name within its experiment, and its folder's."""
        if self.role == "tuning":
            return f"{self.model.label}-lr{self.budget.learning_rate:g}"
        return f"{self.model.label}-s{self.seed}"

    @property
    def pretraining_updates(self) -> int:
        """Weight updates before those of training, on a task without labels."""
        before = self.task.task.pretraining()
        return 0 if before is None else self.model.model.pretraining_updates()

    @property
    def updates(self) -> int:
        """All weight updates: those of pretraining and those of training."""
        return self.pretraining_updates + self.budget.steps

    def document(self) -> dict[str, Any]:
        """The configuration as plain data."""
        return {
            "schema": SCHEMA,
            "experiment": self.experiment,
            "task": self.task.document(),
            "model": self.model.document(),
            "seed": self.seed,
            "budget": asdict(self.budget),
            "protocol": asdict(self.protocol),
            "role": self.role,
            "probes": list(self.probes),
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> TrialConfig:
        """Read back what `document` wrote."""
        return cls(
            experiment=document["experiment"],
            task=_task_choice(document["task"]),
            model=_model_choice(document["model"]),
            seed=document["seed"],
            budget=typed(document["budget"], Budget, "budget"),
            protocol=typed(document.get("protocol", {}), Protocol, "protocol"),
            role=typed(document.get("role", "comparison"), Role, "role"),
            probes=typed(document.get("probes", []), tuple[str, ...], "probes"),
        )


@dataclass(frozen=True)
class ExperimentConfig:
    """Models x seeds on one task under one budget."""

    name: str
    task: TaskChoice
    models: tuple[ModelChoice, ...]
    seeds: tuple[int, ...]
    budget: Budget
    protocol: Protocol = field(default_factory=Protocol)
    probes: tuple[str, ...] = ()
    """What every trial is examined by after its test."""
    jobs: int | None = None
    """Trials at a time; by cores and memory when absent."""
    alerts: Alerts = field(default_factory=Alerts)
    """What is watched for while they train."""
    untimed: tuple[str, ...] = ()
    """Labels of the models whose widths `launch` has yet to solve, by the time of their steps."""

    def trials(self) -> tuple[TrialConfig, ...]:
        """Every trial: those that tune, model by model, then those to compare.

        The latter seed by seed, so that all models have a first curve early.
        """
        compared = (
            self._trial(model, seed, self.budget) for seed in self.seeds for model in self.models
        )
        return (*self._tuning_trials(), *compared)

    def _tuning_trials(self) -> Iterator[TrialConfig]:
        if not self.protocol.tune:
            return
        # Counted from the other end, so that more seeds to compare change no tuning.
        seed = next(seed for seed in range(LARGEST_SEED, -1, -1) if seed not in self.seeds)
        for model in self.models:
            for rate in self.protocol.rates(self.budget):
                yield self._trial(
                    model, seed, self.protocol.tuning_budget(self.budget, rate), "tuning"
                )

    def _trial(
        self, model: ModelChoice, seed: int, budget: Budget, role: Role = "comparison"
    ) -> TrialConfig:
        return TrialConfig(
            self.name, self.task, model, seed, budget, self.protocol, role, self.probes
        )

    def document(self) -> dict[str, Any]:
        """The configuration as plain data, complete."""
        document = {
            "schema": SCHEMA,
            "name": self.name,
            "seeds": list(self.seeds),
            "task": self.task.document(),
            "budget": asdict(self.budget),
            "protocol": asdict(self.protocol),
            "models": [model.document() for model in self.models],
        }
        if self.probes:
            document["probes"] = list(self.probes)
        if changed := self.alerts.changed():
            document["alerts"] = changed
        if self.jobs is not None:
            document["jobs"] = self.jobs
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> ExperimentConfig:
        """Validate a document; raises `RequestError` naming the offending key.

        Widths that are not given are solved here and nowhere else, so that what is written says
        how wide each model was.
        """
        refuse_unknown(document, EXPERIMENT_KEYS, "")
        for key in ("name", "task", "models"):
            if key not in document:
                raise RequestError(f"{key}: missing. An experiment needs name, task and models.")
        schema = document.get("schema", SCHEMA)
        if schema != SCHEMA:
            raise RequestError(
                f"schema: this keras-seq reads {SCHEMA}; a newer one reads more. "
                f"Received: {shown(schema)}."
            )
        task = _task_choice(table(document["task"], "task"))
        entries = model_entries(document)
        models = tuple(_model_choice(entry) for entry in entries)
        config = cls(
            name=typed(document["name"], str, "name"),
            task=task,
            models=models,
            seeds=typed(document.get("seeds", [0, 1, 2]), tuple[int, ...], "seeds"),
            budget=_budget(task.task, document.get("budget", {})),
            protocol=typed(document.get("protocol", {}), Protocol, "protocol"),
            probes=typed(document.get("probes", []), tuple[str, ...], "probes"),
            alerts=typed(document.get("alerts", {}), Alerts, "alerts"),
            jobs=typed(document["jobs"], int, "jobs") if "jobs" in document else None,
        )
        config._check()
        config = replace(config, models=_matched(config, entries))
        config = replace(config, untimed=_untimed(config, entries))
        for choice in config.models:
            _ask(choice, "check", task.task)
        return config

    def _check(self) -> None:
        if not _SAFE_NAME.fullmatch(self.name):
            raise RequestError(
                "name: expected letters, digits, '.', '_' and '-', beginning with a letter or "
                f"digit. Received: {self.name!r}."
            )
        if not self.models:
            raise RequestError("models: expected at least one.")
        if not self.seeds or min(self.seeds) < 0 or max(self.seeds) > LARGEST_SEED:
            raise RequestError(
                f"seeds: expected integers from 0 to {LARGEST_SEED}, at least one. "
                f"Received: {list(self.seeds)}."
            )
        if self.jobs is not None and self.jobs < 1:
            raise RequestError(f"jobs: expected int >= 1. Received: {self.jobs}.")
        self.protocol.check(self.budget)
        refuse_twice((model.label for model in self.models), "models", "Give one a label.")
        refuse_twice(self.seeds, "seeds", "Each seed once.")
        refuse_twice(self.probes, "probes", "Each probe once.")
        for probe in self.probes:
            find_probe(probe)
        for choice in self.models:
            if not _SAFE_NAME.fullmatch(choice.label):
                raise RequestError(
                    "models.label: expected letters, digits, '.', '_' and '-'. "
                    f"Received: {choice.label!r}."
                )
            _check_serves(choice, self.task.task)


def read_document(path: Path) -> dict[str, Any]:
    """The TOML document at `path`; raises `RequestError` saying what is wrong with it."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RequestError(f"Cannot read {path}: {reason}.") from error
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{path} is not TOML: {error}.") from error


def task_of(document: Mapping[str, Any]) -> Task:
    """The task that an experiment's document asks for."""
    if "task" not in document:
        raise RequestError("task: missing. An experiment needs name, task and models.")
    return _task_choice(table(document["task"], "task")).task


def model_entries(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tables of the models; a bare name stands for a table with nothing but the name."""
    entries = typed(document.get("models", []), list[Any], "models")
    return [
        entry if isinstance(entry, dict) else {"name": typed(entry, str, f"models[{i}]")}
        for i, entry in enumerate(entries)
    ]


def label_of(entry: Mapping[str, Any]) -> Any:
    """What a model's table calls it, or the name of the architecture."""
    return entry.get("label", str(entry.get("name", "")).rpartition(":")[2])


def _task_choice(document: Mapping[str, Any]) -> TaskChoice:
    settings = dict(document)
    name = _name(settings, "task")
    return TaskChoice(name, typed(settings, find_task(name), "task"))


def _model_choice(document: Mapping[str, Any]) -> ModelChoice:
    settings = dict(document)
    label: str = typed(label_of(settings), str, "models.label")
    settings.pop("label", None)
    name = _name(settings, "models")
    return ModelChoice(name, label, typed(settings, find_model(name), f"models.{label}"))


def _name(settings: dict[str, Any], where: str) -> str:
    if "name" not in settings:
        raise RequestError(f"{where}.name: missing. keras-seq list {where.rstrip('s')}s shows all.")
    name: str = typed(settings.pop("name"), str, f"{where}.name")
    return name


def _matched(config: ExperimentConfig, entries: list[dict[str, Any]]) -> tuple[ModelChoice, ...]:
    """The models at the widths that the protocol asks for, except where an entry gives one."""
    task, choices = config.task.task, config.models
    for choice in choices:
        cost = _ask(choice, "cost", task)
        if not isinstance(cost, Cost | None):
            raise RequestError(
                f"models.{choice.label}: its cost must be a Cost, or None where it is not known. "
                f"Received: {shown(cost)}."
            )
    if config.protocol.match == "none":
        return choices
    given = [entry.keys() - {"name", "label"} for entry in entries]
    # The time of a step is not known here; widths of equal capacity are what to begin with.
    quantity = "parameters" if config.protocol.match == "time" else config.protocol.match
    models = matched(task, [choice.model for choice in choices], given, quantity)
    return tuple(
        replace(choice, model=model) for choice, model in zip(choices, models, strict=True)
    )


def _untimed(config: ExperimentConfig, entries: list[dict[str, Any]]) -> tuple[str, ...]:
    if config.protocol.match != "time":
        return ()
    standard = reference([choice.model for choice in config.models])
    return tuple(
        choice.label
        for choice, entry in zip(config.models, entries, strict=True)
        if choice.model is not standard
        and choice.model.widths
        and entry.keys().isdisjoint(choice.model.widths)
    )


def _check_serves(choice: ModelChoice, task: Task) -> None:
    if not choice.model.serves(task):
        able = models_for(task)
        reads, predicts = (type(form).__name__.lower() for form in (task.input, task.target))
        problem = f"cannot read {reads} and predict {predicts}, as {task.name} asks"
        if choice.model.reads_ahead and task.is_causal:
            problem = f"reads ahead, where the later steps of {task.name} hold its answers"
            if "causal" in asdict(choice.model):
                able.append(f"{choice.label} with --set models.{choice.label}.causal=true")
        raise RequestError(
            f"models.{choice.label}: {choice.name} {problem}. "
            f"Models that can: {', '.join(able) or 'none'}."
        )


def _ask(choice: ModelChoice, method: Literal["check", "cost"], task: Task) -> Any:
    """What a method of the model answers; it may be a person's own and fail in any way."""
    try:
        return getattr(choice.model, method)(task)
    except KerasSeqError:
        raise
    except Exception as error:
        raise RequestError(
            f"models.{choice.label}: its {method} of the task failed with "
            f"{type(error).__name__}: {' '.join(str(error).split())}."
        ) from error


def _budget(task: Task, document: Any) -> Budget:
    budget: Budget = typed({**asdict(task.budget), **table(document, "budget")}, Budget, "budget")
    return budget
