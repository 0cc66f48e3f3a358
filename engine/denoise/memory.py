"""What outlives a row: rings of keys and values, one per noise level (Live2Diff, arXiv:2407.08701).

Each attention remembers, per level, the first frames for good (sinks) and the latest ones in a ring. The ring
turns by tables, not by moving memory: ``KvRing`` advances them on the device, in place, without a
synchronisation. The tensors reach the network among its reference tensors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

Tensors = Mapping[str, Tensor]


class Memory(Protocol):
    """What the buffer knows of a memory. Thread: the buffer's."""

    def tensors(self, micro_index: int, first_level: int, num_rows: int) -> Tensors:
        """Return what the network reads and writes at these levels in this micro step: views."""
        ...

    def advance(self, first_level: int, num_rows: int) -> None:
        """Move on by one chunk at these levels, after a tick."""
        ...

    def set_levels(self, num_levels: int) -> bool:
        """Serve ``num_levels`` levels; return whether rows that are under way may go on."""
        ...

    def reset(self) -> None:
        """Forget everything."""
        ...


class NoMemory:
    """Nothing outlives a row."""

    def tensors(self, micro_index: int, first_level: int, num_rows: int) -> Tensors:  # noqa: ARG002 - protocol
        """Return nothing."""
        return {}

    def advance(self, first_level: int, num_rows: int) -> None:
        """Nothing moves."""

    def set_levels(self, num_levels: int) -> bool:  # noqa: ARG002 - protocol
        """Rows may go on."""
        return True

    def reset(self) -> None:
        """Nothing to forget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSettings:
    """Size of the rings.

    Attributes:
        window: Slots W of each ring, the newest chunk and the sinks among them.
        sinks: First frames that are never overwritten, below ``window``.
        chunk: Frames c that are written together; divides both.
        micro: Steps s per tick; each has a ring of its own.
    """

    window: int
    sinks: int
    chunk: int = 1
    micro: int = 1

    def __post_init__(self) -> None:
        """Refuse sizes that do not divide. Raises ``ValueError``."""
        if self.chunk < 1 or self.micro < 1 or not 0 <= self.sinks < self.window:
            raise ValueError(f"expected 0 <= sinks < window and counts above 0, got {self}")
        if self.window % self.chunk or self.sinks % self.chunk:
            raise ValueError(f"chunk {self.chunk} must divide window {self.window} and sinks {self.sinks}")


class _PhaseTables:
    """The ring's state at each phase: filling (window / chunk phases), then turning for ever."""

    def __init__(self, ring: RingSettings) -> None:
        filling, turning = ring.window // ring.chunk, (ring.window - ring.sinks) // ring.chunk
        slots = torch.arange(ring.window)
        newest = torch.arange(ring.chunk)
        phases = torch.arange(filling + turning)
        self.following = torch.where(phases + 1 < filling + turning, phases + 1, filling)
        first_written = torch.where(phases < filling, phases, phases - filling + ring.sinks // ring.chunk)
        self.write_index = first_written[:, None] * ring.chunk + newest  # (P, c)
        is_open = slots < (phases[:, None] + 1) * ring.chunk
        self.bias = torch.zeros(len(phases), ring.window).masked_fill(~is_open, float("-inf"))
        # While it turns, the slot after the newest chunk holds the oldest frame of the ring.
        oldest = (phases - filling + 1)[:, None] * ring.chunk
        turned = ring.sinks + (slots - ring.sinks - oldest) % (ring.window - ring.sinks)
        is_turned = (phases[:, None] >= filling) & (slots >= ring.sinks)
        self.position_index = torch.where(is_turned, turned, slots)  # (P, W)


class KvRing:
    """Rings of keys and values for all attentions of a network, at all noise levels.

    The names of the tensors are those of ``models.networks.attention``: ``KvCache.from_tensors`` and
    ``RingSlots.from_tensors`` read them back inside the network.

    Args:
        layers: Name of each attention -> its tokens L and width D.
        ring: Sizes.
        num_levels: Noise levels N.
        dtype: Of keys and values; the network's.
        device: Where they live.
    """

    def __init__(
        self,
        layers: Mapping[str, tuple[int, int]],
        ring: RingSettings,
        num_levels: int,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        self._layers = dict(layers)
        self._ring = ring
        self._dtype = dtype
        self._device = device
        tables = _PhaseTables(ring)
        self._following = tables.following.to(device)
        self._by_phase = {
            "ring.write_index": tables.write_index.to(device),
            "ring.position_index": tables.position_index.to(device),
            "ring.bias": tables.bias.to(device, dtype),
        }
        self._allocate(num_levels)

    def tensors(self, micro_index: int, first_level: int, num_rows: int) -> Tensors:
        """Return keys, values and tables of the levels; views, written by the network in place."""
        rows = slice(first_level, first_level + num_rows)
        caches = {name: cache[micro_index, rows] for name, cache in self._caches.items()}
        return caches | {name: table[rows] for name, table in self._tables.items()}

    def advance(self, first_level: int, num_rows: int) -> None:
        """Turn the rings of these levels by one chunk. Cost: five small launches, no synchronisation."""
        rows = slice(first_level, first_level + num_rows)
        torch.index_select(self._following, 0, self._phase[rows], out=self._next_phase[rows])
        self._phase[rows].copy_(self._next_phase[rows])
        self._look_up(rows)

    def set_levels(self, num_levels: int) -> bool:
        """Start again with other levels: what is remembered belongs to the old ones, and so do the rows."""
        self._allocate(num_levels)
        return False

    def reset(self) -> None:
        """Start again. Keys and values stay in memory, behind closed slots."""
        self._phase.zero_()
        self._look_up(slice(None))

    def _allocate(self, num_levels: int) -> None:
        self._phase = torch.zeros(num_levels, dtype=torch.int64, device=self._device)
        self._next_phase = torch.zeros_like(self._phase)
        self._tables = {name: table[:1].repeat(num_levels, 1) for name, table in self._by_phase.items()}
        leading = (self._ring.micro, num_levels, self._ring.window)
        # Zeros, not empty: a closed slot weighs nothing, but nothing times NaN is NaN.
        self._caches = {
            f"{name}.{kind}": torch.zeros(*leading, *size, dtype=self._dtype, device=self._device)
            for name, size in self._layers.items()
            for kind in ("keys", "values")
        }

    def _look_up(self, rows: slice) -> None:
        for name, table in self._tables.items():
            torch.index_select(self._by_phase[name], 0, self._phase[rows], out=table[rows])
