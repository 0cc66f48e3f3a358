"""Timestep grids: at which timesteps a frame is denoised, noisiest first.

A grid is a small frozen object; calling it with a number of steps gives that many timesteps. So a session can
change its number of steps while it runs, and a preset can name its grid as data.
"""

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

_T = TypeVar("_T", int, float)


class TimestepGrid(Protocol):
    """What the rolling buffer knows of a grid. Thread: any."""

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return ``num_steps`` falling timesteps. Raises ``ValueError`` when the grid has no such count."""
        ...


def _check(num_steps: int, limit: int) -> None:
    if not 1 <= num_steps <= limit:
        raise ValueError(f"expected 1..{limit} steps, got {num_steps}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailingTimesteps:
    """Even spacing that starts at the last training timestep: 999, 749, 499, 249 (RAIN).

    "Trailing" of Lin et al., arXiv:2305.08891.
    """

    num_train_timesteps: int = 1000

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the grid. Raises ``ValueError`` for fewer than 1 or more than all steps."""
        _check(num_steps, self.num_train_timesteps)
        spacing = self.num_train_timesteps / num_steps
        grid = np.round(np.arange(self.num_train_timesteps, 0, -spacing)) - 1
        return tuple(float(t) for t in grid[:num_steps])


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadingTimesteps:
    """Even spacing that ends at the first training timestep: 750, 500, 250, 0.

    "Leading" of arXiv:2305.08891.

    Attributes:
        steps_offset: Added to each timestep; Stable Diffusion uses 1.
    """

    num_train_timesteps: int = 1000
    steps_offset: int = 0

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the grid. Raises ``ValueError`` for fewer than 1 or more than all steps."""
        _check(num_steps, self.num_train_timesteps)
        spacing = self.num_train_timesteps // num_steps
        return tuple(float(i * spacing + self.steps_offset) for i in reversed(range(num_steps)))


@dataclass(frozen=True, slots=True, kw_only=True)
class LcmTimesteps:
    """A part of the grid that a latent consistency model was distilled on (arXiv:2310.04378).

    Attributes:
        original_steps: Length of that grid: 50 gives 999, 979, ..., 19.
    """

    num_train_timesteps: int = 1000
    original_steps: int = 50

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return every ``original_steps / num_steps``-th timestep of the original grid.

        Raises:
            ValueError: ``num_steps`` is below 1 or above ``original_steps``.
        """
        _check(num_steps, self.original_steps)
        original = self.original()
        index = np.floor(np.linspace(0, self.original_steps, num_steps, endpoint=False)).astype(int)
        return tuple(original[i] for i in index)

    def original(self) -> tuple[float, ...]:
        """Return the whole grid, noisiest first; StreamDiffusion's ``t_index_list`` counts in it."""
        spacing = self.num_train_timesteps // self.original_steps
        return tuple(float(i * spacing - 1) for i in range(self.original_steps, 0, -1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LcmIndexTimesteps:
    """Hand-picked places of the original LCM grid (StreamDiffusion's ``t_index_list``).

    Attributes:
        t_index_lists: One rising list for each number of steps on offer.
        grid: The grid that they count in.
    """

    t_index_lists: tuple[tuple[int, ...], ...]
    grid: LcmTimesteps = LcmTimesteps()

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the listed timesteps. Raises ``ValueError`` when no list has this length."""
        original = self.grid.original()
        return tuple(original[i] for i in _of_length(self.t_index_lists, num_steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class StrengthTimesteps:
    """The last part of the LCM grid, evenly: the more strength, the freer of the picture (Live2Diff).

    Attributes:
        strength: Share of the grid that is used, above 0 up to 1. 0.4 gives indices 30 and 40 for two steps,
            0.5 gives 25, 31, 37 and 43 for four, as the published styles have them.
        grid: The grid.
    """

    strength: float
    grid: LcmTimesteps = LcmTimesteps()

    def __post_init__(self) -> None:
        """Refuse a strength out of its range. Raises ``ValueError``."""
        if not 0.0 < self.strength <= 1.0:
            raise ValueError(f"expected a strength above 0 up to 1, got {self.strength}")

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the timesteps. Raises ``ValueError`` for more steps than the part has."""
        original = self.grid.original()
        used = round(len(original) * self.strength)
        _check(num_steps, used)
        return tuple(original[len(original) - used + index * used // num_steps] for index in range(num_steps))


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTimesteps:
    """Timesteps that are simply listed (PersonaLive: 999, 666, 333, 0).

    Attributes:
        lists: One falling list for each number of steps on offer.
    """

    lists: tuple[tuple[float, ...], ...]

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the list. Raises ``ValueError`` when none has this length."""
        return _of_length(self.lists, num_steps)


def _of_length(lists: tuple[tuple[_T, ...], ...], length: int) -> tuple[_T, ...]:
    for listed in lists:
        if len(listed) == length:
            return listed
    raise ValueError(f"no list of {length} timesteps, only of {sorted(len(listed) for listed in lists)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowTimesteps:
    """Even spacing of a flow from t = 1: 1, 0.75, 0.5, 0.25.

    Attributes:
        timestep_scale: What the network calls t = 1; the schedule's.
    """

    timestep_scale: float = 1.0

    def __call__(self, num_steps: int) -> tuple[float, ...]:
        """Return the grid. Raises ``ValueError`` for fewer than one step."""
        if num_steps < 1:
            raise ValueError(f"expected at least 1 step, got {num_steps}")
        return tuple(self.timestep_scale * (1.0 - i / num_steps) for i in range(num_steps))
