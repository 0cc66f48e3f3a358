"""The similarity filter skips by chance, never for too long, and the same way each time."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from engine.denoise.similarity import SimilarityFilter, SimilaritySettings, SkipCount

SCENE = torch.randn(3, 16, 16, generator=torch.Generator().manual_seed(1))


def always(value: float) -> Callable[[], float]:
    return lambda: value


def cut() -> Tensor:
    return -SCENE


def test_the_first_frame_and_a_cut_pass() -> None:
    admits = SimilarityFilter(SimilaritySettings(), draw=always(0.0))
    assert admits.admits(SCENE)
    assert not admits.admits(SCENE)
    assert admits.admits(cut())
    assert admits.similarity == pytest.approx(-1.0)
    assert admits.skip_probability == 0.0


def test_the_probability_rises_from_the_threshold_to_one() -> None:
    admits = SimilarityFilter(SimilaritySettings(threshold=0.9), draw=always(1.0))
    admits.admits(SCENE)
    noise = torch.randn(SCENE.shape, generator=torch.Generator().manual_seed(2))
    noise -= SCENE * (noise * SCENE).sum() / (SCENE * SCENE).sum()
    noise *= SCENE.norm() / noise.norm()
    for cosine, expected in ((0.85, 0.0), (0.9, 0.0), (0.95, 0.5), (1.0, 1.0)):
        admits._accepted = SCENE.flatten().clone()
        admits.admits(cosine * SCENE + (1.0 - cosine**2) ** 0.5 * noise)
        assert admits.skip_probability == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(("count", "forced"), [(SkipCount.CONSECUTIVE, False), (SkipCount.CUMULATIVE, True)])
def test_what_is_counted(count: SkipCount, forced: bool) -> None:
    """Three skips, a cut, one more skip: only the published count is still running at the last frame."""
    admits = SimilarityFilter(SimilaritySettings(max_skip_frame=3, count=count), draw=always(0.0))
    frames = [SCENE, SCENE, SCENE, SCENE, cut(), cut(), cut()]
    passed = [admits.admits(frame) for frame in frames]
    assert passed == [True, False, False, False, True, False, forced]
    assert admits.was_forced is forced


def test_a_still_scene_is_painted_now_and_then() -> None:
    admits = SimilarityFilter(SimilaritySettings(max_skip_frame=2))
    assert [admits.admits(SCENE) for _ in range(9)] == [True, False, False, False, True] + [False] * 3 + [
        True
    ]


def test_the_same_seed_gives_the_same_choice_and_reset_starts_it_again() -> None:
    frames = [
        SCENE + 0.08 * torch.randn(SCENE.shape, generator=torch.Generator().manual_seed(i)) for i in range(40)
    ]
    admits = SimilarityFilter(SimilaritySettings(threshold=0.98), seed=5)
    first = [admits.admits(frame) for frame in frames]
    admits.reset()
    assert [admits.admits(frame) for frame in frames] == first
    assert {True, False} <= set(first[1:])
    other = SimilarityFilter(SimilaritySettings(threshold=0.98), seed=6)
    assert [other.admits(frame) for frame in frames] != first


def test_a_threshold_of_one_switches_it_off_and_another_size_passes() -> None:
    admits = SimilarityFilter(SimilaritySettings(threshold=1.0), draw=always(0.0))
    assert all(admits.admits(SCENE) for _ in range(3))
    assert admits.admits(SCENE[:, :8])


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"-0\.1"):
        SimilaritySettings(threshold=-0.1)
    with pytest.raises(ValueError, match="-1"):
        SimilaritySettings(max_skip_frame=-1)


@st.composite
def scenes(draw: st.DrawFn) -> list[Tensor]:
    """Frames that repeat, drift or cut, each somewhere between two pictures."""
    shares = draw(st.lists(st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.3, 1.0]), min_size=2, max_size=25))
    other = torch.randn(SCENE.shape, generator=torch.Generator().manual_seed(3))
    return [(1.0 - share) * SCENE + share * other for share in shares]


@settings(max_examples=60, deadline=None)
@given(
    frames=scenes(),
    threshold=st.floats(0.0, 1.0),
    max_skip_frame=st.integers(0, 4),
    count=st.sampled_from(SkipCount),
    data=st.data(),
)
def test_it_decides_as_defined(
    frames: list[Tensor], threshold: float, max_skip_frame: int, count: SkipCount, data: st.DataObject
) -> None:
    """By ``max(0, 1 - (1 - cos) / (1 - threshold)) >= draw`` against the last frame that passed, and never
    more than ``max_skip_frame + 1`` skips in a row."""
    draws = data.draw(st.lists(st.floats(0.0, 1.0), min_size=len(frames), max_size=len(frames)))
    left = iter(draws[1:])
    chosen = SimilaritySettings(threshold=threshold, max_skip_frame=max_skip_frame, count=count)
    admits = SimilarityFilter(chosen, draw=lambda: next(left))
    passed = [admits.admits(frame) for frame in frames]
    accepted, num_skipped, in_a_row = frames[0], 0, 0
    for frame, number, is_passed in zip(frames[1:], draws[1:], passed[1:], strict=True):
        cosine = torch.cosine_similarity(accepted.double().flatten(), frame.double().flatten(), dim=0)
        off = threshold >= 1.0
        probability = 0.0 if off else max(0.0, 1.0 - (1.0 - float(cosine)) / (1.0 - threshold))
        if not off and abs(probability - number) < 1e-4 / (1.0 - threshold):
            return  # too close to tell in float32
        is_alike = probability > 0.0 and probability >= number
        is_forced = is_alike and num_skipped > max_skip_frame
        assert is_passed == (not is_alike or is_forced)
        if is_passed:
            accepted, in_a_row = frame, 0
            num_skipped = 0 if is_forced or count is SkipCount.CONSECUTIVE else num_skipped
        else:
            num_skipped, in_a_row = num_skipped + 1, in_a_row + 1
        assert in_a_row <= max_skip_frame + 1
    assert passed[0]
