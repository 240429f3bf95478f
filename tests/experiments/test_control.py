import itertools
import json
import threading

import pytest

from experiments.control import (
    Control,
    Request,
    ask,
    ask_checkpoint,
    ask_rate,
    ask_retry,
    asked,
)
from experiments.errors import StoreError
from experiments.store import TrialFolder, read_json


def test_nothing_is_asked_at_first(tmp_path):
    assert asked(TrialFolder(tmp_path)) == Control()
    assert not Control().request.is_end


@pytest.mark.parametrize("request_", Request)
def test_what_is_asked_is_read(tmp_path, request_):
    folder = TrialFolder(tmp_path)
    ask(folder, request_)
    assert asked(folder).request is request_
    assert read_json(folder.control)["schema"] == 1


def test_why_it_is_asked_can_be_told(tmp_path):
    folder = TrialFolder(tmp_path)
    ask(folder, Request.PRUNE, "far behind")
    assert asked(folder) == Control(request=Request.PRUNE, reason="far behind")
    ask(folder, Request.STOP)
    assert asked(folder) == Control(request=Request.STOP)


@pytest.mark.parametrize(("first", "then"), list(itertools.product(Request, Request)))
def test_an_end_that_was_asked_for_is_taken_back_by_nothing_weaker(tmp_path, first, then):
    folder = TrialFolder(tmp_path)
    ask(folder, first, "first")
    ask(folder, then, "then")
    strength = [Request.PRUNE, Request.STOP, Request.KILL]
    holds = first in strength and (then not in strength[strength.index(first) :])
    assert asked(folder).request is (first if holds else then)
    assert asked(folder).reason == ("first" if holds else "then")


def test_no_wish_overwrites_another(tmp_path):
    folder = TrialFolder(tmp_path)
    ask(folder, Request.PAUSE)
    ask_rate(folder, 0.02)
    ask_checkpoint(folder)
    ask_checkpoint(folder)
    assert asked(folder) == Control(request=Request.PAUSE, learning_rate=0.02, checkpoints=2)
    ask(folder, Request.STOP)
    assert asked(folder) == Control(request=Request.STOP, learning_rate=0.02, checkpoints=2)


@pytest.mark.parametrize(
    ("is_anew", "given", "expected"),
    [(False, None, 0.02), (False, 0.01, 0.01), (True, None, None), (True, 0.01, 0.01)],
)
def test_another_attempt_takes_back_the_end_and_keeps_what_it_goes_on_with(
    tmp_path, is_anew, given, expected
):
    folder = TrialFolder(tmp_path)
    ask_rate(folder, 0.02)
    ask(folder, Request.STOP, "enough")
    for count in (1, 2):
        ask_retry(folder, is_anew=is_anew, learning_rate=given)
        assert asked(folder) == Control(retries=count, is_anew=is_anew, learning_rate=expected)


@pytest.mark.parametrize("rate", [0, -1, "fast", "1e99", "NaN"])
def test_a_learning_rate_that_is_none_is_damage(tmp_path, rate):
    folder = TrialFolder(tmp_path)
    folder.control.write_text(f'{{"request": "none", "learning_rate": {json.dumps(rate)}}}')
    with pytest.raises(StoreError, match="learning_rate"):
        asked(folder)


def test_a_file_of_an_older_version_is_read(tmp_path):
    folder = TrialFolder(tmp_path)
    folder.control.write_bytes(b'{"schema": 1, "request": "stop"}')
    assert asked(folder) == Control(request=Request.STOP)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"request": "fly"}', b'{"request": ["stop"]}', b'{"request": null}']
)
def test_a_damaged_request_is_said_in_one_line_and_mended_by_the_next(tmp_path, content):
    folder = TrialFolder(tmp_path)
    folder.control.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        asked(folder)
    assert str(folder.control) in str(refused.value)
    assert "\n" not in str(refused.value)
    ask(folder, Request.STOP)
    assert asked(folder).request is Request.STOP


def test_of_many_who_ask_at_once_none_takes_back_an_end(tmp_path):
    folder = TrialFolder(tmp_path)
    requests = [Request.PAUSE, Request.NONE, Request.STOP, Request.PAUSE] * 8
    threads = [threading.Thread(target=ask, args=(folder, request)) for request in requests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked(folder).request is Request.STOP
    assert [path.name for path in tmp_path.iterdir()] == ["control.json"]
