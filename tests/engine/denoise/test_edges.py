"""Filling and emptying the buffer, and what it refuses."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.denoise.buffer import RollingBuffer
from engine.denoise.memory import NoMemory
from engine.denoise.plan import build_plan
from engine.denoise.presets import PERSONA_LIVE, POCKET, STREAM_DIFFUSION
from engine.denoise.settings import (
    Attend,
    Boot,
    BufferSettings,
    DiffusionSettings,
    Drain,
    Entry,
    Guidance,
    NoiseKind,
)
from models.diffusion.consistency import Boundary
from models.diffusion.timesteps import ListedTimesteps
from tests.engine.denoise.tiny import (
    ALONE,
    SPEC,
    RecordedDraw,
    TinyNetwork,
    buffer_of,
    denoise_alone,
    kept,
    pictures,
    poses,
    push_all,
    run,
    stacked,
)

FILLED = replace(PERSONA_LIVE, chunk=2)


def condition(frames: int) -> dict[str, Tensor]:
    return {"pose": torch.zeros(frames, 2, dtype=torch.float64)}


@pytest.mark.parametrize("levels", [1, 2, 4])
@pytest.mark.parametrize("micro", [1, 2])
def test_a_full_buffer_from_the_start_gives_the_same_frames(levels: int, micro: int) -> None:
    growing = replace(ALONE, levels=levels, micro=micro, chunk=2)
    dropping = replace(growing, boot=Boot.DROP, drain=Drain.REPEAT)
    networks = TinyNetwork(), TinyNetwork()
    first, second = (
        stacked(run(buffer_of(system, network), poses(6, 2)))
        for system, network in zip((growing, dropping), networks, strict=True)
    )
    torch.testing.assert_close(first, second, rtol=0, atol=1e-12)
    assert set(networks[1].calls) == {levels * 2}


def test_repeating_the_last_frame_is_pushing_it_again() -> None:
    system = replace(PERSONA_LIVE, chunk=2, boot=Boot.GROW, drain=Drain.REPEAT)
    pose, latents = poses(6, 2), pictures(6, 2)
    drained = stacked(run(buffer_of(system), pose, latents))
    pushed = push_all(buffer_of(system), pose + pose[-1:] * 3, latents + latents[-1:] * 3)
    expected = [popped for popped in pushed if popped is not None]
    assert len(expected) == 6
    torch.testing.assert_close(drained, stacked(expected), rtol=0, atol=0)


@pytest.mark.parametrize("drain", Drain)
@pytest.mark.parametrize("num_chunks", [0, 1, 2, 3])
def test_a_clip_shorter_than_the_buffer_comes_out_whole(drain: Drain, num_chunks: int) -> None:
    system = replace(POCKET, levels=4, micro=2, drain=drain)
    network = TinyNetwork(Attend.ALL_ROWS)
    came_out = run(buffer_of(system, network), poses(num_chunks, 1))
    assert [popped.tag for popped in came_out] == list(range(num_chunks))
    # The first frame alone decides how long it takes: all its steps, and one tick more for each that follows.
    assert len(network.calls) == (0 if num_chunks == 0 else (4 + num_chunks - 1) * 2)


def test_a_tail_of_bidirectional_rows_still_sees_its_neighbours() -> None:
    pose, other = poses(4, 1), poses(4, 1)
    other[3] = other[3] + 1.0
    system = replace(POCKET, levels=3)
    first, second = (stacked(run(buffer_of(system), stream)) for stream in (pose, other))
    changed = (first - second).abs().flatten(1).amax(dim=1) > 1e-6
    assert changed.tolist() == [False, True, True, True]


def test_popped_rows_stay_valid_until_the_next_call() -> None:
    buffer = buffer_of(replace(POCKET, levels=2))
    pose = poses(4, 1)
    push_all(buffer, pose[:1])
    popped = buffer.push({"pose": pose[1]})
    assert popped is not None
    before = kept(popped)
    buffer.set_seed(5)
    torch.testing.assert_close(popped.latents, before.latents, rtol=0, atol=0)
    buffer.push({"pose": pose[2]})
    assert float((popped.latents - before.latents).abs().max()) > 0.0


def test_num_rows_counts_what_is_under_way() -> None:
    buffer = buffer_of(replace(POCKET, levels=3))
    counts = []
    for of_chunk in poses(5, 1):
        buffer.push({"pose": of_chunk})
        counts.append(buffer.num_rows)
    assert counts == [1, 2, 2, 2, 2]


def test_filled_rows_come_out_first() -> None:
    buffer = buffer_of(FILLED)
    pose = poses(8, 2)
    reference = pictures(1, 1)[0]
    buffer.fill({"pose": torch.cat(pose[:3])}, reference)
    came_out = run(buffer, pose[3:], [reference] * 5)
    assert [popped.tag for popped in came_out] == [None, None, None, 0, 1, 2, 3, 4]
    for popped, of_chunk in zip(came_out, pose, strict=True):
        torch.testing.assert_close(popped.conditions["pose"], of_chunk, rtol=0, atol=0)


def test_each_filled_row_may_have_its_own_picture() -> None:
    shared, apart = buffer_of(FILLED), buffer_of(FILLED)
    reference = pictures(1, 1)[0]
    shared.fill(condition(6), reference)
    apart.fill(condition(6), reference.expand(6, -1, -1, -1))
    for buffer in (shared, apart):
        buffer.push(condition(2), reference)
    first, second = (stacked(map(kept, buffer.drain())) for buffer in (shared, apart))
    torch.testing.assert_close(first, second, rtol=0, atol=0)


@pytest.mark.parametrize("noise", [NoiseKind.OWN, NoiseKind.PER_LEVEL])
@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("micro", [1, 2])
def test_filled_rows_start_at_their_own_level(noise: NoiseKind, levels: int, micro: int) -> None:
    system = replace(ALONE, levels=levels, micro=micro, chunk=2, noise=noise, boot=Boot.FILL)
    draw, network, num_filled = RecordedDraw(), TinyNetwork(), levels - 1
    buffer = buffer_of(system, network, draw)
    pose, latents = poses(num_filled + 1, 2), pictures(num_filled, 2)
    buffer.fill({"pose": torch.cat(pose[:-1])}, torch.cat(latents))
    came_out = run(buffer, pose[-1:])
    for index in range(num_filled):
        expected = denoise_alone(
            system,
            network.alone(),
            pose[index],
            [draw.drawn[index]] if noise is NoiseKind.OWN else list(torch.cat(draw.drawn)[:, None]),
            latents=latents[index],
            first_step=(levels - 1 - index) * micro,
        )
        torch.testing.assert_close(came_out[index].latents, expected, rtol=0, atol=1e-12)


def refused_latents_for_noise() -> None:
    buffer_of(POCKET).push(condition(1), torch.zeros(1, *SPEC.shape))


def refused_no_latents() -> None:
    buffer_of(STREAM_DIFFUSION).push(condition(1))


def refused_latents_of_another_shape() -> None:
    buffer_of(STREAM_DIFFUSION).push(condition(1), torch.zeros(3, *SPEC.shape))


def refused_conditions_of_another_count() -> None:
    buffer_of(replace(POCKET, chunk=2)).push(condition(3))


def refused_push_before_fill() -> None:
    buffer_of(FILLED).push(condition(2), torch.zeros(2, *SPEC.shape))


def refused_fill_of_a_growing_buffer() -> None:
    buffer_of(POCKET).fill(condition(3), torch.zeros(1, *SPEC.shape))


def refused_fill_of_too_few_frames() -> None:
    buffer_of(FILLED).fill(condition(5), torch.zeros(1, *SPEC.shape))


def refused_missing_memory() -> None:
    RollingBuffer(TinyNetwork(), replace(POCKET, attend=Attend.OWN_LEVEL), SPEC)


def refused_needless_memory() -> None:
    RollingBuffer(TinyNetwork(), POCKET, SPEC, memory=NoMemory())


def refused_rising_timesteps() -> None:
    build_plan(replace(POCKET.diffusion, timesteps=ListedTimesteps(lists=((0.5, 0.75),))), 2, 1)


def refused_boundary_with_ddim() -> None:
    diffusion = PERSONA_LIVE.diffusion
    DiffusionSettings(
        schedule=diffusion.schedule,
        timesteps=diffusion.timesteps,
        prediction=diffusion.prediction,
        solver=diffusion.solver,
        boundary=Boundary(),
    )


@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (refused_latents_for_noise, "enter as noise"),
        (refused_no_latents, "None"),
        (refused_latents_of_another_shape, r"\(3, 3, 2, 2\)"),
        (refused_conditions_of_another_count, "expected 2 frames"),
        (refused_push_before_fill, "fill"),
        (refused_fill_of_a_growing_buffer, "FILL"),
        (refused_fill_of_too_few_frames, "expected 2 frames"),
        (refused_missing_memory, "memory"),
        (refused_needless_memory, "memory"),
        (refused_rising_timesteps, "fall"),
        (refused_boundary_with_ddim, "DDIM"),
    ],
)
def test_misuse_is_refused_with_the_offending_value(refused: Callable[[], None], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        refused()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"levels": 0}, "levels"),
        ({"chunk": 0}, "chunk"),
        ({"micro": -1}, "-1"),
        ({"boot": Boot.DROP}, "junk"),
        ({"attend": Attend.OWN_LEVEL, "boot": Boot.FILL}, "GROW"),
        ({"attend": Attend.OWN_LEVEL, "guidance": Guidance.FULL}, "FULL"),
    ],
)
def test_contradicting_settings_are_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        replace(POCKET, **changes)


def test_latents_may_be_one_picture_for_all_frames_of_a_row() -> None:
    system: BufferSettings = replace(ALONE, chunk=3, entry=Entry.NOISED)
    one = pictures(1, 1)[0]
    first = buffer_of(system).push(condition(3), one)
    second = buffer_of(system).push(condition(3), one.expand(3, -1, -1, -1))
    assert first is not None
    assert second is not None
    torch.testing.assert_close(first.latents, second.latents, rtol=0, atol=0)
