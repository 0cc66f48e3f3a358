"""A thread for what takes long: opening the virtual camera, loading an avatar, closing a recording.

The window hands in work and gets its outcome back on its own thread, when it asks (``deliver``): no Qt
signal, no lock around the work. Work runs in the order in which it was handed in, one at a time; newer work
with the same key replaces older work that has not begun, so a dragged slider does not pile up.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.errors import UnderstudyError

logger = logging.getLogger(__name__)

Failed = Callable[[UnderstudyError], None]


@dataclass(frozen=True, slots=True)
class _Command:
    work: Callable[[], Any]
    then: Callable[[Any], None] | None
    failed: Failed
    key: str


class Commands:
    """Runs work on one thread of its own and hands outcomes back.

    Args:
        failed: Called (in ``deliver``) with the error of work that brought no ``failed`` of its own.
        name: Of the thread.
    """

    def __init__(self, failed: Failed, name: str = "window-commands") -> None:
        self._failed = failed
        self._changed = threading.Condition()
        self._waiting: deque[_Command] = deque()
        self._done: deque[Callable[[], None]] = deque()
        self._is_running = False
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether work is waiting or running. Thread: any."""
        with self._changed:
            return self._is_running or bool(self._waiting)

    def submit(
        self,
        work: Callable[[], Any],
        then: Callable[[Any], None] | None = None,
        failed: Failed | None = None,
        key: str = "",
    ) -> None:
        """Run ``work`` soon; ignored after ``close``. Thread: any.

        Args:
            work: Runs on the command thread.
            then: Called with its result in ``deliver``.
            failed: Called with its error in ``deliver``; the common one by default.
            key: Work of the same key that has not begun is forgotten.
        """
        with self._changed:
            if self._is_closed:
                return
            if key:
                self._waiting = deque(command for command in self._waiting if command.key != key)
            self._waiting.append(_Command(work, then, failed or self._failed, key))
            self._changed.notify()

    def deliver(self) -> int:
        """Call back for everything that has finished; return how many. Thread: the window's."""
        delivered = 0
        while self._done:
            self._done.popleft()()
            delivered += 1
        return delivered

    def close(self, last: Callable[[], Any] | None = None, timeout_s: float = 10.0) -> bool:
        """Forget what has not begun, run ``last``, and wait for the thread.

        Returns:
            Whether the thread has ended within ``timeout_s``. Outcomes are not delivered any more.
        """
        with self._changed:
            if not self._is_closed:
                self._is_closed = True
                self._waiting.clear()
                if last is not None:
                    self._waiting.append(_Command(last, None, self._failed, ""))
                self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (command := self._next()) is not None:
            self._done.append(_outcome(command))
            with self._changed:
                self._is_running = False

    def _next(self) -> _Command | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if not self._waiting:
                return None
            self._is_running = True
            return self._waiting.popleft()


def _outcome(command: _Command) -> Callable[[], None]:
    """Run the work; return the call that reports it."""
    try:
        result = command.work()
    except UnderstudyError as error:
        known = error
        return lambda: command.failed(known)
    except Exception as error:
        logger.exception("A command of the window failed")
        unknown = UnderstudyError(
            f"Something went wrong inside Understudy: {type(error).__name__}: {error}.",
            hint="Try again; if it stays, restart Understudy and report this sentence.",
        )
        return lambda: command.failed(unknown)
    then = command.then
    return (lambda: then(result)) if then is not None else _nothing


def _nothing() -> None:
    """Report nothing."""
