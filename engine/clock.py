"""Time as a thing that is handed in, so that every deadline can be tested without waiting."""

import time
from typing import Protocol


class Clock(Protocol):
    """A monotonic clock in seconds. Thread: any."""

    def now_s(self) -> float:
        """Return monotonic time in seconds."""
        ...

    def sleep_s(self, seconds: float) -> None:
        """Wait for ``seconds`` (>= 0)."""
        ...


class SystemClock:
    """The operating system's monotonic clock (shared by all processes of this machine)."""

    def now_s(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    def sleep_s(self, seconds: float) -> None:
        """Sleep for ``seconds``; returns at once when it is not positive."""
        if seconds > 0:
            time.sleep(seconds)


class FakeClock:
    """A clock that moves only when told to: for tests."""

    def __init__(self, start_s: float = 0.0) -> None:
        self._now_s = start_s

    def now_s(self) -> float:
        """Return the time last set."""
        return self._now_s

    def sleep_s(self, seconds: float) -> None:
        """Advance by ``seconds`` without waiting."""
        self._now_s += max(seconds, 0.0)
