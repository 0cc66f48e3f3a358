"""Where the buffer's noise comes from, and which noise a frame meets at each level.

The source of numbers (``Draw``) is handed in, so that a session is reproducible and a test can play back
recorded noise. The four ``NoiseKind`` strategies differ in when they draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from engine.denoise.settings import LatentSpec, NoiseKind
from models.diffusion.blending import Interpolation, blend_noise, normalised


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedBlend:
    """Several seeds' noises in one.

    Attributes:
        seeds: At least one.
        weights: One for each, at least 0; only their ratios count.
        interpolation: The way between them.
    """

    seeds: tuple[int, ...]
    weights: tuple[float, ...]
    interpolation: Interpolation = Interpolation.SLERP

    def __post_init__(self) -> None:
        """Refuse what cannot be mixed. Raises ``ValueError``."""
        if len(self.seeds) != len(self.weights):
            raise ValueError(
                f"expected a weight for each of {len(self.seeds)} seeds, got {len(self.weights)}"
            )
        normalised(self.weights)


Seed: TypeAlias = int | SeedBlend


class Draw(Protocol):
    """A source of standard normal numbers. Thread: the buffer's."""

    def __call__(self, out: Tensor) -> None:
        """Fill ``out`` in place."""
        ...

    def reseed(self, seed: Seed) -> None:
        """Start the sequence that belongs to ``seed``."""
        ...


class SeededDraw:
    """Draws from generators of its own, one for each seed of a blend.

    Args:
        device: Device of the generators. On that of the latents a draw allocates nothing; "cpu" gives the
            same noise on every device, which is worth a copy where noise is drawn seldom (``PER_LEVEL``).
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = device
        self._generators = [torch.Generator(device)]
        self._blend: SeedBlend | None = None

    def __call__(self, out: Tensor) -> None:
        """Fill ``out`` in place; allocates nothing for one seed on the device of ``out``."""
        if self._blend is not None:
            generators = self._generators[: len(self._blend.seeds)]
            noises = [self._drawn(out, generator) for generator in generators]
            out.copy_(blend_noise(noises, self._blend.weights, self._blend.interpolation))
        elif out.device.type == torch.device(self._device).type:
            out.normal_(generator=self._generators[0])
        else:
            out.copy_(self._drawn(out, self._generators[0]))

    def reseed(self, seed: Seed) -> None:
        """Start the sequence that belongs to ``seed``."""
        self._blend = seed if isinstance(seed, SeedBlend) else None
        seeds: Sequence[int] = seed.seeds if isinstance(seed, SeedBlend) else (seed,)
        while len(self._generators) < len(seeds):
            self._generators.append(torch.Generator(self._device))
        for generator, each in zip(self._generators, seeds, strict=False):
            generator.manual_seed(each)

    def _drawn(self, like: Tensor, generator: torch.Generator) -> Tensor:
        return torch.empty(like.shape, dtype=like.dtype, device=self._device).normal_(generator=generator)


class NoiseStrategy(Protocol):
    """Which noise a frame meets. Thread: the buffer's."""

    def restart(self) -> None:
        """Draw what is fixed for the session again; called after each reseeding."""
        ...

    def set_num_noises(self, num_noises: int, /) -> None:
        """Serve ``StepTables.next_noise`` below ``num_noises`` from now on."""
        ...

    def enter(self, noise: Tensor, step: int, /) -> None:
        """Write the noise ``(c, C, h, w)`` of a row that enters at ``step``."""
        ...

    def before_step(self, noise: Tensor, next_noise: Tensor, /) -> None:
        """Write the noise ``(F, C, h, w)`` that the coming step re-noises with.

        Args:
            noise: What the rows carry; written in place.
            next_noise: ``StepTables.next_noise``.
        """
        ...


class OwnNoise:
    """One draw per frame, which travels with its row."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw

    def restart(self) -> None:
        """Nothing is fixed."""

    def set_num_noises(self, _num_noises: int) -> None:
        """Any number will do."""

    def enter(self, noise: Tensor, _step: int) -> None:
        """Draw the row's noise."""
        self._draw(noise)

    def before_step(self, noise: Tensor, next_noise: Tensor) -> None:
        """Leave what the rows carry."""


class FreshNoise(OwnNoise):
    """A new draw for every step of every frame."""

    def before_step(self, noise: Tensor, _next_noise: Tensor) -> None:
        """Draw for the whole buffer."""
        self._draw(noise)


class SharedNoise(OwnNoise):
    """One draw for every frame and level."""

    def __init__(self, draw: Draw, spec: LatentSpec) -> None:
        super().__init__(draw)
        self._noise = torch.empty(1, *spec.shape, dtype=spec.dtype, device=spec.device)

    def restart(self) -> None:
        """Draw the one noise."""
        self._draw(self._noise)

    def enter(self, noise: Tensor, _step: int) -> None:
        """Copy it to all frames of the row."""
        noise.copy_(self._noise)


class LevelNoise:
    """One fixed draw for each level, the same for all frames that pass.

    Args:
        draw: Source of numbers.
        spec: Of the latents.
        at_once: Whether all levels are one draw, as in the published code. torch fills whole blocks of 16
            numbers, so where a level's are no multiple of 16, its noise then depends on how many levels there
            are; each level drawn by itself has the same noise whatever N is, and was.
    """

    def __init__(self, draw: Draw, spec: LatentSpec, *, at_once: bool = False) -> None:
        self._draw = draw
        self._at_once = at_once
        self._noise = torch.empty(0, *spec.shape, dtype=spec.dtype, device=spec.device)

    def restart(self) -> None:
        """Draw all levels, noisiest first."""
        self._draw_levels(self._noise)

    def set_num_noises(self, num_noises: int) -> None:
        """Draw the noise of further levels; that of the present ones stays."""
        num_present = len(self._noise)
        if num_noises > num_present:
            further = self._noise.new_empty(num_noises - num_present, *self._noise.shape[1:])
            self._draw_levels(further)
            self._noise = torch.cat([self._noise, further])

    def enter(self, noise: Tensor, step: int) -> None:
        """Copy the noise of the level at which the row enters."""
        noise.copy_(self._noise[step])

    def before_step(self, noise: Tensor, next_noise: Tensor) -> None:
        """Copy the noise of each frame's next level."""
        torch.index_select(self._noise, 0, next_noise, out=noise)

    def _draw_levels(self, noise: Tensor) -> None:
        for part in (noise,) if self._at_once else torch.split(noise, 1):
            self._draw(part)


def build_noise(
    kind: NoiseKind, draw: Draw, spec: LatentSpec, *, levels_at_once: bool = False
) -> NoiseStrategy:
    """Return the strategy for ``kind``.

    Args:
        kind: Which.
        draw: Source of numbers.
        spec: Shape, type and device of the latents.
        levels_at_once: See ``LevelNoise``.
    """
    match kind:
        case NoiseKind.OWN:
            return OwnNoise(draw)
        case NoiseKind.SHARED:
            return SharedNoise(draw, spec)
        case NoiseKind.FRESH:
            return FreshNoise(draw)
        case NoiseKind.PER_LEVEL:
            return LevelNoise(draw, spec, at_once=levels_at_once)
