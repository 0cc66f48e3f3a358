"""What outlives a row: rings of keys and values, one per noise level (Live2Diff, arXiv:2407.08701).

Each attention remembers, per level, the first frames for good (sinks) and the latest ones in a ring. The ring
turns by tables, not by moving memory: ``KvRing`` advances them on the device, in place, without a
synchronisation. The tensors reach the network among its reference tensors. Sinks are either the first frames
of the stream as they come, or what a warm-up pass saw (``warm_up.py``), and then they can be renewed.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import torch
from torch import Tensor

from models.networks.attention import KvCache, NewKv

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


class RingStart(Enum):
    """What the levels below the noisiest see until their first real frame arrives."""

    GATED = "gated"
    """Nothing is written for a level before its first frame."""
    PUBLISHED = "published"
    """As the published code: every level writes from the first call on, so that with three levels and more
    some slots hold what zeros left behind, visible until the ring has turned. For comparisons; goes with
    ``Boot.ZEROS``."""


class KvFormat(Enum):
    """How keys and values are kept."""

    NATIVE = "native"
    """In the network's own format."""
    HALF = "half"
    """In float16: half of float32, read in half the time by a network that computes in bfloat16."""
    INT8 = "int8"
    """In 8 bits with one scale for each head, token and slot: half of float16; error measured in tests."""


_DTYPES = {KvFormat.HALF: torch.float16, KvFormat.INT8: torch.int8}


@dataclass(frozen=True, slots=True, kw_only=True)
class RingSettings:
    """Size of the rings.

    Attributes:
        window: Slots W of each ring, the newest chunk and the sinks among them.
        sinks: First frames that are never overwritten, below ``window``.
        chunk: Frames c that are written together; divides both.
        micro: Steps s per tick; each has a ring of its own.
        start: What is seen at first.
        format: How keys and values are kept.
    """

    window: int
    sinks: int
    chunk: int = 1
    micro: int = 1
    start: RingStart = RingStart.GATED
    format: KvFormat = KvFormat.NATIVE

    def __post_init__(self) -> None:
        """Refuse sizes that do not divide. Raises ``ValueError``."""
        if self.chunk < 1 or self.micro < 1 or not 0 <= self.sinks < self.window:
            raise ValueError(f"expected 0 <= sinks < window and counts above 0, got {self}")
        if self.window % self.chunk or self.sinks % self.chunk:
            raise ValueError(f"chunk {self.chunk} must divide window {self.window} and sinks {self.sinks}")
        if self.start is RingStart.PUBLISHED and (self.chunk, self.micro) != (1, 1):
            raise ValueError(f"the published start knows one frame and one step, got {self}")


LIVE2DIFF_RING = RingSettings(window=16, sinks=8)
"""Live2Diff's: eight warm-up frames, eight latest ones."""

LayerSize = tuple[int, int, int]
"""``(heads, L, d)`` of an attention."""


class _PhaseTables:
    """The ring's state at each phase: filling (window / chunk phases), then turning for ever.

    Two phases more are those of levels without a frame in the first published call: they write to a slot
    that nobody sees, themselves included. Of several such levels the noisiest takes the second slot.
    """

    def __init__(self, ring: RingSettings) -> None:
        filling, turning = ring.window // ring.chunk, (ring.window - ring.sinks) // ring.chunk
        num_phases = filling + turning
        phases = torch.arange(num_phases)
        first_written = torch.where(phases < filling, phases, phases - filling + ring.sinks // ring.chunk)
        write_index = first_written[:, None] * ring.chunk + torch.arange(ring.chunk)  # (P, c)
        slots = torch.arange(ring.window)
        # While it turns, the slot after the newest chunk holds the oldest frame of the ring.
        oldest = (phases - filling + 1)[:, None] * ring.chunk
        turned = ring.sinks + (slots - ring.sinks - oldest) % (ring.window - ring.sinks)
        is_turned = (phases[:, None] >= filling) & (slots >= ring.sinks)
        position_index = torch.where(is_turned, turned, slots)  # (P, W)
        is_open = slots < (phases[:, None] + 1) * ring.chunk
        blind = torch.tensor([[1], [0]]) + ring.sinks  # noisiest level without a frame, then all others
        write_index = torch.cat([write_index, blind.expand(-1, ring.chunk).clamp(max=ring.window - 1)])
        position_index = torch.cat([position_index, slots.expand(2, -1)])
        is_open = torch.cat([is_open, (slots < ring.sinks).expand(2, -1)])
        following = torch.where(phases + 1 < num_phases, phases + 1, filling)
        first_frame = torch.full((2,), ring.sinks // ring.chunk)
        self.following = torch.cat([following, first_frame])
        self.blind = (num_phases, num_phases + 1)
        self.write_index = write_index
        self.position_index = torch.cat([position_index, position_index.gather(1, write_index)], dim=1)
        # What will be overwritten is closed; the newest frames see themselves where their slots are open.
        of_past = is_open.scatter(1, write_index, value=False)
        is_open = torch.cat([of_past, is_open.gather(1, write_index)], dim=1)
        self.bias = torch.zeros(is_open.shape).masked_fill(~is_open, float("-inf"))


class KvRing:
    """Rings of keys and values for all attentions of a network, at all noise levels.

    The names of the tensors are those of ``models.networks.attention``: ``KvCache.from_tensors`` and
    ``RingSlots.from_tensors`` read them back inside the network.

    Args:
        layers: Name of each attention -> its heads, tokens L and width of a head (``UNet.temporal_layers``).
        ring: Sizes.
        num_levels: Noise levels N.
        dtype: Of keys and values; the network's.
        device: Where they live.
    """

    def __init__(
        self,
        layers: Mapping[str, LayerSize],
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
        self._blind_phases = tables.blind
        self._following = tables.following.to(device)
        self._by_phase = {
            "ring.write_index": tables.write_index.to(device),
            "ring.position_index": tables.position_index.to(device),
            "ring.bias": tables.bias.to(device, dtype),
        }
        self._is_warm = False
        self._allocate(num_levels)

    @property
    def settings(self) -> RingSettings:
        """Sizes."""
        return self._ring

    @property
    def num_bytes(self) -> int:
        """Memory of keys, values and scales."""
        return sum(cache.nbytes for cache in self._caches.values())

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

    def take_sinks(self, level: int, sinks: Tensors) -> None:
        """Put what a warm-up pass saw into the sinks of a level, in place; see ``begin_after_sinks``.

        Args:
            level: Row of the level, 0 = cleanest.
            sinks: ``"{layer}.keys"``, ``"{layer}.values"`` ``(1, heads, L, sinks, d)``.
        """
        index = torch.arange(self._ring.sinks, device=self._device)[None]
        caches = self.tensors(0, level, 1)
        for layer in self._layers:
            newest = NewKv(sinks[f"{layer}.keys"], sinks[f"{layer}.values"])
            KvCache.from_tensors(caches, layer).write(index, newest)

    def begin_after_sinks(self) -> None:
        """Go on as right after a warm-up: all levels see the sinks, and nothing of the stream before."""
        self._is_warm = True
        self._restart()

    def set_levels(self, num_levels: int) -> bool:
        """Start again with other levels: what is remembered belongs to the old ones, and so do the rows."""
        self._is_warm = False
        self._allocate(num_levels)
        return False

    def reset(self) -> None:
        """Start again without sinks. Keys and values stay in memory, behind closed slots."""
        self._is_warm = False
        self._restart()

    def _restart(self) -> None:
        self._phase.fill_(self._ring.sinks // self._ring.chunk if self._is_warm else 0)
        if self._ring.start is RingStart.PUBLISHED and self._is_warm:
            noisiest, others = self._blind_phases
            self._phase[:-1].fill_(others)
            self._phase[-2:-1].fill_(noisiest)
        self._look_up(slice(None))

    def _allocate(self, num_levels: int) -> None:
        self._phase = torch.zeros(num_levels, dtype=torch.int64, device=self._device)
        self._next_phase = torch.zeros_like(self._phase)
        self._tables = {name: table[:1].repeat(num_levels, 1) for name, table in self._by_phase.items()}
        leading = (self._ring.micro, num_levels)
        # Zeros, not empty: a closed slot weighs nothing, but nothing times NaN is NaN.
        self._caches = {
            name: torch.zeros(*leading, *shape, dtype=dtype, device=self._device)
            for layer, size in self._layers.items()
            for name, shape, dtype in _kept(layer, size, self._ring, self._dtype)
        }
        self._restart()

    def _look_up(self, rows: slice) -> None:
        for name, table in self._tables.items():
            torch.index_select(self._by_phase[name], 0, self._phase[rows], out=table[rows])


def ring_bytes(
    layers: Mapping[str, LayerSize], ring: RingSettings, num_levels: int, dtype: torch.dtype
) -> int:
    """Return the memory that a ``KvRing`` of these sizes takes, without taking it."""
    of_level = sum(
        math.prod(shape) * kept_dtype.itemsize
        for layer, size in layers.items()
        for _, shape, kept_dtype in _kept(layer, size, ring, dtype)
    )
    return of_level * num_levels * ring.micro


def _kept(
    layer: str, size: LayerSize, ring: RingSettings, dtype: torch.dtype
) -> list[tuple[str, tuple[int, ...], torch.dtype]]:
    """Return name, shape ``(heads, L, W, d)`` and type of what one level keeps of an attention."""
    heads, tokens, width = size
    is_small = ring.format is KvFormat.INT8
    kept_dtype = {KvFormat.NATIVE: dtype, KvFormat.HALF: torch.float16, KvFormat.INT8: torch.int8}[
        ring.format
    ]
    kept: list[tuple[str, tuple[int, ...], torch.dtype]] = []
    for kind in ("key", "value"):
        shape = (heads, tokens, ring.window)
        kept.append((f"{layer}.{kind}s", (*shape, width), kept_dtype))
        if is_small:
            kept.append((f"{layer}.{kind}_scales", (*shape, 1), dtype))
    return kept
