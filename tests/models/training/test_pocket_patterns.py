"""Training shows the network the noise levels that the rolling buffer will show it, and no others."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.plan import build_plan
from engine.denoise.presets import POCKET
from engine.denoise.settings import LatentSpec
from models.training.pocket.patterns import buffer_levels, on_one_level, sample_pattern

OPERATING_POINTS = [(levels, chunk) for levels in (1, 2, 4) for chunk in (1, 2, 4)]


class Recorder:
    """A denoiser that notes the levels it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[float, ...]] = []

    def __call__(
        self,
        latents: Tensor,
        levels: Tensor,
        conditions: Mapping[str, Tensor],  # noqa: ARG002 - the protocol's
        reference: Mapping[str, Tensor],  # noqa: ARG002 - the protocol's
    ) -> Tensor:
        self.calls.append(tuple(levels.tolist()))
        return torch.zeros_like(latents)


def levels_live(num_levels: int, chunk: int, pushes: int) -> list[tuple[float, ...]]:
    """The levels of each evaluation while the engine's buffer boots, runs and drains."""
    recorder = Recorder()
    settings = replace(POCKET, levels=num_levels, chunk=chunk)
    buffer = RollingBuffer(recorder, settings, LatentSpec(shape=(1, 1, 1)))
    for _ in range(pushes):
        buffer.push({"heat": torch.zeros(chunk, 1)})
    for _ in buffer.drain():
        pass
    return recorder.calls


@pytest.mark.parametrize(("num_levels", "chunk"), OPERATING_POINTS)
def test_boot_full_and_drain_have_the_levels_of_the_engine(num_levels: int, chunk: int) -> None:
    boot = [buffer_levels(num_levels, chunk, num_levels - rows) for rows in range(1, num_levels)]
    full = [buffer_levels(num_levels, chunk)] * 3
    drain = [buffer_levels(num_levels, chunk, 0, rows) for rows in range(num_levels - 1, 0, -1)]
    assert levels_live(num_levels, chunk, pushes=num_levels + 2) == [*boot, *full, *drain]


@pytest.mark.parametrize("num_levels", [1, 2, 4])
def test_a_full_buffer_is_the_plan_from_its_clean_end(num_levels: int) -> None:
    plan = build_plan(POCKET.diffusion, num_levels, POCKET.micro)
    assert buffer_levels(num_levels, 1) == tuple(level.timestep for level in reversed(plan.levels))


def test_every_pattern_is_met_live_and_every_live_buffer_is_trained() -> None:
    met = {
        (levels, chunk): set(levels_live(levels, chunk, pushes=levels + 1))
        for levels, chunk in OPERATING_POINTS
    }
    live = set().union(*met.values())
    rng = np.random.default_rng(0)
    drawn = {sample_pattern(rng, 8).levels for _ in range(4000)}
    assert drawn == live


def test_half_of_the_steps_show_one_level() -> None:
    rng = np.random.default_rng(1)
    drawn = [sample_pattern(rng, 8) for _ in range(2000)]
    share = np.mean([pattern.levels == (1.0,) and pattern.frames == 2 for pattern in drawn])
    assert 0.45 < share < 0.6  # boot rows of N > 1, too, show a lone level of 1, but decode one frame
    for pattern in drawn:
        assert pattern.frames % len(pattern.levels) == 0
        assert pattern.sequences * pattern.frames <= 16


def test_only_the_wanted_points_are_shown_each_as_often() -> None:
    rng = np.random.default_rng(2)
    drawn = [sample_pattern(rng, 8, ((4, 1), (1, 2))) for _ in range(1000)]
    live = set(levels_live(4, 1, pushes=5)) | set(levels_live(1, 2, pushes=2))
    assert {pattern.levels for pattern in drawn} == live
    assert 0.45 < np.mean([pattern.chunk == 2 for pattern in drawn]) < 0.55


def test_frames_of_one_ring_share_one_of_the_levels_of_the_pattern() -> None:
    rng = np.random.default_rng(3)
    pattern = sample_pattern(rng, 8, ((4, 1),))
    drawn = {on_one_level(pattern, rng).levels for _ in range(100)}
    assert drawn == {(level,) * len(pattern.levels) for level in pattern.levels}


def test_patterns_follow_the_seed() -> None:
    def draws(seed: int) -> list[object]:
        rng = np.random.default_rng(seed)
        return [sample_pattern(rng, 8) for _ in range(20)]

    assert draws(3) == draws(3)
    assert draws(3) != draws(4)
