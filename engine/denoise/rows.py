"""The tensors of the rolling buffer: latents, noise and conditions of every row, in one piece of memory each.

Row 0 (oldest) always lies first and the network is handed the leading rows, so it sees the same addresses in
every tick: nothing is gathered, and a captured graph or a bound plan can read in place. The price is that a
row moves by a copy when the conveyor moves, which is small against one evaluation of the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise.settings import LatentSpec


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Some successive rows: views into the store.

    Attributes:
        latents: ``(F, C, h, w)``.
        noise: ``(F, C, h, w)``, the frames' own noise.
        anchor: ``(F, C, h, w)``, what the guidance keeps of each frame; no channels where it keeps nothing.
        conditions: Name -> ``(F, ...)``.
    """

    latents: Tensor
    noise: Tensor
    anchor: Tensor
    conditions: Mapping[str, Tensor]

    def copy_from(self, other: "Rows") -> None:
        """Take over the content of as many other rows."""
        self.latents.copy_(other.latents)
        self.noise.copy_(other.noise)
        self.anchor.copy_(other.anchor)
        for name, values in self.conditions.items():
            values.copy_(other.conditions[name])


class RowStore:
    """Memory for up to ``capacity`` rows of ``chunk`` frames.

    Args:
        spec: Shape, type and device of the latents.
        chunk: Frames c of a row.
        capacity: Rows at most, for now.
        has_anchor: Whether the guidance keeps something of each frame.
    """

    def __init__(self, spec: LatentSpec, chunk: int, capacity: int, *, has_anchor: bool = False) -> None:
        self._chunk = chunk
        frames = (capacity * chunk, *spec.shape)
        self._latents = torch.zeros(frames, dtype=spec.dtype, device=spec.device)
        self._noise = torch.zeros_like(self._latents)
        self._anchor = torch.zeros_like(self._latents if has_anchor else self._latents[:, :0])
        self._conditions: dict[str, Tensor] = {}
        self._make_views()

    @property
    def capacity(self) -> int:
        """Rows that it has room for."""
        return len(self._rows)

    def row(self, index: int) -> Rows:
        """Return one row, ``F = c``."""
        return self._rows[index]

    def leading(self, num_rows: int) -> Rows:
        """Return the oldest ``num_rows`` rows (at least 1) in one piece, ``F = num_rows * c``."""
        return self._leading[num_rows - 1]

    def shift(self, num_rows: int) -> None:
        """Move rows 1..num_rows-1 one place down; row 0 is lost."""
        for index in range(num_rows - 1):
            self._rows[index].copy_from(self._rows[index + 1])

    def reserve(self, capacity: int) -> None:
        """Make room for more rows; the present ones keep their content. Allocates only when it grows."""
        if capacity <= self.capacity:
            return
        extra = (capacity - self.capacity) * self._chunk
        self._latents = _grown(self._latents, extra)
        self._noise = _grown(self._noise, extra)
        self._anchor = _grown(self._anchor, extra)
        self._conditions = {name: _grown(values, extra) for name, values in self._conditions.items()}
        self._make_views()

    def adopt(self, conditions: Mapping[str, Tensor], num_rows: int) -> None:
        """Check the conditions of a row against the store's; take their shapes over while no row is present.

        Args:
            conditions: Name -> ``(c, ...)``.
            num_rows: Rows present.

        Raises:
            ValueError: A leading dimension is not c, or names or shapes changed in mid-stream.
        """
        if self._fits(conditions):
            return
        for name, values in conditions.items():
            if values.ndim == 0 or len(values) != self._chunk:
                raise ValueError(
                    f"condition {name!r}: expected {self._chunk} frames, got {tuple(values.shape)}"
                )
        if num_rows:
            had = {name: tuple(values.shape) for name, values in self._rows[0].conditions.items()}
            got = {name: tuple(values.shape) for name, values in conditions.items()}
            raise ValueError(f"conditions changed in mid-stream: expected {had}, got {got}")
        frames = self.capacity * self._chunk
        self._conditions = {
            name: torch.zeros((frames, *values.shape[1:]), dtype=values.dtype, device=self._latents.device)
            for name, values in conditions.items()
        }
        self._make_views()

    def _fits(self, conditions: Mapping[str, Tensor]) -> bool:
        mine = self._rows[0].conditions
        return mine.keys() == conditions.keys() and all(
            values.shape == mine[name].shape for name, values in conditions.items()
        )

    def _make_views(self) -> None:
        capacity = len(self._latents) // self._chunk
        self._rows = [self._between(index, index + 1) for index in range(capacity)]
        self._leading = [self._between(0, index + 1) for index in range(capacity)]

    def _between(self, first: int, last: int) -> Rows:
        frames = slice(first * self._chunk, last * self._chunk)
        conditions = {name: values[frames] for name, values in self._conditions.items()}
        return Rows(self._latents[frames], self._noise[frames], self._anchor[frames], conditions)


def _grown(values: Tensor, extra: int) -> Tensor:
    return torch.cat([values, values.new_zeros(extra, *values.shape[1:])])
