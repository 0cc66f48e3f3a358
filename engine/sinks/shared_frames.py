"""Pictures handed from one process to another through shared memory, whole or not at all.

Layout: a header of 8-byte fields, the standby card, then three slots. The writer fills the slot after the
newest one, so a reader has two more pictures' time before its slot is written again; and each slot has a
sequence number that is odd while it is written (a *seqlock*), so a reader that was slower than that notices
and keeps what it had. Nobody ever waits for the other, and a writer killed in mid-picture harms nothing.
"""

import contextlib
import math
import threading
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

from engine.types import RgbImage

_SLOTS = 3
_HEADER_BYTES = 4096
_COUNT, _PANIC, _STOP, _HEARTBEAT, _SEQUENCE = 0, 1, 2, 3, 8  # fields; one sequence number per slot
_FIELDS = _SEQUENCE + _SLOTS
_TRIES = 3


class SharedFrames:
    """One end of the channel. Thread: one writer in one process, one reader in another.

    Args:
        memory: From ``create`` or ``attach``.
        width: Of every picture, in pixels.
        height: Of every picture, in pixels.
        is_owner: Whether ``close`` also removes the memory.
    """

    def __init__(self, memory: SharedMemory, width: int, height: int, *, is_owner: bool) -> None:
        self._memory = memory
        self._is_owner = is_owner
        self._fields: NDArray[np.int64] = np.ndarray((_FIELDS,), np.int64, memory.buf)
        self._heartbeat: NDArray[np.float64] = np.ndarray((1,), np.float64, memory.buf, 8 * _HEARTBEAT)
        shape = (1 + _SLOTS, height, width, 3)
        self._frames: NDArray[np.uint8] = np.ndarray(shape, np.uint8, memory.buf, _HEADER_BYTES)
        self._fence_lock = threading.Lock()
        self._seen = 0

    @classmethod
    def create(cls, card: RgbImage) -> "SharedFrames":
        """Make the memory for pictures of the card's size, with the card in it. The writer's end."""
        height, width = card.shape[:2]
        memory = SharedMemory(create=True, size=_HEADER_BYTES + (1 + _SLOTS) * math.prod(card.shape))
        frames = cls(memory, width, height, is_owner=True)
        frames._fields[:] = 0
        frames._frames[0] = card
        return frames

    @classmethod
    def attach(cls, name: str, width: int, height: int) -> "SharedFrames":
        """Open the other end's memory by name. The reader's end."""
        return cls(SharedMemory(name), width, height, is_owner=False)

    @property
    def name(self) -> str:
        """What ``attach`` needs."""
        return self._memory.name

    def write(self, rgb: RgbImage) -> None:
        """Hand over a picture ``(height, width, 3)``. The writer's."""
        count = int(self._fields[_COUNT]) + 1
        sequence = _SEQUENCE + count % _SLOTS
        self._fields[sequence] |= 1  # odd: being written (also when a torn write left it odd)
        self._fence()
        np.copyto(self._frames[1 + count % _SLOTS], rgb)
        self._fence()
        self._fields[sequence] += 1
        self._fence()
        self._fields[_COUNT] = count

    def read_into(self, out: RgbImage) -> bool:
        """Copy the newest picture when it is new and whole; returns whether ``out`` holds a new one.

        ``out`` may be half written when the result is False: keep the last good picture elsewhere.
        """
        for _ in range(_TRIES):
            count = int(self._fields[_COUNT])
            if count == self._seen:
                return False
            sequence = _SEQUENCE + count % _SLOTS
            before = int(self._fields[sequence])
            self._fence()
            np.copyto(out, self._frames[1 + count % _SLOTS])
            self._fence()
            if before % 2 == 0 and int(self._fields[sequence]) == before:
                self._seen = count
                return True
        return False

    def card(self) -> RgbImage:
        """Return a copy of the standby card."""
        return np.array(self._frames[0])

    @property
    def heartbeat_at_s(self) -> float:
        """When the writer last said that it is alive (monotonic); 0 = never."""
        return float(self._heartbeat[0])

    @heartbeat_at_s.setter
    def heartbeat_at_s(self, at_s: float) -> None:
        self._heartbeat[0] = at_s

    @property
    def is_panicked(self) -> bool:
        """Whether only the card may be shown."""
        return bool(self._fields[_PANIC])

    @is_panicked.setter
    def is_panicked(self, is_on: bool) -> None:
        self._fields[_PANIC] = is_on

    @property
    def is_stopped(self) -> bool:
        """Whether the reader is asked to end."""
        return bool(self._fields[_STOP])

    def stop(self) -> None:
        """Ask the reader to end."""
        self._fields[_STOP] = 1

    def close(self, *, is_orphaned: bool = False) -> None:
        """Let go of the memory; the owner, or whoever is left when the owner died, also removes it. Once."""
        del self._fields, self._heartbeat, self._frames  # views keep the memory mapped
        self._memory.close()
        if self._is_owner or is_orphaned:
            with contextlib.suppress(FileNotFoundError):
                self._memory.unlink()

    def _fence(self) -> None:
        """Keep the processor from moving loads and stores across this line (ARM would).

        Nothing passes a release upwards or an acquire downwards: after two rounds of an uncontended lock, no
        access on one side can trade places with one on the other.
        """
        for _ in range(2):
            self._fence_lock.acquire()
            self._fence_lock.release()
