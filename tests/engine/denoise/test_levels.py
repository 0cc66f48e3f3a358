"""N changes in mid-stream: no junk frame, no frame twice, and the delay of the new N at once."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.denoise.presets import POCKET, STREAM_DIFFUSION
from engine.denoise.settings import Attend, Boot, NoiseKind
from tests.engine.denoise.tiny import (
    ALONE,
    RecordedDraw,
    TinyNetwork,
    buffer_of,
    denoise_alone,
    kept,
    poses,
    push_all,
)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(
    levels=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    ticks=st.lists(st.integers(0, 6), min_size=4, max_size=4),
    chunk=st.integers(1, 3),
    micro=st.integers(1, 2),
    boot=st.sampled_from([Boot.GROW, Boot.DROP]),
)
def test_every_frame_that_comes_out_is_clean(
    levels: list[int], ticks: list[int], chunk: int, micro: int, boot: Boot
) -> None:
    """Each is denoised on the levels that it entered with, exactly as if alone."""
    system = replace(ALONE, levels=levels[0], chunk=chunk, micro=micro, boot=boot)
    draw, network = RecordedDraw(), TinyNetwork()
    buffer = buffer_of(system, network, draw)
    entered_with: list[int] = []
    came_out, dropped = [], 0
    pose = poses(sum(ticks), chunk)
    for num_levels, num_ticks in zip(levels, ticks, strict=False):
        dropped += buffer.set_levels(num_levels)
        assert buffer.num_levels == num_levels
        done = len(entered_with)
        given_back = push_all(buffer, pose[done : done + num_ticks], first_tag=done)
        came_out += [popped for popped in given_back if popped is not None]
        entered_with += [num_levels] * num_ticks
        if num_ticks >= num_levels:  # from then on every tick gives frames, N-1 ticks late
            assert given_back[-1] is not None
            assert given_back[-1].tag == len(entered_with) - num_levels
    came_out += [kept(popped) for popped in buffer.drain()]
    tags = [popped.tag for popped in came_out]
    assert tags == sorted(set(tags))
    assert len(tags) + dropped == len(entered_with)
    for popped in came_out:
        assert isinstance(popped.tag, int)
        on_its_levels = replace(system, levels=entered_with[popped.tag])
        noises = [draw.drawn[popped.tag]]
        expected = denoise_alone(on_its_levels, network.alone(), pose[popped.tag], noises)
        torch.testing.assert_close(popped.latents, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("before", "after", "lost"), [(4, 2, 2), (4, 1, 3), (2, 4, 0), (1, 4, 0), (3, 3, 0)])
def test_fewer_levels_drop_only_what_a_new_frame_would_overtake(before: int, after: int, lost: int) -> None:
    buffer = buffer_of(replace(POCKET, levels=before))
    push_all(buffer, poses(before + 2, 1))
    assert buffer.set_levels(after) == lost
    given_back = push_all(buffer, poses(6, 1), first_tag=before + 2)
    tags = [None if popped is None else popped.tag for popped in given_back]
    first_new = before + 2
    gap = max(after - before, 0)
    # What was kept comes out first, without a break; then, after a gap if N grew, the new frames.
    in_flight = [3 + index for index in range(min(before, after) - 1)]
    assert tags == (in_flight + [None] * gap + [first_new + index for index in range(6)])[:6]


def test_per_level_noise_grows_with_the_levels() -> None:
    system = replace(ALONE, levels=1, noise=NoiseKind.PER_LEVEL)
    draw, network, pose = RecordedDraw(), TinyNetwork(), poses(5, 1)
    buffer = buffer_of(system, network, draw)
    buffer.set_levels(3)
    assert [len(noise) for noise in draw.drawn] == [1, 1, 1]  # the first level's noise stays
    noises = list(torch.cat(draw.drawn).split(1))
    came_out = [popped for popped in push_all(buffer, pose) if popped is not None]
    for popped in came_out:
        assert isinstance(popped.tag, int)
        expected = denoise_alone(replace(system, levels=3), network.alone(), pose[popped.tag], noises)
        torch.testing.assert_close(popped.latents, expected, rtol=0, atol=1e-12)


def test_a_ring_starts_again_with_its_new_levels() -> None:
    system = replace(POCKET, levels=3, attend=Attend.OWN_LEVEL)
    pose = poses(9, 1)
    buffer = buffer_of(system, seed=2)
    for levels in (3, 2, 3):
        before = buffer.num_rows
        changes = levels != buffer.num_levels
        assert buffer.set_levels(levels) == (before if changes else 0)
        buffer.set_seed(2)
        fresh = buffer_of(replace(system, levels=levels), seed=2)
        for ours, theirs in zip(push_all(buffer, pose), push_all(fresh, pose), strict=True):
            assert (ours is None) == (theirs is None)
            if ours is not None and theirs is not None:
                torch.testing.assert_close(ours.latents, theirs.latents, rtol=0, atol=1e-12)


def test_levels_that_the_grid_lacks_change_nothing() -> None:
    buffer = buffer_of(STREAM_DIFFUSION)
    for num_levels in (0, 7):
        with pytest.raises(ValueError, match=str(num_levels)):
            buffer.set_levels(num_levels)
    assert buffer.num_levels == 2
