import pytest

from experiments.status import Status


@pytest.mark.parametrize("status", Status)
def test_only_what_waits_or_works_is_unfinished(status):
    assert status.is_finished == (status.value not in ("queued", "running", "paused"))


def test_words_are_those_of_the_design():
    words = "queued running paused completed failed stopped pruned lost"
    assert [status.value for status in Status] == words.split()
