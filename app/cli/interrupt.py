"""Ctrl-C ends in good order: the first one asks, the second one insists."""

import signal
import threading
from types import FrameType, TracebackType


class Interrupt:
    """While the block runs, Ctrl-C and a polite kill only set a flag; a second one raises.

    Thread: main (signals are delivered there).
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "Interrupt":
        """Take over the signals."""
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Give the signals back."""
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned

    def is_asked(self) -> bool:
        """Whether somebody wants to stop."""
        return self._asked.is_set()

    def wait(self, timeout_s: float) -> bool:
        """Wait for somebody who wants to stop; returns whether there is one."""
        return self._asked.wait(timeout_s)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
