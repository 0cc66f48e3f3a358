"""Systems with guidance, a buffer with a prompt, and the textbook of one guided chunk by itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.noise import Draw
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import NEEDS_NEGATIVE, BufferSettings, Entry, Guidance
from models.diffusion.schedules import NoiseLevel
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import ListedTimesteps
from tests.engine.denoise.tiny import SPEC, TinyNetwork, levels_alone

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


def buffer_of(system: BufferSettings, network: TinyNetwork, draw: Draw | None = None) -> RollingBuffer:
    buffer = RollingBuffer(network, system, SPEC, draw=draw)
    buffer.set_reference(STYLE, NEGATIVE if system.guidance in NEEDS_NEGATIVE else None)
    return buffer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """What holds during one call: prompt, scale, delta, and one noise for each level, noisiest first."""

    style: Mapping[str, Tensor] = field(default_factory=lambda: STYLE)
    scale: float = 1.0
    delta: float = 1.0
    noises: Sequence[Tensor]


def frame_alone(
    system: BufferSettings,
    network: TinyNetwork,
    moments: Sequence[Moment],
    latents: Tensor,
    pose: Tensor,
) -> Tensor:
    """Return the textbook: one chunk by itself, step by step, from the definitions.

    Args:
        system: With the levels that the chunk entered with.
        network: What predicts.
        moments: One for each of its steps.
        latents: What enters, ``(c, C, h, w)``.
        pose: Its condition, ``(c, 2)``.
    """
    uncond, levels = network.alone(NEGATIVE), levels_alone(system)
    first, noise = levels[0], moments[0].noises[0]
    x = latents if system.entry is Entry.GIVEN else first.alpha * latents + first.sigma * noise
    z = (x - first.sigma * noise) / first.alpha
    if system.guidance is Guidance.INITIALIZE:
        z = (x - first.sigma * uncond(x, first.timestep, pose)) / first.alpha
    for index, (level, moment) in enumerate(zip(levels[:-1], moments, strict=True)):
        base = moment.delta * (x - level.alpha * z) / level.sigma
        if system.guidance is Guidance.FULL:
            base = uncond(x, level.timestep, pose)
        cond = network.alone(moment.style)(x, level.timestep, pose)
        epsilon = base + moment.scale * (cond - base)
        is_noised = system.diffusion.solver is Solver.RENOISE and index + 1 < system.levels
        following = moment.noises[index + 1] if is_noised else torch.zeros_like(noise)
        x = lcm_step(x, epsilon, level, levels[index + 1], following)
    return x


def lcm_step(x: Tensor, epsilon: Tensor, level: NoiseLevel, following: NoiseLevel, noise: Tensor) -> Tensor:
    s = 10.0 * level.timestep
    c_out, c_skip = s / (s**2 + 0.25) ** 0.5, 0.25 / (s**2 + 0.25)
    x0 = c_out * (x - level.sigma * epsilon) / level.alpha + c_skip * x
    return following.alpha * x0 + following.sigma * noise


def close(ours: Tensor, theirs: Tensor, scale: float = 1.0) -> None:
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9 * max(1.0, scale))


class Oracle(TinyNetwork):
    """Knows the pictures, which travel as conditions, and so the noise."""

    def __init__(self, levels: Iterable[NoiseLevel]) -> None:
        super().__init__()
        self.levels = {level.timestep: level for level in levels}

    def __call__(self, latents: Tensor, levels: Tensor, conditions: object, _reference: object) -> Tensor:
        assert isinstance(conditions, dict)
        points = [self.levels[timestep] for timestep in levels.tolist()]
        alpha, sigma = (
            torch.tensor([getattr(point, name) for point in points], dtype=torch.float64)[:, None, None, None]
            for name in ("alpha", "sigma")
        )
        return (latents - alpha * conditions["picture"]) / sigma
