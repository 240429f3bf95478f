"""The states of a trial and of an experiment."""

from enum import StrEnum


class Status(StrEnum):
    """Where a trial or an experiment stands.

    `queued`: waits for a free place. `running`: its process works. `paused`: its process waits
    for a person. `completed`: trained and tested. `failed`: ended by an error, a signal or a NaN;
    the reason is kept. `stopped`: ended by a person. `pruned`: ended early by a rule. `lost`: its
    process is gone and left no word.
    """

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    STOPPED = "stopped"
    PRUNED = "pruned"
    LOST = "lost"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen without a new request."""
        return self not in (Status.QUEUED, Status.RUNNING, Status.PAUSED)
