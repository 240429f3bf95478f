"""What happened: the records of the journals, each a frozen structure with a time.

The worker of a trial writes `Started`, `Built`, `DataRead`, `DependenceFound`, `Pretrained`,
`Measured`, `Solved`, `RateChanged`, `CheckpointSaved`, `Recorded`, `NotRecorded` and
`StatusChanged` to the trial's journal; the supervisor writes `SupervisorStarted`, `RateChosen`,
`TrialQueued`, `TrialEnded`, `StopRequested`, `LoadSampled`, `Alerted`, `BaselineMeasured` and
`SupervisorEnded` to its own, into which `launch` writes `StepsTimed` before. `read_model` folds
them into views.
"""

import math
import time
from typing import Any

import msgspec

from experiments.status import Status

SCHEMA = 1


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", omit_defaults=True):
    """Something that happened at `time`, in seconds since the epoch."""

    time: float = msgspec.field(default_factory=time.time)


class Process(msgspec.Struct, frozen=True):
    """A process that cannot be mistaken for a later one with the same number."""

    pid: int
    created: float
    """Its start, seconds since the epoch."""
    host: str


class Opened(Event, frozen=True, kw_only=True, tag="opened"):
    """First record of a journal."""

    schema: int


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """A worker took up its trial."""

    process: Process
    attempt: int = 1
    step: int = 0
    """The updates that it found made, in a checkpoint."""


class Built(Event, frozen=True, kw_only=True, tag="built"):
    """The network stands and training is about to begin."""

    num_parameters: int
    backend: str
    device: str
    threads: int
    epoch_sequences: int | None = None
    """Sequences of the training set, where it is gone through again and again."""


class DataRead(Event, frozen=True, kw_only=True, tag="data_read"):
    """A split as the trial has read it; of `train` the first batches."""

    split: str
    sequences: int
    sha256: str
    """The first digits of the hash of its arrays: two who have the same had the same data."""


class DependenceFound(Event, frozen=True, kw_only=True, tag="dependence_found"):
    """Which inputs the untrained network's predictions depend on: see `causality`."""

    is_causal: bool | None = None
    """Whether no step's prediction depends on a later step; `None` for one per sequence.

    In an encoder-decoder these are the steps of the decoder.
    """
    steps: int
    """Input steps of a sequence."""
    tried: tuple[int, ...]
    """Those that were changed, counted from 0."""
    unread: tuple[int, ...] = ()
    """Those of them that no prediction depends on."""
    faint: tuple[int, ...] = ()
    """Those of them that are read, but rounding hides what depends on them."""


class Pretrained(Event, frozen=True, kw_only=True, tag="pretrained"):
    """Measurements after `step` updates of pretraining, by key: `loss` and the metric of its task.

    Those of training come after them, and are counted from 1 again.
    """

    step: int
    values: dict[str, float]


class Measured(Event, frozen=True, kw_only=True, tag="measured"):
    """Measurements after `step` updates, by key: `train_loss`, `validation_accuracy` ..."""

    step: int
    values: dict[str, float]


class Solved(Event, frozen=True, kw_only=True, tag="solved"):
    """On validation the task is solved since `step`: see `solving`."""

    step: int


class RateChanged(Event, frozen=True, kw_only=True, tag="rate_changed"):
    """A person changed the learning rate after `step` updates."""

    step: int
    before: float
    learning_rate: float


class CheckpointSaved(Event, frozen=True, kw_only=True, tag="checkpoint_saved"):
    """All that training goes on from after `step` updates is on the disk: see `checkpoint`."""

    step: int
    seconds: float
    """How long that took."""
    size: int
    """Bytes."""


class Recorded(Event, frozen=True, kw_only=True, tag="recorded"):
    """What the network did inside after `step` updates is in `arrays/`: see `recorders`."""

    step: int
    seconds: float
    """How long it took."""
    size_bytes: int


class NotRecorded(Event, frozen=True, kw_only=True, tag="not_recorded"):
    """After `step` updates a recording was due, and was not made."""

    step: int
    reason: str


class StatusChanged(Event, frozen=True, kw_only=True, tag="status"):
    """A trial changed its status; `reason` says why where that is not obvious."""

    status: Status
    reason: str = ""


class StepsTimed(Event, frozen=True, kw_only=True, tag="steps_timed"):
    """How long a training step of each model took, measured alone before the trials: see `pace`."""

    seconds: dict[str, float]
    """By model."""
    threads: int
    backend: str
    device: str
    host: str


class SupervisorStarted(Event, frozen=True, kw_only=True, tag="supervisor_started"):
    """A supervisor took up the experiment: `jobs` trials at a time, `threads` each."""

    process: Process
    jobs: int
    threads: int
    backend: str = ""
    """The Keras backend of every trial; empty in journals older than this field."""


class RateChosen(Event, frozen=True, kw_only=True, tag="rate_chosen"):
    """The learning rate with which all trials of a model are trained that are to be compared."""

    model: str
    learning_rate: float
    values: dict[str, float]
    """The best validation of each rate tried; NaN where training came to no good end."""
    is_edge: bool = False
    """Whether there is nothing to one side of it: a better one may lie beyond."""


class TrialEnded(Event, frozen=True, kw_only=True, tag="trial_ended"):
    """The process of a trial is gone; `status` is what the supervisor concludes from that."""

    trial: str
    status: Status
    reason: str = ""


class TrialQueued(Event, frozen=True, kw_only=True, tag="trial_queued"):
    """A trial waits for a place: again, or, where it is paused, for a person."""

    trial: str
    is_paused: bool = False
    retries: int = 0
    """How often another attempt has been asked for, this one included."""


class StopRequested(Event, frozen=True, kw_only=True, tag="stop_requested"):
    """A stop, by a person or a rule, was passed on; `rung` is `asked`, `terminated`, `killed`."""

    trial: str
    rung: str


class LoadSampled(Event, frozen=True, kw_only=True, tag="load_sampled"):
    """What the processes of a trial take, told where that has changed: see `gauge`."""

    trial: str
    cores: float
    """Those that they kept busy since they were looked at before, on average."""
    memory_bytes: int


class Alerted(Event, frozen=True, kw_only=True, tag="alerted"):
    """A rule of `alert_rules` found something wrong with a trial at work."""

    trial: str
    attempt: int
    rule: str
    action: str
    """`notify`, or what was asked of the trial as well: `checkpoint`, `stop`."""
    message: str
    step: int


class BaselineMeasured(Event, frozen=True, kw_only=True, tag="baseline_measured"):
    """What a null baseline reaches on the test split of `seed`."""

    name: str
    seed: int
    values: dict[str, float]


class SupervisorEnded(Event, frozen=True, kw_only=True, tag="supervisor_ended"):
    """The supervisor has nothing left to do; `reason` is set when it gave up."""

    reason: str = ""


class Damaged(Event, frozen=True, kw_only=True, tag="damaged"):
    """A line of a journal that is not a record. Made by readers, never written."""

    line: int
    problem: str


type_of_record = (
    Opened
    | Started
    | Built
    | DataRead
    | DependenceFound
    | Pretrained
    | Measured
    | Solved
    | RateChanged
    | CheckpointSaved
    | Recorded
    | NotRecorded
    | StatusChanged
    | StepsTimed
    | SupervisorStarted
    | RateChosen
    | TrialQueued
    | TrialEnded
    | StopRequested
    | LoadSampled
    | Alerted
    | BaselineMeasured
    | SupervisorEnded
)
# Lax, because JSON has no NaN and no infinity: they are stored as strings.
_decoder = msgspec.json.Decoder(type_of_record, strict=False)
_encoder = msgspec.json.Encoder()


def encode(event: Event) -> bytes:
    """One line of JSON, newline included; NaN and infinity become the strings `nan`, `inf`."""
    document: dict[str, Any] = msgspec.to_builtins(event)
    values = document.get("values")
    if values is not None:
        document["values"] = {
            key: value if math.isfinite(value) else str(value) for key, value in values.items()
        }
    try:
        return _encoder.encode(document) + b"\n"
    except UnicodeEncodeError:
        # A reason may quote a file name that is not text; the rest of it is worth keeping.
        return _encoder.encode(_readable(document)) + b"\n"


def _readable(part: Any) -> Any:
    if isinstance(part, dict):
        return {_readable(key): _readable(value) for key, value in part.items()}
    return part.encode(errors="replace").decode() if isinstance(part, str) else part


def decode(line: bytes) -> Event:
    """The record in `line`; raises `msgspec.DecodeError` when there is none."""
    record: Event = _decoder.decode(line)
    return record
