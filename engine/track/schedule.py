"""Which of the slower readings runs on this frame: at most one, the most overdue.

In: media times. Out: a name or None, and the rates that came about. Pure; any one thread.
"""

from collections import deque
from collections.abc import Mapping

RATE_WINDOW_S = 2.0
_SLACK_S = 1e-6
_LONG_AGO_S = -1e9


class RateMeter:
    """Measures how often something happens, over the last two seconds of media time."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()

    def mark(self, at_s: float) -> None:
        """Take one event."""
        self._times.append(at_s)
        while at_s - self._times[0] > RATE_WINDOW_S:
            self._times.popleft()

    def reset(self) -> None:
        """Forget the past."""
        self._times.clear()

    def rate_hz(self) -> float:
        """Return events a second; 0 before the second event."""
        span_s = self._times[-1] - self._times[0] if self._times else 0.0
        return (len(self._times) - 1) / span_s if span_s > 0 else 0.0


class RoundRobin:
    """Spreads periodic readings over the frames.

    Args:
        rates_hz: Wanted rate of each reading by name, > 0.
    """

    def __init__(self, rates_hz: Mapping[str, float]) -> None:
        self._period_s = {name: 1.0 / rate for name, rate in rates_hz.items()}
        self._due_s: dict[str, float] = {}

    def reset(self) -> None:
        """Forget the past: every reading is due again."""
        self._due_s.clear()

    def next(self, at_s: float) -> str | None:
        """Return the reading to run on the frame at ``at_s``, or None when none is due."""
        overdue = {name: at_s - self._due_s.get(name, _LONG_AGO_S) for name in self._period_s}
        name = max(overdue, key=lambda each: overdue[each] / self._period_s[each], default=None)
        if name is None or overdue[name] < -_SLACK_S:
            return None
        # Keep the beat while less than a beat late; after a gap start a new one instead of catching up.
        late_s = overdue[name] if overdue[name] < self._period_s[name] else 0.0
        self._due_s[name] = at_s + self._period_s[name] - late_s
        return name
