"""The published code's recursion of the residual noise: where it is right, and what its faults are."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.noise import Seed
from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import BufferSettings, Guidance, Residual
from models.diffusion.timesteps import ListedTimesteps
from tests.engine.denoise.guided import STYLE, buffer_of, close, few
from tests.engine.denoise.tiny import RecordedDraw, TinyNetwork, levels_alone, pictures, poses, run, stacked


class OneSequence:
    """Gives the same numbers level by level as all at once; torch does so in blocks of 16 only."""

    def __init__(self) -> None:
        self._generator = torch.Generator()

    def __call__(self, out: Tensor) -> None:
        numbers = [float(torch.randn((), generator=self._generator)) for _ in range(out.numel())]
        out.copy_(torch.tensor(numbers).reshape(out.shape))

    def reseed(self, seed: Seed) -> None:
        self._generator.manual_seed(int(str(seed)))


@pytest.mark.parametrize("guidance", [Guidance.SELF, Guidance.INITIALIZE])
def test_the_published_recursion_agrees_where_it_is_right(guidance: Guidance) -> None:
    pose, latents, outputs = poses(8, 2), pictures(8, 2), []
    for residual in Residual:
        system = replace(STREAM_DIFFUSION, levels=4, chunk=2, guidance=guidance, residual=residual)
        buffer = buffer_of(system, TinyNetwork(), OneSequence())
        buffer.set_guidance(1.5, 0.7)
        outputs.append(stacked(run(buffer, pose, latents)))
    # The boundary scalings leave c_out a trifle below 1, and the recursion scales the picture's share by it.
    torch.testing.assert_close(outputs[0], outputs[1], rtol=1e-6, atol=1e-6)


def test_the_published_recursion_grows_without_end_in_one_step() -> None:
    """By ``(sigma / alpha) * (1 + delta * (scale - 1))`` a frame; the right one starts anew with each."""
    grid = ListedTimesteps(lists=((599.0,),))
    largest = {}
    for residual in Residual:
        system = replace(STREAM_DIFFUSION, levels=1, guidance=Guidance.SELF, residual=residual)
        system = replace(system, diffusion=replace(system.diffusion, timesteps=grid))
        buffer = buffer_of(system, TinyNetwork())
        buffer.set_guidance(1.4)
        largest[residual] = float(stacked(run(buffer, poses(30, 1), pictures(30, 1)))[-1].abs().max())
    assert largest[Residual.EXACT] < 50.0
    assert largest[Residual.PUBLISHED] > 1e4


def one_step(residual: Residual, chunk: int, timestep: float) -> BufferSettings:
    """Self guidance in one step, c frames at once."""
    grid = ListedTimesteps(lists=((timestep,),))
    return replace(
        STREAM_DIFFUSION,
        diffusion=replace(STREAM_DIFFUSION.diffusion, timesteps=grid),
        levels=1,
        chunk=chunk,
        guidance=Guidance.SELF,
        residual=residual,
    )


def published_one_step(
    system: BufferSettings, noises: list[Tensor], scale: float, delta: float
) -> list[tuple[Tensor, Tensor]]:
    """Pictures and residual noise after each call, line by line as the published code has them.

    Its tables have an entry for each of the c frames, and "next" is one entry further: the frame's neighbour.
    """
    level = levels_alone(system)[0]
    scaled = 10.0 * level.timestep
    c_out, c_skip = scaled / (scaled**2 + 0.25) ** 0.5, 0.25 / (scaled**2 + 0.25)
    chunk, predict = system.chunk, TinyNetwork().alone(STYLE)
    stock = [torch.zeros_like(noises[0]) for _ in range(chunk)]
    calls = []
    for latents, pose in zip(pictures(5, chunk), poses(5, chunk), strict=True):
        x0 = []
        for frame in range(chunk):
            x = level.alpha * latents[frame] + level.sigma * noises[0]
            cond = predict(x[None], level.timestep, pose[frame][None])[0]
            uncond = delta * stock[frame]
            epsilon = uncond + scale * (cond - uncond)
            x0.append(c_out * (x - level.sigma * epsilon) / level.alpha + c_skip * x)
            held = level.sigma * stock[frame]
            stepped = c_out * (held - level.sigma * epsilon) / level.alpha + c_skip * held
            is_last = frame == chunk - 1
            ratio = 1.0 if is_last else level.alpha / level.sigma
            stock[frame] = noises[0 if is_last else frame + 1] + ratio * stepped
        calls.append((torch.stack(x0), torch.stack(stock)))
    return calls


@few
@given(
    chunk=st.integers(1, 4),
    timestep=st.sampled_from([99.0, 399.0, 599.0]),
    scale=st.floats(1.0, 2.0),
    delta=st.floats(0.0, 1.0),
)
def test_one_step_of_several_frames_is_that_of_the_published_code(
    chunk: int, timestep: float, scale: float, delta: float
) -> None:
    draw, system = RecordedDraw(), one_step(Residual.PUBLISHED, chunk, timestep)
    buffer = buffer_of(system, TinyNetwork(), draw)
    buffer.set_guidance(scale, delta)
    came_out = stacked(run(buffer, poses(5, chunk), pictures(5, chunk)))
    noises = list(draw.drawn[0])
    assert len(noises) == chunk
    calls = published_one_step(system, noises, scale, delta)
    expected = torch.stack([x0 for x0, _ in calls])
    close(came_out, expected, float(expected.abs().max()))


@pytest.mark.parametrize("chunk", [2, 3])
def test_frames_of_one_step_are_by_default_what_each_is_alone(chunk: int) -> None:
    """The published recursion makes a frame depend on its place in the row, and on the rows before."""
    pose, latents = poses(4, chunk), pictures(4, chunk)
    by_residual = {}
    for residual in Residual:
        buffer = buffer_of(one_step(residual, chunk, 399.0), TinyNetwork(), RecordedDraw())
        buffer.set_guidance(1.5, 0.7)
        by_residual[residual] = stacked(run(buffer, pose, latents))
    alone = buffer_of(one_step(Residual.EXACT, 1, 399.0), TinyNetwork(), RecordedDraw())
    alone.set_guidance(1.5, 0.7)
    frames = [each[None] for each in torch.cat(latents)], [each[None] for each in torch.cat(pose)]
    close(by_residual[Residual.EXACT].flatten(0, 1), stacked(run(alone, frames[1], frames[0])).flatten(0, 1))
    apart = by_residual[Residual.PUBLISHED] - by_residual[Residual.EXACT]
    assert all(float(row.abs().max()) > 0.05 for row in apart.flatten(0, 1))


def test_steps_and_frames_change_in_mid_stream_under_the_published_recursion() -> None:
    """From two steps to one and back, with three frames a row: finite, and noises enough for both."""
    lists = ((399.0,), (399.0, 99.0))
    system = one_step(Residual.PUBLISHED, 3, 399.0)
    system = replace(
        system, levels=2, diffusion=replace(system.diffusion, timesteps=ListedTimesteps(lists=lists))
    )
    buffer, came_out = buffer_of(system, TinyNetwork()), []
    buffer.set_guidance(1.3)
    for levels in (2, 1, 2, 1):
        buffer.set_levels(levels)
        came_out += run(buffer, poses(3, 3), pictures(3, 3))
    assert len(came_out) == 12
    assert float(stacked(came_out).abs().max()) < 100.0
