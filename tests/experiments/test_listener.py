import pytest

from experiments.control import Control, Request
from experiments.errors import StoreError
from experiments.events import StatusChanged
from experiments.listener import PAUSE_SECONDS, Listener
from experiments.status import Status

NONE, PAUSE, STOP = Request.NONE, Request.PAUSE, Request.STOP


class Person:
    """Asks one thing after the other, and the last one for ever; notes what comes of it."""

    def __init__(self, *requests):
        self.requests = list(requests)
        self.records = []
        self.slept = []
        self.listener = Listener(self.read, self.records.append, sleep=self.slept.append)

    def read(self):
        request = self.requests.pop(0) if len(self.requests) > 1 else self.requests[0]
        if isinstance(request, Exception):
            raise request
        return Control(request=request)

    @property
    def statuses(self):
        return [event.status for event in self.records if isinstance(event, StatusChanged)]


@pytest.mark.parametrize(("request_", "ends"), [(r, r.is_end) for r in Request])
def test_an_end_is_heard(request_, ends):
    person = Person(request_, NONE) if request_ is PAUSE else Person(request_)
    assert person.listener.must_end() is ends


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_pause_lasts_until_it_is_taken_back_and_is_recorded_once(count):
    person = Person(*[PAUSE] * count, NONE)
    assert not person.listener.must_end()
    assert person.statuses == [Status.PAUSED, Status.RUNNING]
    assert person.slept == [PAUSE_SECONDS] * (count - 1)
    assert not person.listener.must_end()
    assert len(person.records) == 2


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (Request.STOP, (Status.STOPPED, "stopped by a person")),
        (Request.KILL, (Status.STOPPED, "killed by a person")),
        (Request.PRUNE, (Status.PRUNED, "")),
    ],
)
def test_one_that_is_paused_hears_an_end(end, said):
    person = Person(PAUSE, PAUSE, end)
    assert person.listener.must_end()
    assert person.statuses == [Status.PAUSED]
    assert person.listener.end == said


def test_what_cannot_be_read_changes_nothing_and_is_told_once(capsys):
    damaged = StoreError("control.json is damaged")
    person = Person(damaged, PAUSE, PAUSE, damaged, damaged, NONE)
    assert not person.listener.must_end()
    assert not person.listener.must_end()
    assert person.statuses == [Status.PAUSED, Status.RUNNING]
    assert len(person.slept) == 3
    assert capsys.readouterr().err == "control.json is damaged\n"
