"""Whatever is pressed, clicked or scrolled, nothing breaks."""

from __future__ import annotations

from pathlib import Path

import pytest
from random_input import SIZES, Person
from staged import Stage, staged
from textual.screen import Screen
from ways import WAYS

from experiments import backend, launch
from experiments.errors import RequestError

pytestmark = pytest.mark.usefixtures("frozen", "no_rests", "nothing_starts")


@pytest.fixture
def nothing_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No training, and no file outside the folder of the test."""

    def refuse(*_: object) -> str:
        raise RequestError("Nothing starts here.")

    monkeypatch.setattr(backend, "check_backend", refuse)
    monkeypatch.setattr(launch, "supervise", refuse)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DOWNLOAD_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))


@pytest.fixture
def growing() -> Stage:
    staged("other").half_way()
    staged("done").finish()
    stage = staged()
    stage.begin()
    return stage


async def act(person: Person, count: int) -> None:
    try:
        await person.act(count)
    finally:
        # Shown by pytest where the test fails.
        print(f"{len(person.did)} actions:", *map(repr, person.did), sep="\n")


@pytest.mark.parametrize(
    "size",
    # The largest take the longest, and little that the others do not show.
    [*SIZES[:2], *(pytest.param(size, marks=pytest.mark.slow) for size in SIZES[2:])],
    ids=str,
)
async def test_two_hundred_from_each_size(growing: Stage, size: tuple[int, int]) -> None:
    await act(Person(SIZES.index(size), growing, size=size), 200)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", WAYS, ids=lambda kind: kind.__name__)
async def test_four_hundred_from_each_screen(growing: Stage, kind: type[Screen[None]]) -> None:
    person = Person(4, growing, begin=kind)
    await act(person, 400)
    assert kind.__name__ in person.seen
