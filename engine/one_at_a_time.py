"""An executor whose threads end with their jobs: nothing of it outlives a session that has been stopped."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

T = TypeVar("T")


class OneAtATime(Executor):
    """Runs one job after the other, each on a thread of its own.

    Args:
        name: Of the threads.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._turn = threading.Lock()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run ``fn`` as soon as no other job runs; see ``Executor.submit``."""
        future: Future[T] = Future()

        def work() -> None:
            with self._turn:
                if not future.set_running_or_notify_cancel():
                    return
                try:
                    result = fn(*args, **kwargs)
                except BaseException as error:  # noqa: BLE001 - handed to whoever asks for the result
                    future.set_exception(error)
                else:
                    future.set_result(result)

        threading.Thread(target=work, name=self._name, daemon=True).start()
        return future
