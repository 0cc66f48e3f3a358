"""The way of one frame through the noise levels, as numbers computed once.

A ``Plan`` belongs to a number of levels. Every row follows the plan that it entered with, so the number of
levels can change while rows are under way. ``StepTables`` are the same numbers as tensors, one entry per
frame of the buffer, for one pattern of rows; patterns recur, so each is built once.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.denoise.settings import DiffusionSettings, Landing, LatentSpec, Residual
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
        of_residual: ``(F, 1, 1, 1)``, weight with which a stepped residual noise goes on (``residual.py``):
            one over the sigma of the level that the step leads to; after the last step see ``RowEnd``.
        next_noise: ``(F,)`` int64, place of each frame's next level in a table of one noise per level; after
            the last step see ``RowEnd``.
        num_entering: How many frames take their first step; they are the last ones.
    """

    timesteps: Tensor
    of_x: Tensor
    of_output: Tensor
    of_noise: Tensor
    alpha: Tensor
    sigma: Tensor
    of_residual: Tensor
    next_noise: Tensor
    num_entering: int


RowEnd = Callable[[NoiseLevel, int, int], tuple[list[float], list[int]]]
"""``(level of a row's last step, its place, c) -> `` weight of the residual noise and place of the noise, for
each of the row's frames after that step. The latents take no noise there, so only a residual noise that
outlives its frame depends on it."""


def row_is_over(_level: NoiseLevel, place: int, chunk: int) -> tuple[list[float], list[int]]:
    """Lead to no other level: the weight is 1, and the noise that of the last one."""
    return [1.0] * chunk, [place] * chunk


def batch_goes_on(level: NoiseLevel, _place: int, chunk: int) -> tuple[list[float], list[int]]:
    """Lead to the next entry of the batch, whichever frame that is, as the published code does.

    Its tables of alpha, sigma and noise have an entry for each frame of the batch and move on by one, not by
    c. So in a row of one step all frames but the last go on as if to the level where they are already, with
    ``alpha / sigma``, each with the noise of the frame after it, and the last with that of the first.
    """
    return [level.alpha / level.sigma] * (chunk - 1) + [1.0], [*range(1, chunk), 0]


ROW_END: Mapping[Residual, RowEnd] = {Residual.EXACT: row_is_over, Residual.PUBLISHED: batch_goes_on}


class StepTableCache:
    """Builds the tables of a pattern of rows when it is first met, and keeps them.

    Args:
        spec: Type and device of the tables.
        chunk: Frames c of a row.
        row_end: Where a row's last step leads to.
    """

    def __init__(self, spec: LatentSpec, chunk: int, row_end: RowEnd = row_is_over) -> None:
        self._spec = spec
        self._chunk = chunk
        self._row_end = row_end
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

    def num_noises(self, plan: Plan) -> int:
        """Return how many noises ``next_noise`` chooses from while rows follow ``plan``."""
        return 1 + max(place for step in range(plan.num_steps) for place in self._after(plan, step)[1])

    def _after(self, plan: Plan, step: int) -> tuple[list[float], list[int]]:
        if step + 1 == plan.num_steps:
            return self._row_end(plan.levels[step], step, self._chunk)
        return [1.0 / plan.levels[step + 1].sigma] * self._chunk, [step + 1] * self._chunk

    def _build(self, pattern: tuple[tuple[Plan, int], ...]) -> StepTables:
        weights = [plan.weights[step] for plan, step in pattern]
        levels = [plan.levels[step] for plan, step in pattern]
        of_residual, next_noise = zip(*(self._after(plan, step) for plan, step in pattern), strict=True)
        return StepTables(
            timesteps=self._per_frame([level.timestep for level in levels]).flatten(),
            of_x=self._per_frame([w.of_x for w in weights]),
            of_output=self._per_frame([w.of_output for w in weights]),
            of_noise=self._per_frame([w.of_noise for w in weights]),
            alpha=self._per_frame([level.alpha for level in levels]),
            sigma=self._per_frame([level.sigma for level in levels]),
            of_residual=self._of_frames(list(itertools.chain(*of_residual))),
            next_noise=torch.tensor(list(itertools.chain(*next_noise)), device=self._spec.device),
            num_entering=sum(step == 0 for _, step in pattern) * self._chunk,
        )

    def _per_frame(self, of_rows: list[float]) -> Tensor:
        return self._of_frames([value for value in of_rows for _ in range(self._chunk)])

    def _of_frames(self, values: list[float]) -> Tensor:
        frames = torch.tensor(values, dtype=self._spec.dtype, device=self._spec.device)
        return frames[:, None, None, None]
