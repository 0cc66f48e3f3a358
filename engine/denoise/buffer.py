"""The rolling denoising buffer: one conveyor for StreamDiffusion, RAIN, PersonaLive, Live2Diff and pocket.

    push -> [ row N-1: c frames, noisiest | ... | row 0: c frames, cleanest ] -> pop

Conditions of c frames come in (from ``condition/``), clean latents of the c frames that entered N-1 ticks
earlier go out (to ``decode.py``). One tick runs the network s times over all rows. What differs between the
systems is in the settings and becomes a strategy object when the buffer is built; the loop asks nothing.

Thread: one, the inference thread. After the first ticks the buffer allocates no tensor memory; after an
exception from the network call ``reset``. Papers: StreamDiffusion arXiv:2312.12491 ("stream batch"), RAIN
arXiv:2412.19489, PersonaLive arXiv:2512.11253, Live2Diff arXiv:2407.08701, StreamDiT arXiv:2507.03745 (N,
c and s apart).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.denoise.denoiser import Context, Denoiser, Entering, Tensors
from engine.denoise.edges import COUNT_FILLERS, ENTER, Enter, enter_noised
from engine.denoise.guidance import build_predictor
from engine.denoise.memory import Memory, NoMemory
from engine.denoise.noise import Draw, Seed, SeededDraw, build_noise
from engine.denoise.plan import ROW_END, Plan, Row, StepTableCache, build_plan
from engine.denoise.rows import RowStore
from engine.denoise.settings import NEEDS_NEGATIVE, Attend, Boot, BufferSettings, Drain, LatentSpec, Residual
from models.diffusion.prediction import Prediction
from models.diffusion.timesteps import TimestepGrid

_ZERO = torch.zeros(())


@dataclass(frozen=True, slots=True, eq=False)
class Popped:
    """A row that has become clean. Its tensors are views: valid until the next call of the buffer.

    Attributes:
        latents: ``(c, C, h, w)``, clean.
        conditions: Name -> ``(c, ...)``, what entered with these frames.
        tag: The mark that was pushed with them.
    """

    latents: Tensor
    conditions: Mapping[str, Tensor]
    tag: object


class RollingBuffer:
    """Rows of c frames that become clean together, one noise level apart.

    Args:
        denoiser: The network.
        settings: The system.
        spec: Shape, type and device of the latents.
        draw: Source of noise; None takes a generator on the device of the latents.
        seed: Where the noise starts, until ``set_seed``.
        memory: What outlives a row; needed with ``Attend.OWN_LEVEL``, refused otherwise.

    Raises:
        ValueError: The settings cannot work together.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        settings: BufferSettings,
        spec: LatentSpec,
        *,
        draw: Draw | None = None,
        seed: Seed = 0,
        memory: Memory | None = None,
    ) -> None:
        if (memory is not None) != (settings.attend is Attend.OWN_LEVEL):
            raise ValueError(f"a memory goes with {Attend.OWN_LEVEL} and nothing else, got {settings.attend}")
        self._settings = settings
        self._diffusion = settings.diffusion
        if settings.guides_by_residual:  # whose predictions are noise, whatever the network's are
            self._diffusion = replace(settings.diffusion, prediction=Prediction.EPSILON)
        self._seed = seed
        self._draw = SeededDraw(spec.device) if draw is None else draw
        self._memory: Memory = NoMemory() if memory is None else memory
        self._predict = build_predictor(settings, denoiser, spec)
        is_published = settings.residual is Residual.PUBLISHED
        self._noise = build_noise(settings.noise, self._draw, spec, levels_at_once=is_published)
        self._enter = ENTER[settings.entry]
        self._count_fillers = COUNT_FILLERS[settings.boot]
        self._before_drain_tick = {
            Drain.SHRINK: self._let_shrink,
            Drain.REPEAT: self._repeat_newest,
        }[settings.drain]
        self._plans: dict[int, Plan] = {}
        self._plan = self._plan_of(settings.levels)
        self._tables = StepTableCache(spec, settings.chunk, ROW_END[settings.residual])
        has_anchor = settings.guides_by_residual
        self._store = RowStore(spec, settings.chunk, settings.levels, has_anchor=has_anchor)
        self._rows: list[Row] = []
        self._reference: dict[str, Tensor] = {}
        self._negative: dict[str, Tensor] = {}
        self._contexts: dict[tuple[int, int, int], Context] = {}
        self._newest_latents: Tensor | None = None
        self._wants_fill = False
        self._noise.set_num_noises(self._tables.num_noises(self._plan))
        self.reset()

    @property
    def num_levels(self) -> int:
        """Rows N of a full buffer, now."""
        return self._plan.num_levels

    @property
    def num_rows(self) -> int:
        """Rows under way; a row that was handed out last is not counted."""
        return sum(not row.is_clean for row in self._rows)

    def push(self, conditions: Tensors, latents: Tensor | None = None, tag: object = None) -> Popped | None:
        """Take c frames in, run one tick, and hand out the c frames that became clean, if any.

        Args:
            conditions: Name -> ``(c, ...)``, on the device of the latents; copied.
            latents: Clean latents to be noised, ``(c, C, h, w)`` or ``(1, C, h, w)``, with ``Entry.NOISED``;
                as they are with ``Entry.GIVEN``; None with ``Entry.NOISE``.
            tag: Any mark of these frames; it comes back with them.

        Returns:
            The frames of N-1 ticks ago; None while the buffer fills.

        Raises:
            ValueError: Conditions or latents do not fit, or the buffer wants ``fill`` first.
        """
        if self._wants_fill:
            raise ValueError(f"{Boot.FILL}: call fill() before the first push()")
        self._leave()
        self._store.adopt(conditions, len(self._rows))
        for _ in range(self._count_fillers(len(self._rows), self.num_levels)):
            self._add_filler(conditions)
        self._add(self._enter, conditions, latents, Row(plan=self._plan, step=0, tag=tag))
        self._newest_latents = latents
        return self._tick()

    def fill(self, conditions: Tensors, latents: Tensor) -> None:
        """Put N-1 rows in, noised to their levels, so that the first push already gives frames.

        Args:
            conditions: Name -> ``((N-1) * c, ...)``, oldest first.
            latents: Clean latents of these frames, ``((N-1) * c, C, h, w)`` or ``(1, C, h, w)`` for all.

        Raises:
            ValueError: The boot is another, frames are under way, or the shapes do not fit.
        """
        if not self._wants_fill:
            raise ValueError(f"fill() goes with {Boot.FILL}, N > 1 and an empty buffer")
        chunk = self._settings.chunk
        for index in range(self.num_levels - 1):
            frames = slice(index * chunk, (index + 1) * chunk)
            of_row = {name: values[frames] for name, values in conditions.items()}
            self._store.adopt(of_row, len(self._rows))
            row = Row(plan=self._plan, step=(self.num_levels - 1 - index) * self._settings.micro)
            self._add(enter_noised, of_row, latents if len(latents) == 1 else latents[frames], row)
        self._wants_fill = False

    def drain(self) -> Iterator[Popped]:
        """Hand out the frames that are under way, oldest first, and end as a new buffer.

        Yields:
            Rows; each is valid until the next is asked for.
        """
        self._leave()
        while any(row.is_real for row in self._rows):
            self._before_drain_tick()
            popped = self._tick()
            if popped is not None:
                yield popped
            self._leave()
        self.reset()

    def reset(self) -> None:
        """Forget all frames and start the noise again; reference, guidance, levels and seed stay."""
        self._rows.clear()
        self._newest_latents = None
        self._memory.reset()
        self._predict.restart()
        self.set_seed(self._seed)
        self._wants_fill = self._settings.boot is Boot.FILL and self.num_levels > 1

    def set_seed(self, seed: Seed) -> None:
        """Start the noise of ``seed``; frames under way go on."""
        self._seed = seed
        self._draw.reseed(seed)
        self._noise.restart()

    def set_guidance(self, guidance_scale: float, delta: float | None = None) -> None:
        """Set the scale, and the weight of the residual noise, from the next tick on.

        Args:
            guidance_scale: At least 1; at 1 the prediction is the network's.
            delta: At least 0, with ``Guidance.SELF`` and ``INITIALIZE``; None leaves it (at first 1).

        Raises:
            ValueError: Out of range, or the system has none.
        """
        self._predict.set_scale(guidance_scale)
        if delta is not None:
            self._predict.set_delta(delta)

    def set_reference(self, reference: Tensors, negative: Tensors | None = None) -> None:
        """Change avatar or prompt from the next tick on, for all frames under way.

        Args:
            reference: Name -> tensor; copied, into the same memory as long as the shapes stay.
            negative: The same names for the negative prompt, with ``Guidance.FULL`` and ``INITIALIZE`` only.

        Raises:
            ValueError: ``negative`` is missing or not wanted.
        """
        if (negative is not None) != (self._settings.guidance in NEEDS_NEGATIVE):
            wanted = sorted(str(guidance) for guidance in NEEDS_NEGATIVE)
            raise ValueError(f"a negative reference goes with {wanted}, got {self._settings.guidance}")
        is_same = _copied(reference, self._reference)
        if _copied(negative or {}, self._negative) and is_same:
            self._predict.reference_changed()
        else:
            self._contexts.clear()

    def set_timesteps(self, timesteps: TimestepGrid, num_levels: int | None = None) -> int:
        """Change the noise levels that new frames go through, and N, in mid-stream.

        Args:
            timesteps: The grid from now on.
            num_levels: The new N; None keeps it.

        Returns:
            How many rows were dropped; see ``set_levels``.

        Raises:
            ValueError: As ``set_levels``.
        """
        diffusion, plans = self._diffusion, self._plans
        self._diffusion, self._plans = replace(diffusion, timesteps=timesteps), {}
        try:
            dropped = self.set_levels(self.num_levels if num_levels is None else num_levels)
        except ValueError:
            self._diffusion, self._plans = diffusion, plans
            raise
        self._tables.clear()
        return dropped

    def set_levels(self, num_levels: int) -> int:
        """Change N in mid-stream.

        Frames under way finish on the levels that they entered with, so no frame comes out half clean. With
        more levels there is a gap until the first new frame is clean. With fewer, those frames are dropped
        that a new one would overtake: the delay falls at once. With a memory all are dropped, since what it
        holds belongs to the old levels.

        Args:
            num_levels: The new N, at least 1.

        Returns:
            How many rows were dropped.

        Raises:
            ValueError: The grid has no such number of steps; then nothing has changed.
        """
        plan = self._plan_of(num_levels)
        self._leave()
        self._wants_fill = self._wants_fill and num_levels > 1
        may_go_on = num_levels == self.num_levels or self._memory.set_levels(num_levels)
        kept = [row for row in self._rows if may_go_on and row.remaining_ticks < num_levels]
        dropped = sum(row.is_real for row in self._rows[len(kept) :])
        del self._rows[len(kept) :]
        self._plan = plan
        self._noise.set_num_noises(self._tables.num_noises(plan))
        self._store.reserve(num_levels)
        self._contexts.clear()
        return dropped

    def _plan_of(self, num_levels: int) -> Plan:
        if num_levels not in self._plans:
            if num_levels < 1:
                raise ValueError(f"levels must be at least 1, got {num_levels}")
            self._plans[num_levels] = build_plan(self._diffusion, num_levels, self._settings.micro)
        return self._plans[num_levels]

    def _tick(self) -> Popped | None:
        rows = self._rows
        views = self._store.leading(len(rows))
        first_level = rows[0].level_index
        with torch.no_grad():
            for micro_index in range(self._settings.micro):
                tables = self._tables.of(rows)
                self._noise.before_step(views.noise, tables.next_noise)
                context = self._context(micro_index, first_level, len(rows))
                output = self._predict(views, tables, context)
                views.latents.mul_(tables.of_x).addcmul_(output, tables.of_output)
                views.latents.addcmul_(views.noise, tables.of_noise)
                for row in rows:
                    row.step += 1
            self._memory.advance(first_level, len(rows))
        oldest = rows[0]
        if not (oldest.is_clean and oldest.is_real):
            return None
        clean = self._store.row(0)
        return Popped(clean.latents, clean.conditions, oldest.tag)

    def _leave(self) -> None:
        """Move the conveyor if the oldest row is clean: only now, so that what was handed out stays valid."""
        if self._rows and self._rows[0].is_clean:
            self._store.shift(len(self._rows))
            del self._rows[0]

    def _add(self, enter: Enter, conditions: Tensors, latents: Tensor | None, row: Row) -> None:
        views = self._store.row(len(self._rows))
        level = row.plan.levels[row.step]
        with torch.no_grad():
            self._noise.enter(views.noise, row.step)
            enter(views, latents, level)
            self._predict.enter(views, Entering(level, row.plan.num_steps))
            for name, values in conditions.items():
                views.conditions[name].copy_(values)
        self._rows.append(row)

    def _add_filler(self, conditions: Tensors) -> None:
        """Add a row that keeps the shape; it draws no noise, so real rows meet the same as without it."""
        views = self._store.row(len(self._rows))
        views.latents.zero_()
        views.noise.zero_()
        views.anchor.zero_()
        for name, values in conditions.items():
            views.conditions[name].copy_(values if self._settings.boot is not Boot.ZEROS else _ZERO)
        step = (self.num_levels - 1 - len(self._rows)) * self._settings.micro
        self._rows.append(Row(plan=self._plan, step=step, is_real=False))

    def _let_shrink(self) -> None:
        """Add nothing before a tick of the drain."""

    def _repeat_newest(self) -> None:
        newest = self._store.row(len(self._rows) - 1)
        row = Row(plan=self._plan, step=0, is_real=False)
        self._add(self._enter, newest.conditions, self._newest_latents, row)

    def _context(self, micro_index: int, first_level: int, num_rows: int) -> Context:
        key = (micro_index, first_level, num_rows)
        context = self._contexts.get(key)
        if context is None:
            extra = {**self._predict.tensors, **self._memory.tensors(*key)}
            context = Context({**self._reference, **extra}, {**self._negative, **extra})
            self._contexts[key] = context
        return context


def _copied(values: Tensors, into: dict[str, Tensor]) -> bool:
    """Copy ``values`` into the tensors of ``into``; return whether these could stay the same."""
    if values.keys() == into.keys() and all(
        value.shape == into[name].shape and value.dtype == into[name].dtype for name, value in values.items()
    ):
        for name, value in values.items():
            into[name].copy_(value)
        return True
    into.clear()
    into.update({name: value.detach().clone() for name, value in values.items()})
    return False
