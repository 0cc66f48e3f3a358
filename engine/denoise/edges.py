"""The noisy end of the conveyor: what enters, and what stands in for rows that are not there yet."""

from collections.abc import Callable

from torch import Tensor

from engine.denoise.rows import Rows
from engine.denoise.settings import Boot, Entry
from models.diffusion.schedules import NoiseLevel

Enter = Callable[[Rows, Tensor | None, NoiseLevel], None]
"""Writes the latents of a row whose noise is already there."""

CountFillers = Callable[[int, int], int]
"""``(rows present, levels) -> `` rows to add before the new one enters."""


def enter_noised(row: Rows, latents: Tensor | None, level: NoiseLevel) -> None:
    """Write ``alpha * latents + sigma * noise`` into the row (arXiv:2006.11239, Eq. 4).

    Args:
        row: The row; its latents are written.
        latents: ``(c, C, h, w)``, or ``(1, C, h, w)`` for one picture in all frames.
        level: Where the row starts.

    Raises:
        ValueError: There are no latents, or not of this shape.
    """
    row.latents.copy_(_checked(row, latents)).mul_(level.alpha).add_(row.noise, alpha=level.sigma)


def enter_noise(row: Rows, latents: Tensor | None, _level: NoiseLevel) -> None:
    """Start the row from its noise alone. Raises ``ValueError`` when latents are handed in."""
    if latents is not None:
        raise ValueError(f"rows enter as noise, got latents {tuple(latents.shape)}")
    row.latents.copy_(row.noise)


def enter_given(row: Rows, latents: Tensor | None, _level: NoiseLevel) -> None:
    """Start the row from latents that are already at its level. Raises ``ValueError`` as ``enter_noised``."""
    row.latents.copy_(_checked(row, latents))


ENTER: dict[Entry, Enter] = {
    Entry.NOISE: enter_noise,
    Entry.NOISED: enter_noised,
    Entry.GIVEN: enter_given,
}


def _checked(row: Rows, latents: Tensor | None) -> Tensor:
    if latents is None:
        raise ValueError("expected latents to enter, got None")
    if latents.shape not in (row.latents.shape, row.latents[:1].shape):
        raise ValueError(f"expected latents {tuple(row.latents.shape)}, got {tuple(latents.shape)}")
    return latents


def _no_fillers(_num_rows: int, _num_levels: int) -> int:
    return 0


def _all_but_the_newest(num_rows: int, num_levels: int) -> int:
    return num_levels - 1 - num_rows


COUNT_FILLERS: dict[Boot, CountFillers] = {
    Boot.GROW: _no_fillers,
    Boot.DROP: _all_but_the_newest,
    Boot.ZEROS: _all_but_the_newest,
    Boot.FILL: _no_fillers,
}
