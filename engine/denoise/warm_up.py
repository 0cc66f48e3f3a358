"""The warm-up of Live2Diff: the first frames together, level by level, to fill the sinks (arXiv:2407.08701).

The frames see each other in both directions. They go through the noise levels one after the other, as any
frame does, with fresh noise; what each attention was shown at a level becomes that level's sinks. The same
pass on the latest frames renews the sinks after a change of prompt, style, strength or scene.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.denoise.memory import KvRing
from engine.denoise.noise import Draw
from engine.denoise.plan import build_plan
from engine.denoise.settings import BufferSettings
from models.diffusion.solvers import step

Tensors = Mapping[str, Tensor]


class WarmUpNetwork(Protocol):
    """The denoiser over all warm-up frames at once."""

    def __call__(self, latents: Tensor, levels: Tensor, conditions: Tensors, reference: Tensors, /) -> Tensor:
        """Predict, ``(S, C, h, w)``."""
        ...

    def sinks(self) -> dict[str, Tensor]:
        """Return what the attentions were shown in the newest call: copies, ``"{layer}.keys"`` and values."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmFrames:
    """What a warm-up starts from.

    Attributes:
        latents: Clean, ``(S, C, h, w)``.
        conditions: Name -> ``(S, ...)``.
        reference: Prompt.
    """

    latents: Tensor
    conditions: Tensors
    reference: Tensors


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WarmedUp:
    """What a warm-up gives.

    Attributes:
        latents: The frames, clean again and in the new style, ``(S, C, h, w)``.
        sinks: Of each noise level, noisiest first.
    """

    latents: Tensor
    sinks: tuple[Tensors, ...]

    def install(self, ring: KvRing) -> None:
        """Put the sinks into a ring, in place, and forget the stream before them."""
        for step_index, sinks in enumerate(self.sinks):
            ring.take_sinks(len(self.sinks) - 1 - step_index, sinks)
        ring.begin_after_sinks()


def warm_up(network: WarmUpNetwork, settings: BufferSettings, frames: WarmFrames, draw: Draw) -> WarmedUp:
    """Take frames through all noise levels. Thread: any; touches nothing but its arguments.

    Args:
        network: The denoiser for as many frames.
        settings: The system, one step a tick.
        frames: S of them, S the ring's sinks.
        draw: Source of noise: once to enter, then once for each level but the first.

    Raises:
        ValueError: The system takes several steps a tick.
    """
    if settings.micro != 1:
        raise ValueError(f"a warm-up knows one step a tick, got {settings.micro}")
    plan = build_plan(settings.diffusion, settings.levels, settings.micro)
    noise = torch.empty_like(frames.latents)
    with torch.no_grad():
        draw(noise)
        x = plan.levels[0].alpha * frames.latents + plan.levels[0].sigma * noise
        sinks = []
        for index, (level, weights) in enumerate(zip(plan.levels, plan.weights, strict=True)):
            timesteps = torch.full((len(x),), level.timestep, dtype=x.dtype, device=x.device)
            output = network(x, timesteps, frames.conditions, frames.reference)
            sinks.append(network.sinks())
            if index + 1 < plan.num_steps:
                draw(noise)
            x = step(x, output, noise, weights)
    return WarmedUp(latents=x, sinks=tuple(sinks))
