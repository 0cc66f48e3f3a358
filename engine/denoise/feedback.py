"""Latent feedback: a little of what came out goes in again, so that pictures hang together in time."""

import torch
from torch import Tensor

MAX_STRENGTH = 0.4  # beyond, the stream feeds on itself and loses the frames


class LatentFeedback:
    """Mixes the newest clean latents into those that enter: ``(1 - strength) * z + strength * x0``.

    Args:
        strength: 0 (off) .. 0.4.

    Raises:
        ValueError: Out of this range.
    """

    def __init__(self, strength: float = 0.0) -> None:
        if not 0.0 <= strength <= MAX_STRENGTH:
            raise ValueError(f"expected a feedback from 0 to {MAX_STRENGTH}, got {strength}")
        self._strength = strength
        self._newest: Tensor | None = None

    def reset(self) -> None:
        """Forget what came out."""
        self._newest = None

    def enter(self, latents: Tensor) -> Tensor:
        """Return what is to enter, ``(c, C, h, w)``: the argument itself while nothing came out."""
        if self._newest is None:
            return latents
        return torch.lerp(latents, self._newest, self._strength)

    def leave(self, latents: Tensor) -> None:
        """Take note of clean latents ``(c, C, h, w)``; the newest frame of the row counts."""
        if self._strength == 0.0:
            return
        if self._newest is None:
            self._newest = latents[-1:].clone()
        else:
            self._newest.copy_(latents[-1:])
