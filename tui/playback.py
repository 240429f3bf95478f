"""Where a replay is in the time of its experiment, and how fast it goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace

SPEEDS = (120.0, 60.0, 30.0, 15.0, 8.0, 4.0)
"""Seconds in which the whole experiment passes, the slowest first."""


@dataclass(frozen=True)
class Playback:
    """A time between `start` and `end`, seconds since the epoch."""

    start: float
    end: float
    time: float
    is_playing: bool = False
    speed: int = 2
    """The place in `SPEEDS`."""

    @property
    def length(self) -> float:
        """Seconds from start to end."""
        return self.end - self.start

    @property
    def part(self) -> float:
        """What has passed, 0 to 1."""
        return (self.time - self.start) / self.length if self.length else 1.0

    @property
    def pace(self) -> float:
        """Seconds of the experiment that pass in one."""
        return self.length / SPEEDS[self.speed]

    def moved(self, part: float) -> Playback:
        """Earlier or later by a part of the whole."""
        return self.to(self.part + part)

    def to(self, part: float) -> Playback:
        """At a part of the whole."""
        return replace(self, time=self.start + min(max(part, 0.0), 1.0) * self.length)

    def advanced(self, seconds: float) -> Playback:
        """After so many seconds; it stops at the end."""
        if not self.is_playing:
            return self
        time = min(self.time + seconds * self.pace, self.end)
        return replace(self, time=time, is_playing=time < self.end)

    def toggled(self) -> Playback:
        """Playing, from the start where it is at the end, or not playing."""
        at_end = not self.is_playing and self.time >= self.end
        time = self.start if at_end else self.time
        return replace(self, time=time, is_playing=not self.is_playing)

    def faster(self, steps: int) -> Playback:
        """At another speed, as far as there is one."""
        return replace(self, speed=min(max(self.speed + steps, 0), len(SPEEDS) - 1))
