"""Live2Diff's preset against its loop on plain lists, warm-up and both starts included, in float64."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.memory import KvRing, RingSettings, RingStart
from engine.denoise.presets import LIVE2DIFF
from engine.denoise.settings import Attend, Boot, BufferSettings, Entry, NoiseKind
from engine.denoise.warm_up import WarmedUp, WarmFrames, warm_up
from models.diffusion.schedules import NoiseLevel
from models.networks.attention import RingSlots
from tests.engine.denoise.tiny import (
    LAYER,
    SPEC,
    RecordedDraw,
    TinyNetwork,
    levels_alone,
    pictures,
    poses,
    push_all,
    step_alone,
)

SINKS, WINDOW = 3, 7
Loop = list[Tensor]


class TinyWarmUp:
    """The tiny network over all warm-up frames at one level."""

    def __init__(self, network: TinyNetwork) -> None:
        self.network = network
        self.hidden = torch.empty(0)

    def __call__(self, latents: Tensor, levels: Tensor, conditions: object, reference: object) -> Tensor:
        network = self.network
        self.hidden = network.embed(latents, levels, conditions["pose"], reference)
        return network.project(self.hidden + network.layers[0](self.hidden), latents)

    def sinks(self) -> dict[str, Tensor]:
        _, newest = self.network.layers[0].look_back(
            self.hidden, None, RingSlots.without_past(len(self.hidden), self.hidden)
        )
        return {"layer0.keys": newest.keys, "layer0.values": newest.values}


class PlainLoop:
    """What a level remembers is a list of the hidden states that its attention was shown."""

    def __init__(self, system: BufferSettings, start: RingStart) -> None:
        self.system, self.start = system, start
        self.network = TinyNetwork(Attend.OWN_LEVEL)
        self.levels: list[NoiseLevel] = levels_alone(system)
        self.sinks: list[Tensor] = []
        self.seen: list[Loop] = [[] for _ in range(system.levels)]
        zeros = torch.zeros(1, *SPEC.shape, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
        self.rows: list[tuple[Tensor, Tensor] | None] = [None] * (system.levels - 1)
        if start is RingStart.PUBLISHED:
            self.rows = [zeros] * (system.levels - 1)
        self.calls = 0

    def warm(self, latents: Tensor, pose: Tensor, noises: list[Tensor]) -> Tensor:
        x = self.levels[0].alpha * latents + self.levels[0].sigma * noises[0]
        for row in range(self.system.levels):
            timesteps = torch.full((SINKS,), self.levels[row].timestep, dtype=torch.float64)
            hidden = self.network.embed(x, timesteps, pose, {})
            self.sinks.append(hidden)
            output = self.network.project(hidden + self.network.layers[0](hidden), x)
            noise = noises[min(row + 1, len(noises) - 1)]
            x = step_alone(self.system, x, output, (self.levels[row], self.levels[row + 1]), noise)
        return x

    def call(self, latents: Tensor, pose: Tensor, noise: Tensor, fresh: list[Tensor]) -> Tensor | None:
        entering = self.levels[0].alpha * latents + self.levels[0].sigma * noise
        rows = [(entering, pose), *self.rows]
        after: list[tuple[Tensor, Tensor] | None] = []
        for row, state in enumerate(rows):
            after.append(None if state is None else self.step(row, *state, fresh[row]))
        self.calls += 1
        self.rows = after[:-1]
        clean = after[-1]
        return None if clean is None else clean[0]

    def step(self, row: int, x: Tensor, pose: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        timesteps = torch.full((1,), self.levels[row].timestep, dtype=torch.float64)
        hidden = self.network.embed(x, timesteps, pose, {})
        is_blind = self.start is RingStart.PUBLISHED and self.calls == 0 and row > 0
        branch = self.look_blind(row, hidden) if is_blind else self.look(row, hidden)
        output = self.network.project(hidden + branch, x)
        return step_alone(self.system, x, output, (self.levels[row], self.levels[row + 1]), noise), pose

    def look(self, row: int, hidden: Tensor) -> Tensor:
        self.seen[row] = [*self.seen[row], hidden][SINKS - WINDOW :]
        return self.network.layers[0](torch.cat([self.sinks[row], *self.seen[row]]))[-1:]

    def look_blind(self, row: int, hidden: Tensor) -> Tensor:
        """See the sinks alone, from the slot that it is written to, and be forgotten."""
        ahead = [hidden] * (2 if row == 1 else 1)
        window = torch.cat([self.sinks[row], *ahead])
        mask = torch.zeros(len(window), len(window)).double()
        mask[-1, SINKS:] = float("-inf")
        return self.network.layers[0](window, mask)[-1:]


def system_of(levels: int, start: RingStart) -> BufferSettings:
    boot = Boot.ZEROS if start is RingStart.PUBLISHED else Boot.GROW
    return replace(LIVE2DIFF, levels=levels, boot=boot)


def warmed(system: BufferSettings, draw: RecordedDraw) -> WarmedUp:
    draw.reseed(3)
    frames = WarmFrames(
        latents=torch.cat(pictures(SINKS, 1, seed=5)),
        conditions={"pose": torch.cat(poses(SINKS, 1, seed=5))},
        reference={},
    )
    return warm_up(TinyWarmUp(TinyNetwork(Attend.OWN_LEVEL)), system, frames, draw)


def test_the_preset_is_the_published_one() -> None:
    assert LIVE2DIFF.diffusion.timesteps(2) == (399.0, 199.0)
    assert LIVE2DIFF.diffusion.timesteps(4) == (499.0, 379.0, 259.0, 139.0)
    assert LIVE2DIFF.diffusion.schedule.level(399.0).alpha == pytest.approx(0.53986, abs=1e-5)
    assert (LIVE2DIFF.entry, LIVE2DIFF.noise) == (Entry.NOISED, NoiseKind.FRESH)


@pytest.mark.parametrize("start", RingStart)
@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_the_stream_equals_its_loop(levels: int, start: RingStart) -> None:
    system = system_of(levels, start)
    ring = KvRing(
        {"layer0": LAYER}, RingSettings(window=WINDOW, sinks=SINKS, start=start), levels, torch.float64
    )
    draw, warm_draw = RecordedDraw(), RecordedDraw()
    buffer = RollingBuffer(TinyNetwork(Attend.OWN_LEVEL), system, SPEC, draw=draw, memory=ring)
    warm = warmed(system, warm_draw)
    warm.install(ring)
    calls = 14
    frames, pose = pictures(calls, 1), poses(calls, 1)
    ours = push_all(buffer, pose, frames)

    loop = PlainLoop(system, start)
    first = loop.warm(
        torch.cat(pictures(SINKS, 1, seed=5)), torch.cat(poses(SINKS, 1, seed=5)), warm_draw.drawn
    )
    torch.testing.assert_close(warm.latents, first, rtol=0, atol=1e-12)
    drawn = iter(draw.drawn)
    for call in range(calls):
        noise, fresh = next(drawn), next(drawn)
        by_row = [*fresh.flip(0).split(1)] + [fresh[:1]] * levels  # noisiest first
        theirs = loop.call(frames[call], pose[call], noise, by_row)
        if call < levels - 1:
            assert ours[call] is None
        else:
            torch.testing.assert_close(ours[call].latents, theirs, rtol=0, atol=1e-12)


def test_the_published_start_shows_what_zeros_left_behind_and_ours_does_not() -> None:
    for start, shown in ((RingStart.GATED, 0), (RingStart.PUBLISHED, 1)):
        ring = KvRing({}, RingSettings(window=WINDOW, sinks=SINKS, start=start), 3)
        ring.begin_after_sinks()
        for call in range(2):
            rows = range(3) if start is RingStart.PUBLISHED else range(2 - call, 3)
            ring.advance(rows[0], len(rows))
        cleanest = ring.tensors(0, 0, 1)  # the first real frame of this level comes now
        num_seen = int((cleanest["ring.bias"] == 0).sum())
        assert num_seen == SINKS + shown + 1  # and itself


def test_a_warm_up_wants_one_step_a_tick() -> None:
    with pytest.raises(ValueError, match="2"):
        warmed(replace(system_of(2, RingStart.GATED), micro=2), RecordedDraw())
