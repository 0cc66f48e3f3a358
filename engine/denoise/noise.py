"""Where the buffer's noise comes from, and which noise a frame meets at each level.

The source of numbers (``Draw``) is handed in, so that a session is reproducible and a test can play back
recorded noise. The four ``NoiseKind`` strategies differ in when they draw.
"""

from typing import Protocol

import torch
from torch import Tensor

from engine.denoise.settings import LatentSpec, NoiseKind


class Draw(Protocol):
    """A source of standard normal numbers. Thread: the buffer's."""

    def __call__(self, out: Tensor) -> None:
        """Fill ``out`` in place."""
        ...

    def reseed(self, seed: int) -> None:
        """Start the sequence that belongs to ``seed``."""
        ...


class SeededDraw:
    """Draws from a generator of its own, on the device of the latents.

    Args:
        device: Device of the tensors to fill.
    """

    def __init__(self, device: str = "cpu") -> None:
        self._generator = torch.Generator(device)

    def __call__(self, out: Tensor) -> None:
        """Fill ``out`` in place; allocates nothing."""
        out.normal_(generator=self._generator)

    def reseed(self, seed: int) -> None:
        """Start the sequence that belongs to ``seed``."""
        self._generator.manual_seed(seed)


class NoiseStrategy(Protocol):
    """Which noise a frame meets. Thread: the buffer's."""

    def restart(self) -> None:
        """Draw what is fixed for the session again; called after each reseeding."""
        ...

    def set_num_steps(self, num_steps: int, /) -> None:
        """Serve plans of up to ``num_steps`` steps from now on."""
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

    def set_num_steps(self, _num_steps: int) -> None:
        """Any number of steps will do."""

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
    """One fixed draw for each level and each frame of a chunk, the same for all rows that pass."""

    def __init__(self, draw: Draw, spec: LatentSpec, chunk: int) -> None:
        self._draw = draw
        self._chunk = chunk
        self._noise = torch.empty(0, *spec.shape, dtype=spec.dtype, device=spec.device)

    def restart(self) -> None:
        """Draw all levels, noisiest first."""
        self._draw(self._noise)

    def set_num_steps(self, num_steps: int) -> None:
        """Make room for more levels and draw all of them again; fewer levels change nothing."""
        num_frames = num_steps * self._chunk
        if num_frames > len(self._noise):
            self._noise = self._noise.new_empty(num_frames, *self._noise.shape[1:])
            self.restart()

    def enter(self, noise: Tensor, step: int) -> None:
        """Copy the noise of the level at which the row enters."""
        noise.copy_(self._noise[step * self._chunk : (step + 1) * self._chunk])

    def before_step(self, noise: Tensor, next_noise: Tensor) -> None:
        """Copy the noise of each frame's next level."""
        torch.index_select(self._noise, 0, next_noise, out=noise)


def build_noise(kind: NoiseKind, draw: Draw, spec: LatentSpec, chunk: int) -> NoiseStrategy:
    """Return the strategy for ``kind``.

    Args:
        kind: Which.
        draw: Source of numbers.
        spec: Shape, type and device of the latents.
        chunk: Frames c of a row.
    """
    match kind:
        case NoiseKind.OWN:
            return OwnNoise(draw)
        case NoiseKind.SHARED:
            return SharedNoise(draw, spec)
        case NoiseKind.FRESH:
            return FreshNoise(draw)
        case NoiseKind.PER_LEVEL:
            return LevelNoise(draw, spec, chunk)
