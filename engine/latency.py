"""How long things take: rings of numbers over a sliding window, made once and written in place.

Thread: one writer (the worker or the tracker's thread), any reader. A reader copies a ring while it is
written and may see one value replaced meanwhile, which a percentile does not notice.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from engine.clock import Clock
from engine.status import StageTime

WINDOW = 240  # values in a ring: 8 s at 30 fps


class RingStats:
    """The newest ``capacity`` values. Cost of ``add``: one store, no allocation of arrays."""

    def __init__(self, capacity: int = WINDOW) -> None:
        self._values: NDArray[np.float64] = np.zeros(capacity)
        self._count = 0

    @property
    def count(self) -> int:
        """Values added since the start or the last ``clear``."""
        return self._count

    def add(self, value: float) -> None:
        """Store ``value`` over the oldest."""
        self._values[self._count % len(self._values)] = value
        self._count += 1

    def clear(self) -> None:
        """Forget everything."""
        self._count = 0

    def values(self) -> NDArray[np.float64]:
        """Return a copy of what is in the ring, in no particular order."""
        return self._values[: min(self._count, len(self._values))].copy()

    def percentile(self, percent: float) -> float:
        """Return the percentile of what is in the ring; 0 when it is empty."""
        values = self.values()
        return float(np.percentile(values, percent)) if values.size else 0.0

    def last(self) -> float:
        """Return the newest value; 0 when there is none."""
        return float(self._values[(self._count - 1) % len(self._values)]) if self._count else 0.0


class RateMeter:
    """Events per second over the newest ``window_s`` seconds.

    Args:
        clock: Whose seconds.
        window_s: Length of the window, > 0.
        capacity: Most events that are remembered; beyond it the window is shorter.
    """

    def __init__(self, clock: Clock, window_s: float = 2.0, capacity: int = WINDOW) -> None:
        self._clock = clock
        self._window_s = window_s
        self._times = RingStats(capacity)

    def tick(self) -> None:
        """Count one event now."""
        self._times.add(self._clock.now_s())

    def per_second(self) -> float:
        """Return the rate; 0 with fewer than two events in the window."""
        now_s = self._clock.now_s()
        times = self._times.values()
        recent = times[times > now_s - self._window_s]
        if recent.size < 2:  # noqa: PLR2004 - an interval has two ends
            return 0.0
        # Up to now, not up to the newest event: a stream that stopped must read as slowing down.
        span_s = max(now_s, float(recent.max())) - float(recent.min())
        return float((recent.size - 1) / span_s) if span_s > 0 else 0.0


class StageTimes:
    """Time per stage. Each stage has one writing thread.

    Args:
        names: The stages, in the order in which a frame travels.
        clock: Whose seconds.
    """

    def __init__(self, names: Sequence[str], clock: Clock) -> None:
        self._rings = {name: RingStats() for name in names}
        self._clock = clock

    @contextmanager
    def measure(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to stage ``name``. Raises ``KeyError`` for an unknown one."""
        ring = self._rings[name]
        started_at_s = self._clock.now_s()
        try:
            yield
        finally:
            ring.add((self._clock.now_s() - started_at_s) * 1e3)

    def summary(self) -> dict[str, StageTime]:
        """Return the time of each stage that ran at least once, in order."""
        return {
            name: StageTime(p50=ring.percentile(50), p95=ring.percentile(95), last=ring.last())
            for name, ring in self._rings.items()
            if ring.count
        }
