"""Notices within 300 ms that the engine has fallen silent, and has the standby card held until it is steady.

Falling back is quick and coming back is slow: an engine that gasps every 300 ms would otherwise show card and
avatar in turn.
"""

import threading
from collections.abc import Callable

from engine.clock import Clock

SILENCE_S = 0.25
STEADY_S = 1.0
"""After a silence, the engine must beat without another one for this long before it is shown again."""

POLL_S = 0.05
"""Looked at this often, a silence is answered within ``SILENCE_S + POLL_S`` = 300 ms."""


class Watchdog:
    """Calls ``on_silent`` once for each silence, and ``on_steady`` once when it is over for good.

    The two come in turn, and never at the same time.

    Args:
        clock: Whose seconds.
        on_silent: Shows the card; called on the watching thread.
        on_steady: Lets pictures through again; called on the thread that beats or rests.
        silence_s: Longest time between two beats.
        steady_s: How long the engine beats without a silence before it counts as steady.

    Thread: any; ``start`` adds the watching thread, tests call ``check`` instead.
    """

    def __init__(
        self,
        clock: Clock,
        on_silent: Callable[[], None],
        on_steady: Callable[[], None] = lambda: None,
        *,
        silence_s: float = SILENCE_S,
        steady_s: float = STEADY_S,
    ) -> None:
        self._clock = clock
        self._on_silent = on_silent
        self._on_steady = on_steady
        self._silence_s = silence_s
        self._steady_s = steady_s
        self._turning = threading.Lock()  # held while the state changes and others are told
        self._beat_at_s: float | None = None
        self._steady_since_s = 0.0
        self._is_silent = False
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_silent(self) -> bool:
        """Whether the engine was found silent and is not steady yet."""
        return self._is_silent

    def beat(self) -> None:
        """The engine lives. The first beat arms the watchdog."""
        now_s = self._clock.now_s()
        with self._turning:
            if self._beat_at_s is None or now_s - self._beat_at_s >= self._silence_s:
                self._steady_since_s = now_s
            self._beat_at_s = now_s
            if self._is_silent and now_s - self._steady_since_s >= self._steady_s:
                self._calm_down()

    def rest(self) -> None:
        """The engine has stopped on purpose: watch again from the next beat on."""
        with self._turning:
            self._beat_at_s = None
            if self._is_silent:
                self._calm_down()

    def check(self) -> None:
        """Answer a silence, if there is a new one."""
        with self._turning:
            if self._beat_at_s is None or self._is_silent:
                return
            if self._clock.now_s() - self._beat_at_s >= self._silence_s:
                self._is_silent = True
                self._on_silent()

    def _calm_down(self) -> None:
        self._is_silent = False
        self._on_steady()

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
