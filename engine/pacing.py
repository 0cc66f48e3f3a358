"""Spreads the pictures of a chunk over the time that they stand for.

A row of c frames becomes clean at once. Handed over at once, a newest-wins sink would show one of them; so
they leave one after another, at the pace at which rows come. Single pictures pass straight through, with no
thread and no delay.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from engine.clock import Clock
from engine.types import Picture

_SMOOTHING = 0.2  # share of the newest interval in the estimate
_LONGEST_S = 0.1  # never hold a picture longer than this after the one before


def due_times(now_s: float, last_due_s: float, interval_s: float, count: int) -> list[float]:
    """Return when each of ``count`` pictures is due: at once, or ``interval_s`` after the one before."""
    first_s = max(now_s, last_due_s + interval_s)
    return [first_s + index * interval_s for index in range(count)]


class Pacer:
    """Hands pictures on when they are due.

    Thread: ``put`` from the worker, ``clear`` and ``close`` from any.

    Args:
        hand_on: Takes a picture that is due, without waiting; called on the worker's thread (single pictures)
            or on the pacer's own. The lock is held meanwhile, so that nothing follows a ``clear``.
        clock: Whose seconds.
    """

    def __init__(self, hand_on: Callable[[Picture], None], clock: Clock) -> None:
        self._hand_on = hand_on
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[tuple[float, Picture]] = deque()
        self._interval_s = 0.0
        self._last_put_s: float | None = None
        self._last_due_s = 0.0
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def put(self, pictures: Sequence[Picture]) -> None:
        """Take the pictures of one row, oldest first."""
        if len(pictures) == 1 and self._thread is None:
            with self._changed:
                self._hand_on(pictures[0])
        elif pictures:
            self._schedule(pictures)

    def clear(self) -> None:
        """Forget what waits; on return nothing older can follow."""
        with self._changed:
            self._waiting.clear()

    def close(self) -> None:
        """Forget what waits and end the thread; idempotent."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _schedule(self, pictures: Sequence[Picture]) -> None:
        now_s = self._clock.now_s()
        with self._changed:
            if self._last_put_s is not None:
                newest_s = min((now_s - self._last_put_s) / len(pictures), _LONGEST_S)
                change_s = newest_s - self._interval_s
                self._interval_s += change_s * (_SMOOTHING if self._interval_s else 1.0)
            self._last_put_s = now_s
            # What still waits is late already: it goes out now rather than push the new ones back.
            self._last_due_s = min(self._last_due_s, now_s)
            self._waiting = deque((min(due_s, now_s), picture) for due_s, picture in self._waiting)
            due_s = due_times(now_s, self._last_due_s, self._interval_s, len(pictures))
            self._last_due_s = due_s[-1]
            self._waiting.extend(zip(due_s, pictures, strict=True))
            self._changed.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="understudy-pacer", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        with self._changed:
            while not self._is_closed:
                wait_s = self._waiting[0][0] - self._clock.now_s() if self._waiting else None
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                else:
                    self._hand_on(self._waiting.popleft()[1])
