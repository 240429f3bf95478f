import pytest

from experiments.control import Request, ask, asked, reason_of
from experiments.errors import StoreError
from experiments.store import TrialFolder, read_json


def test_nothing_is_asked_at_first(tmp_path):
    assert asked(TrialFolder(tmp_path)) is Request.NONE


@pytest.mark.parametrize("request_", Request)
def test_what_is_asked_is_read(tmp_path, request_):
    folder = TrialFolder(tmp_path)
    ask(folder, Request.STOP)
    ask(folder, request_)
    assert asked(folder) is request_
    assert read_json(folder.control)["schema"] == 1


def test_why_it_is_asked_can_be_told(tmp_path):
    folder = TrialFolder(tmp_path)
    ask(folder, Request.PRUNE, "far behind")
    assert (asked(folder), reason_of(folder)) == (Request.PRUNE, "far behind")
    ask(folder, Request.STOP)
    assert (asked(folder), reason_of(folder)) == (Request.STOP, "")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b'{"request": "fly"}', b'{"request": ["stop"]}', b'{"request": null}']
)
def test_a_damaged_request_is_said_in_one_line(tmp_path, content):
    folder = TrialFolder(tmp_path)
    folder.control.write_bytes(content)
    with pytest.raises(StoreError) as refused:
        asked(folder)
    assert str(folder.control) in str(refused.value)
    assert "\n" not in str(refused.value)
