"""Sinks renewed behind the stream's back (Live2Diff): asked for, warmed up on another thread, taken over.

The published system keeps its first sinks for good, so a new prompt, style or scene is pulled back to the old
look. Here the latest frames are warmed up again while the stream goes on, and what comes out is taken over
between two ticks. Only the newest wish counts.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Renewal(Generic[T]):
    """One job at a time, the newest wish next. Thread: the stream's; jobs run on the executor's.

    Args:
        executor: Runs the jobs.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._running: Future[T] | None = None
        self._waiting: Callable[[], T] | None = None

    @property
    def is_under_way(self) -> bool:
        """Whether something was asked for that has not been taken over."""
        return self._running is not None

    def ask(self, job: Callable[[], T]) -> None:
        """Have ``job`` done; one that waits is dropped, and the result of one that runs will be."""
        if self._running is None:
            self._running = self._executor.submit(job)
        else:
            self._waiting = job

    def take(self) -> T | None:
        """Return what is ready and still wanted, once; None else. Does not wait.

        Raises:
            Exception: what the job raised; the stream goes on with what it had.
        """
        if self._running is None or not self._running.done():
            return None
        done, self._running = self._running, None
        if self._waiting is not None:
            self._running, self._waiting = self._executor.submit(self._waiting), None
            return None
        return done.result()

    def forget(self) -> None:
        """Want nothing any more; a job that runs ends by itself."""
        self._running = self._waiting = None
