"""Ctrl-C ends in good order: the first one asks, a later one insists, a third ends the process at once.

Only one in ``SAME_PRESS_S`` counts: somebody who hammers on the keys gets the same good end as somebody who
does not, while a program that hangs can still be stopped from the keyboard.
"""

import atexit
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

SAME_PRESS_S = 2.0
_INSISTS = 2
_FORCES = 3
_EXIT_FORCED = 130
_FORCED = b"\nunderstudy: Stopped at once; a file that was being written may not play.\n"
_POLITE = ("SIGTERM", "SIGHUP")  # a polite kill, a closed terminal (not on Windows)


class Interrupt:
    """What Ctrl-C does, from the program's first line to its last. A block takes the signal over.

    Outside of ``asking`` the first one raises ``KeyboardInterrupt``. Later ones change nothing while the
    program unwinds, until the third.

    Thread: main (signals are delivered there); elsewhere it takes nothing over.

    Args:
        ends_process: The process ends with the block: the signal is not given back, so that another Ctrl-C
            meets no half-closed interpreter.
    """

    def __init__(self, *, ends_process: bool = False) -> None:
        self._ends_process = ends_process
        self._presses = 0
        self._counted_at_s = 0.0
        self._is_asking = False
        self._may_break = False
        self._is_leaving = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        """Take over Ctrl-C."""
        self._take(signal.SIGINT)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give the signals back, or keep them to the process's end."""
        if not self._ends_process:
            self._give_back(*self._previous)
            return
        self._is_leaving = True
        # Past Python's own end a handler is gone and Ctrl-C kills: by then, nothing is left to stop.
        atexit.register(_ignore, *self._previous)

    @contextmanager
    def asking(self, *, may_break: bool = True) -> Iterator["Interrupt"]:
        """While the block runs, Ctrl-C, a polite kill and a closed terminal only set a flag.

        Args:
            may_break: Whether somebody who insists gets a ``KeyboardInterrupt``; else the block always ends
                by itself, or with the process.
        """
        for name in _POLITE:
            self._take(getattr(signal, name, None))
        was = (self._is_asking, self._may_break)
        self._is_asking, self._may_break = True, may_break
        try:
            yield self
        finally:
            self._is_asking, self._may_break = was
            if not self.is_asked():  # else the program is about to end
                self._give_back(*(set(self._previous) - {signal.SIGINT}))

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Put Ctrl-C off to the block's end: raised inside an import, Python might print it and go on."""
        with self.asking():
            yield
        if self.is_asked():
            raise KeyboardInterrupt

    def is_asked(self) -> bool:
        """Whether somebody wants to stop."""
        return self._presses > 0

    def wait(self, timeout_s: float) -> bool:
        """Wait, and return whether somebody wants to stop."""
        if not self.is_asked():
            time.sleep(timeout_s)  # no Event: its lock may be held by the very code that a signal interrupts
        return self.is_asked()

    def _take(self, number: int | None) -> None:
        if number is None or threading.current_thread() is not threading.main_thread():
            return
        is_ignored = number != signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN  # nohup
        if number not in self._previous and not is_ignored:
            self._previous[number] = signal.signal(number, self._on_signal)

    def _give_back(self, *numbers: int) -> None:
        for number in numbers:
            signal.signal(number, self._previous.pop(number))  # type: ignore[arg-type]  # what it returned

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        now_s = time.monotonic()
        if self._presses and now_s - self._counted_at_s < SAME_PRESS_S:
            return
        self._counted_at_s = now_s
        self._presses += 1
        if self._presses >= _FORCES:
            _end_at_once()
        if not self._is_leaving and self._is_breaking():
            raise KeyboardInterrupt

    def _is_breaking(self) -> bool:
        """Whether this press ends the block that runs."""
        if self._is_asking:
            return self._may_break and self._presses == _INSISTS
        return self._presses == 1


def _ignore(*numbers: int) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def _end_at_once() -> None:
    os.write(2, _FORCED)  # no stream: the code that a signal interrupts may be writing to it
    os._exit(_EXIT_FORCED)
