"""The way of one frame through the noise levels, as numbers computed once.

A ``Plan`` belongs to a number of levels. Every row follows the plan that it entered with, so the number of
levels can change while rows are under way. ``StepTables`` are the same numbers as tensors, one entry per
frame of the buffer, for one pattern of rows; patterns recur, so each is built once.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise.settings import DiffusionSettings, Landing, LatentSpec
from models.diffusion.schedules import CLEAN, NoiseLevel
from models.diffusion.solvers import StepWeights, step_weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plan:
    """All N * s steps of a frame, noisiest first. Compared by identity.

    Attributes:
        num_levels: Rows N.
        micro: Steps s per tick.
        levels: Noise level at which each step starts.
        weights: Each step's weights.
    """

    num_levels: int
    micro: int
    levels: tuple[NoiseLevel, ...]
    weights: tuple[StepWeights, ...]

    @property
    def num_steps(self) -> int:
        """N * s."""
        return len(self.levels)


def build_plan(diffusion: DiffusionSettings, num_levels: int, micro: int) -> Plan:
    """Compute the steps of a frame.

    Raises:
        ValueError: The grid has no such number of steps, does not fall, or a step is impossible.
    """
    timesteps = diffusion.timesteps(num_levels * micro)
    if any(later >= earlier for earlier, later in itertools.pairwise(timesteps)):
        raise ValueError(f"timesteps must fall, got {timesteps}")
    levels = tuple(diffusion.schedule.level(timestep) for timestep in timesteps)
    weights = tuple(
        step_weights(diffusion.solver, diffusion.prediction, level, following, diffusion.boundary)
        for level, following in zip(levels, _landings(diffusion, levels), strict=True)
    )
    return Plan(num_levels=num_levels, micro=micro, levels=levels, weights=weights)


def _landings(diffusion: DiffusionSettings, levels: Sequence[NoiseLevel]) -> Iterable[NoiseLevel]:
    if diffusion.landing is Landing.NEXT:
        return (*levels[1:], CLEAN)
    stride = (levels[0].timestep + 1) // len(levels)  # of a grid that starts at the last training step
    reached = [level.timestep - stride for level in levels]
    return [diffusion.schedule.level(timestep) if timestep >= 0 else CLEAN for timestep in reached]


@dataclass(slots=True, kw_only=True, eq=False)
class Row:
    """Where one row of c frames is on its way.

    Attributes:
        plan: The plan that it entered with.
        step: Its next step, 0..num_steps; at num_steps it is clean.
        tag: The caller's mark.
        is_real: Whether it is to be handed out; False for rows that only keep the shape.
    """

    plan: Plan
    step: int
    tag: object = None
    is_real: bool = True

    @property
    def is_clean(self) -> bool:
        """Whether it has taken all its steps."""
        return self.step == self.plan.num_steps

    @property
    def level_index(self) -> int:
        """Its row in a full buffer, 0 = cleanest."""
        return self.plan.num_levels - 1 - self.step // self.plan.micro

    @property
    def remaining_ticks(self) -> int:
        """Ticks until it is clean."""
        return (self.plan.num_steps - self.step) // self.plan.micro


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StepTables:
    """One step of every frame in the buffer, F = rows * c, oldest first.

    Attributes:
        timesteps: ``(F,)``, what the network is told.
        of_x, of_output, of_noise: ``(F, 1, 1, 1)``, the step's weights.
        alpha, sigma: ``(F, 1, 1, 1)``, the level that the step starts from.
        next_sigma: ``(F, 1, 1, 1)``, sigma of the level that it leads to; 1 for the last step.
        next_noise: ``(F,)`` int64, place of each frame's next level in a table of one noise per level; the
            last step, which takes none, points at the last place.
        num_entering: How many frames take their first step; they are the last ones.
    """

    timesteps: Tensor
    of_x: Tensor
    of_output: Tensor
    of_noise: Tensor
    alpha: Tensor
    sigma: Tensor
    next_sigma: Tensor
    next_noise: Tensor
    num_entering: int


class StepTableCache:
    """Builds the tables of a pattern of rows when it is first met, and keeps them.

    Args:
        spec: Type and device of the tables.
        chunk: Frames c of a row.
    """

    def __init__(self, spec: LatentSpec, chunk: int) -> None:
        self._spec = spec
        self._chunk = chunk
        self._tables: dict[tuple[tuple[Plan, int], ...], StepTables] = {}

    def of(self, rows: Sequence[Row]) -> StepTables:
        """Return the tables of ``rows``. Cost: a dictionary look-up once the pattern is known."""
        pattern = tuple((row.plan, row.step) for row in rows)
        tables = self._tables.get(pattern)
        if tables is None:
            tables = self._tables[pattern] = self._build(pattern)
        return tables

    def clear(self) -> None:
        """Forget all patterns: other plans are to come."""
        self._tables.clear()

    def _build(self, pattern: tuple[tuple[Plan, int], ...]) -> StepTables:
        weights = [plan.weights[step] for plan, step in pattern]
        levels = [plan.levels[step] for plan, step in pattern]
        following = [(*plan.levels, None)[step + 1] for plan, step in pattern]
        next_noise = torch.tensor([min(step + 1, plan.num_steps - 1) for plan, step in pattern])
        return StepTables(
            timesteps=self._per_frame([level.timestep for level in levels]).flatten(),
            of_x=self._per_frame([w.of_x for w in weights]),
            of_output=self._per_frame([w.of_output for w in weights]),
            of_noise=self._per_frame([w.of_noise for w in weights]),
            alpha=self._per_frame([level.alpha for level in levels]),
            sigma=self._per_frame([level.sigma for level in levels]),
            next_sigma=self._per_frame([1.0 if level is None else level.sigma for level in following]),
            next_noise=next_noise.repeat_interleave(self._chunk).to(self._spec.device),
            num_entering=sum(step == 0 for _, step in pattern) * self._chunk,
        )

    def _per_frame(self, values: list[float]) -> Tensor:
        rows = torch.tensor(values, dtype=self._spec.dtype, device=self._spec.device)
        return rows.repeat_interleave(self._chunk)[:, None, None, None]
