"""Each preset against its system's loop, written out from its description on plain lists, in float64."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from engine.denoise.presets import LIVE2DIFF, PERSONA_LIVE, POCKET, PRESETS, RAIN, STREAM_DIFFUSION
from engine.denoise.settings import Attend, BufferSettings, Guidance
from tests.engine.denoise.tiny import (
    RecordedDraw,
    TinyNetwork,
    buffer_of,
    denoise_alone,
    pictures,
    poses,
    push_all,
    run,
    stacked,
)


def assert_equal(ours: Tensor, theirs: Tensor) -> None:
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


def test_every_preset_has_a_loop_here() -> None:
    here = {POCKET, STREAM_DIFFUSION, RAIN, PERSONA_LIVE}
    assert set(PRESETS.values()) == here | {LIVE2DIFF}  # the last: test_live2diff_stream.py


def test_pocket_preset_equals_its_loop() -> None:
    """Rows at t = 1/2 and 1 see each other; the clean latents are noised again with the row's own noise."""
    draw, network, pose = RecordedDraw(), TinyNetwork(Attend.ALL_ROWS), poses(6, 2)
    ours = run(buffer_of(replace(POCKET, levels=2, chunk=2), network, draw), pose)
    older: tuple[Tensor, Tensor] | None = None  # latents and condition
    theirs = []
    for own, of_chunk in zip(draw.drawn, pose, strict=True):
        rows = [(own, of_chunk)] if older is None else [older, (own, of_chunk)]
        levels = torch.tensor([0.5, 1.0][-len(rows) :], dtype=torch.float64).repeat_interleave(2)
        latents, conditions = (torch.cat(parts) for parts in zip(*rows, strict=True))
        x0 = network(latents, levels, {"pose": conditions}, {}).split(2)
        if older is not None:
            theirs.append(x0[0])
        older = (0.5 * x0[-1] + 0.5 * own, of_chunk)
    assert older is not None
    theirs.append(network(older[0], torch.full((2,), 0.5), {"pose": older[1]}, {}))
    assert_equal(stacked(ours), torch.stack(theirs))


def test_rain_preset_equals_its_loop() -> None:
    """Oldest left; one forward, one step with fresh noise, pop left; the drain shrinks from the left."""
    system = replace(RAIN, levels=4, chunk=2)
    draw, network, pose = RecordedDraw(), TinyNetwork(Attend.ALL_ROWS), poses(9, 2)
    buffer = buffer_of(system, network, draw)
    buffer.set_guidance(2.5)
    ours = stacked(run(buffer, pose))
    noises = iter(draw.drawn)
    loop = RainLoop(system, TinyNetwork(Attend.ALL_ROWS), noises)
    theirs = [clean for of_chunk in pose if (clean := loop.tick(of_chunk)) is not None]
    theirs += [loop.shrink() for _ in range(3)]
    assert_equal(ours, torch.stack(theirs))
    assert next(noises, None) is None


class RainLoop:
    """RAIN's streaming loop on lists of groups."""

    TIMESTEPS = (249.0, 499.0, 749.0, 999.0)

    def __init__(self, system: BufferSettings, network: TinyNetwork, noises: Iterator[Tensor]) -> None:
        self.level = {t: system.diffusion.schedule.level(t) for t in self.TIMESTEPS}
        self.network, self.noises = network, noises
        self.groups: list[Tensor] = []
        self.pose: list[Tensor] = []

    def tick(self, pose: Tensor) -> Tensor | None:
        self.groups.append(next(self.noises))
        self.pose.append(pose)
        self.forward(self.TIMESTEPS[-len(self.groups) :])
        return self.pop() if len(self.groups) == 4 else None

    def shrink(self) -> Tensor:
        self.forward(self.TIMESTEPS[: len(self.groups)])
        return self.pop()

    def pop(self) -> Tensor:
        del self.pose[0]
        return self.groups.pop(0)

    def forward(self, timesteps: tuple[float, ...]) -> None:
        levels = torch.tensor(timesteps, dtype=torch.float64).repeat_interleave(2)
        guidance = {"guidance_scale": torch.tensor([2.5], dtype=torch.float64)}
        x = torch.cat(self.groups)
        with torch.no_grad():
            v = self.network(x, levels, {"pose": torch.cat(self.pose)}, guidance).split(2)
        noise = next(self.noises).split(2)
        for index, timestep in enumerate(timesteps):
            level, s = self.level[timestep], 10.0 * timestep
            x0 = level.alpha * self.groups[index] - level.sigma * v[index]
            x0 = s / (s**2 + 0.25) ** 0.5 * x0 + 0.25 / (s**2 + 0.25) * self.groups[index]
            if timestep == self.TIMESTEPS[0]:
                self.groups[index] = x0
                continue
            following = self.level[self.TIMESTEPS[self.TIMESTEPS.index(timestep) - 1]]
            self.groups[index] = following.alpha * x0 + following.sigma * noise[index]


def test_personalive_preset_equals_its_loop() -> None:
    """It starts with the reference at t = 0, 333, 666; DDIM steps of 333; frames from the first tick."""
    system = replace(PERSONA_LIVE, chunk=2)
    draw, network = RecordedDraw(), TinyNetwork(Attend.ALL_ROWS)
    buffer = buffer_of(system, network, draw)
    pose, reference = poses(8, 2), pictures(1, 1)[0]
    buffer.fill({"pose": torch.cat(pose[:3])}, reference)
    ours = [popped for popped in push_all(buffer, pose[3:], [reference] * 5) if popped is not None]
    assert len(ours) == 5
    alpha = {t: system.diffusion.schedule.level(t).alpha for t in (0.0, 333.0, 666.0, 999.0)}
    sigma = {t: (1.0 - alpha[t] ** 2) ** 0.5 for t in alpha}
    fresh = iter(draw.drawn)
    groups = [alpha[t] * reference + sigma[t] * next(fresh) for t in (0.0, 333.0, 666.0)]
    for tick in range(5):
        groups.append(alpha[999.0] * reference + sigma[999.0] * next(fresh))
        levels = torch.tensor([0.0, 333.0, 666.0, 999.0], dtype=torch.float64).repeat_interleave(2)
        with torch.no_grad():
            pose_now = {"pose": torch.cat(pose[tick : tick + 4])}
            epsilon = network(torch.cat(groups), levels, pose_now, {}).split(2)
        for index, t in enumerate((0.0, 333.0, 666.0, 999.0)):
            x0 = (groups[index] - sigma[t] * epsilon[index]) / alpha[t]
            before = t - 333.0
            groups[index] = x0 if before < 0 else alpha[before] * x0 + sigma[before] * epsilon[index]
        assert_equal(ours[tick].latents, groups.pop(0))


def test_streamdiffusion_preset_equals_its_loop() -> None:
    """A batch of two steps; the newcomer and every re-noising use the fixed noise of their level."""
    draw, network = RecordedDraw(), TinyNetwork()
    pose, frames = poses(6, 1), pictures(6, 1)
    ours = stacked(run(buffer_of(STREAM_DIFFUSION, network, draw), pose, frames))
    init_noise = torch.cat(draw.drawn)
    (a0, b0), (a1, b1) = (
        (lvl.alpha, lvl.sigma) for lvl in map(STREAM_DIFFUSION.diffusion.schedule.level, (359, 99))
    )
    predict = network.alone()
    theirs = []
    for index in range(6):
        x = a0 * frames[index] + b0 * init_noise[:1]
        x0 = (x - b0 * predict(x, 359.0, pose[index])) / a0
        x = a1 * x0 + b1 * init_noise[1:]
        theirs.append((x - b1 * predict(x, 99.0, pose[index])) / a1)
    # The boundary scalings are left out here: they are 1 and 0 up to 3e-7 at these timesteps.
    torch.testing.assert_close(ours, torch.stack(theirs), rtol=0, atol=3e-6)


def test_full_guidance_equals_two_predictions() -> None:
    system = replace(STREAM_DIFFUSION, guidance=Guidance.FULL)
    draw, network, pose, frames = RecordedDraw(), TinyNetwork(), poses(4, 1), pictures(4, 1)
    buffer = buffer_of(system, network, draw)
    generator = torch.Generator().manual_seed(9)
    style, negative = (
        {"style": torch.randn(1, 2, dtype=torch.float64, generator=generator)} for _ in range(2)
    )
    buffer.set_reference(style, negative)
    buffer.set_guidance(1.7)
    ours = run(buffer, pose, frames)

    def guided(x: Tensor, timestep: float, of_chunk: Tensor) -> Tensor:
        cond, uncond = (network.alone(given)(x, timestep, of_chunk) for given in (style, negative))
        return uncond + 1.7 * (cond - uncond)

    noises = draw.drawn
    for popped, of_chunk, frame in zip(ours, pose, frames, strict=True):
        assert_equal(popped.latents, denoise_alone(system, guided, of_chunk, noises, latents=frame))
