"""A queue of one: the newest item wins, and what was never looked at is counted.

Between two threads that run at different speeds this is the only queue that never adds latency.
"""

import threading
from typing import Generic, TypeVar

from engine.sinks.guard import require_picture
from engine.types import Picture

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """One slot, written by one thread and read by another. Thread: any.

    The lock guards three assignments and is never held while anybody works on an item.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: Item | None = None
        self._is_unseen = False
        self._is_closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were replaced before anybody looked at them."""
        return self._dropped

    @property
    def is_closed(self) -> bool:
        """Whether ``close`` was called: nothing more will come."""
        return self._is_closed

    def put(self, item: Item) -> None:
        """Leave ``item`` in the slot, replacing what is there. Ignored after ``close``."""
        with self._changed:
            if self._is_closed:
                return
            self._dropped += self._is_unseen
            self._newest, self._is_unseen = item, True
            self._changed.notify()

    def take(self, timeout_s: float = 0.0) -> Item | None:
        """Return the newest item that nobody has seen, waiting up to ``timeout_s``; None without one."""
        with self._changed:
            if timeout_s > 0:
                self._changed.wait_for(lambda: self._is_unseen or self._is_closed, timeout_s)
            if not self._is_unseen:
                return None
            self._is_unseen = False
            return self._newest

    def latest(self) -> Item | None:
        """Return the newest item, seen before or not, and count it as seen; None before the first."""
        with self._changed:
            self._is_unseen = False
            return self._newest

    def close(self) -> None:
        """Take nothing more and wake a waiting ``take``; idempotent. The newest item stays readable."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()


class PreviewMailbox:
    """The preview's sink: the worker leaves pictures, the window fetches the newest at its own rate.

    Thread: ``send`` from the worker, ``latest`` and ``take`` from the window.
    """

    def __init__(self) -> None:
        self._mailbox: Mailbox[Picture] = Mailbox()

    @property
    def dropped(self) -> int:
        """Pictures that were replaced before the window looked."""
        return self._mailbox.dropped

    def open(self) -> None:
        """Start with an empty slot and a drop count of zero."""
        self._mailbox = Mailbox()

    def send(self, picture: Picture) -> None:
        """Leave ``picture``; returns at once. Raises ``TypeError`` for anything else."""
        self._mailbox.put(require_picture(picture))

    def latest(self) -> Picture | None:
        """Return the newest picture, or None before the first."""
        return self._mailbox.latest()

    def take(self, timeout_s: float = 0.0) -> Picture | None:
        """Return the newest picture not fetched yet, waiting up to ``timeout_s``."""
        return self._mailbox.take(timeout_s)

    def close(self) -> None:
        """Take no more pictures; the newest stays readable. Idempotent."""
        self._mailbox.close()
