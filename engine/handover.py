"""How one thread hands the next one what it made: newest wins (live), or every item in order (offline).

Both wake their reader at once and stop on ``close``; neither holds its lock while anybody works on an item.
"""

import threading
from typing import Generic, Protocol, TypeVar

Item = TypeVar("Item")


class Handover(Protocol[Item]):
    """One slot between two threads."""

    @property
    def dropped(self) -> int:
        """Items that were replaced before they were taken."""
        ...

    def put(self, item: Item) -> bool:
        """Leave ``item``; returns False when the reader is gone."""
        ...

    def take(self, timeout_s: float) -> Item | None:
        """Return an item, or None after ``timeout_s`` without one.

        Raises:
            EOFError: the writer has finished and everything was taken.
        """
        ...

    def finish(self) -> None:
        """The writer has nothing more; what lies in the slot can still be taken."""
        ...

    def close(self) -> None:
        """The reader takes nothing more; idempotent."""
        ...


class _Slot(Generic[Item]):
    """One item at most. Subclasses say what happens when it is taken already."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._is_full = False
        self._is_finished = False
        self._is_closed = False
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Items that were replaced before they were taken."""
        return self._dropped

    def take(self, timeout_s: float) -> Item | None:
        """Return an item, or None after ``timeout_s`` without one. Raises ``EOFError`` at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_full or self._is_finished or self._is_closed, timeout_s)
            if self._is_full and not self._is_closed:
                item, self._item, self._is_full = self._item, None, False
                self._changed.notify_all()
                return item
            if self._is_finished or self._is_closed:
                raise EOFError
            return None

    def finish(self) -> None:
        """The writer has nothing more; what lies in the slot can still be taken."""
        with self._changed:
            self._is_finished = True
            self._changed.notify_all()

    def close(self) -> None:
        """The reader takes nothing more; idempotent."""
        with self._changed:
            self._is_closed, self._item, self._is_full = True, None, False
            self._changed.notify_all()

    def _fill(self, item: Item) -> bool:
        if self._is_closed:
            return False
        self._item, self._is_full = item, True
        self._changed.notify_all()
        return True


class Newest(_Slot[Item]):
    """The newest item wins; replaced ones are counted. ``put`` never waits."""

    def put(self, item: Item) -> bool:
        """Leave ``item``, replacing what is there; returns False when the reader is gone."""
        with self._changed:
            self._dropped += self._is_full
            return self._fill(item)


class InOrder(_Slot[Item]):
    """Every item is taken; ``put`` waits until there is room, so the writer is one item ahead at most."""

    def put(self, item: Item) -> bool:
        """Leave ``item`` once the slot is free; returns False when the reader is gone."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_full or self._is_closed)
            return self._fill(item)
