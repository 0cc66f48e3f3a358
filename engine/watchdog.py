"""Notices within 300 ms that the engine has fallen silent, and has the standby card shown."""

import threading
from collections.abc import Callable

from engine.clock import Clock

SILENCE_S = 0.25
POLL_S = 0.05
"""Looked at this often, a silence is answered within ``SILENCE_S + POLL_S`` = 300 ms."""


class Watchdog:
    """Calls ``on_silent`` once for each silence.

    Args:
        clock: Whose seconds.
        on_silent: Shows the card; called on the watching thread.
        silence_s: Longest time between two beats.

    Thread: any; ``start`` adds the watching thread, tests call ``check`` instead.
    """

    def __init__(self, clock: Clock, on_silent: Callable[[], None], silence_s: float = SILENCE_S) -> None:
        self._clock = clock
        self._on_silent = on_silent
        self._silence_s = silence_s
        self._beat_at_s: float | None = None
        self._is_silent = False
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the engine was found silent and has not come back."""
        return self._is_silent

    def beat(self) -> None:
        """The engine lives. The first beat arms the watchdog."""
        self._beat_at_s = self._clock.now_s()
        self._is_silent = False

    def rest(self) -> None:
        """The engine has stopped on purpose: watch again from the next beat on."""
        self._beat_at_s = None
        self._is_silent = False

    def check(self) -> None:
        """Answer a silence, if there is a new one."""
        beat_at_s = self._beat_at_s
        if beat_at_s is None or self._is_silent:
            return
        if self._clock.now_s() - beat_at_s >= self._silence_s:
            self._is_silent = True
            self._on_silent()

    def start(self) -> None:
        """Watch on a thread of its own."""
        self._is_stopping.clear()
        self._thread = threading.Thread(target=self._run, name="understudy-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread; idempotent."""
        self._is_stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._is_stopping.wait(POLL_S):
            self.check()
