"""Systems with guidance, a buffer with a prompt, and the textbook of one guided chunk by itself."""

from collections.abc import Callable
from dataclasses import replace

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import NEEDS_NEGATIVE, BufferSettings, Entry, Guidance
from models.diffusion.schedules import NoiseLevel
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import ListedTimesteps
from tests.engine.denoise.tiny import SPEC, RecordedDraw, TinyNetwork, levels_alone

SCALED = [Guidance.FULL, Guidance.SELF, Guidance.INITIALIZE]
few = settings(max_examples=20, deadline=None)
STYLE = {"style": torch.tensor([[0.3, -0.8]], dtype=torch.float64)}
OTHER = {"style": torch.tensor([[-1.1, 0.4]], dtype=torch.float64)}
NEGATIVE = {"style": torch.tensor([[0.9, 0.9]], dtype=torch.float64)}


@st.composite
def systems(draw: st.DrawFn, guidance: st.SearchStrategy[Guidance] | None = None) -> BufferSettings:
    """Any rising list of indices, with or without added noise, frames or noise entering."""
    levels = draw(st.integers(1, 4))
    indices = sorted(draw(st.sets(st.integers(8, 48), min_size=levels, max_size=levels)))
    timesteps = ListedTimesteps(lists=(tuple(999.0 - 20.0 * index for index in indices),))
    diffusion = replace(
        STREAM_DIFFUSION.diffusion,
        timesteps=timesteps,
        solver=draw(st.sampled_from([Solver.RENOISE, Solver.RESCALE])),
    )
    return replace(
        STREAM_DIFFUSION,
        diffusion=diffusion,
        levels=levels,
        chunk=draw(st.integers(1, 3)),
        entry=draw(st.sampled_from([Entry.NOISED, Entry.GIVEN])),
        guidance=draw(guidance if guidance is not None else st.sampled_from(SCALED)),
    )


def buffer_of(
    system: BufferSettings, network: TinyNetwork, draw: RecordedDraw | None = None
) -> RollingBuffer:
    buffer = RollingBuffer(network, system, SPEC, draw=draw)
    buffer.set_reference(STYLE, NEGATIVE if system.guidance in NEEDS_NEGATIVE else None)
    return buffer


def guided(
    system: BufferSettings, network: TinyNetwork, noises: list[Tensor], scale: float, delta: float
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the textbook: one chunk by itself, step by step, from the definitions."""
    cond, uncond = network.alone(STYLE), network.alone(NEGATIVE)
    levels = levels_alone(system)

    def denoise(latents: Tensor, pose: Tensor) -> Tensor:
        first = levels[0]
        x = latents if system.entry is Entry.GIVEN else first.alpha * latents + first.sigma * noises[0]
        z = (x - first.sigma * noises[0]) / first.alpha
        if system.guidance is Guidance.INITIALIZE:
            z = (x - first.sigma * uncond(x, first.timestep, pose)) / first.alpha
        for index, level in enumerate(levels[:-1]):
            base = delta * (x - level.alpha * z) / level.sigma
            if system.guidance is Guidance.FULL:
                base = uncond(x, level.timestep, pose)
            epsilon = base + scale * (cond(x, level.timestep, pose) - base)
            x = lcm_step(x, epsilon, level, levels[index + 1], next_noise(system, noises, index))
        return x

    return denoise


def next_noise(system: BufferSettings, noises: list[Tensor], index: int) -> Tensor:
    is_added = system.diffusion.solver is Solver.RENOISE and index + 1 < len(noises)
    return noises[index + 1] if is_added else torch.zeros_like(noises[0])


def lcm_step(x: Tensor, epsilon: Tensor, level: NoiseLevel, following: NoiseLevel, noise: Tensor) -> Tensor:
    s = 10.0 * level.timestep
    c_out, c_skip = s / (s**2 + 0.25) ** 0.5, 0.25 / (s**2 + 0.25)
    x0 = c_out * (x - level.sigma * epsilon) / level.alpha + c_skip * x
    return following.alpha * x0 + following.sigma * noise


def close(ours: Tensor, theirs: Tensor, scale: float = 1.0) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9 * max(1.0, scale))
