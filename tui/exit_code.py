"""The exit code of a command that watched an experiment."""

from experiments.read_model import ExperimentView
from experiments.status import Status

_NOT_COMPLETED = (Status.FAILED, Status.LOST, Status.STOPPED, Status.PRUNED)


def exit_code(view: ExperimentView) -> int:
    """0 while nothing went wrong, 1 once a trial ended otherwise than by completing.

    A learning rate that was tried in vain is nothing wrong.
    """
    return int(any(trial.status in _NOT_COMPLETED for trial in view.comparison_trials))
