"""Counts what leaves: pictures, their rate, the time from motion to photon. One writing thread at a time."""

from engine.clock import Clock
from engine.latency import RateMeter, RingStats
from engine.types import Picture


class Meter:
    """What was handed to the sinks.

    Args:
        clock: The clock of ``Picture.captured_at_s``.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latency_ms = RingStats()
        self._rate = RateMeter(clock)
        self._frames_out = 0
        self._newest_index = -1

    @property
    def frames_out(self) -> int:
        """Pictures of distinct source frames so far."""
        return self._frames_out

    @property
    def fps(self) -> float:
        """Pictures of distinct source frames per second, over the last seconds."""
        return self._rate.per_second()

    def latency_ms(self, percent: float) -> float:
        """Return a percentile of motion-to-photon over the newest pictures; 0 before the first."""
        return self._latency_ms.percentile(percent)

    def expect_new_source(self) -> None:
        """The next source counts its frames from 0 again."""
        self._newest_index = -1

    def count(self, picture: Picture) -> None:
        """A picture was handed over just now; one without a frame of its own counts for nothing."""
        if picture.frame_index <= self._newest_index:
            return
        self._newest_index = picture.frame_index
        self._frames_out += 1
        self._rate.tick()
        self._latency_ms.add((self._clock.now_s() - picture.captured_at_s) * 1e3)
