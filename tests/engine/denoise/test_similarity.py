"""The similarity filter skips by chance, never for too long, and the same way each time."""

from collections.abc import Callable

import pytest
import torch
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
