"""The running range takes the flicker out of depth pictures, and follows what stays."""

import pytest
import torch
from torch import Tensor

from engine.condition.depth import PER_FRAME, DepthRange, DepthReader, RangeSettings


def clip(frames: int = 60) -> Tensor:
    """A still room with a hand that comes near every few frames, and a noisy far wall: ``(F, 8, 8)``."""
    generator = torch.Generator().manual_seed(1)
    maps = torch.linspace(2.0, 8.0, 64).reshape(1, 8, 8).repeat(frames, 1, 1)
    maps[:, 0, 0] += 0.5 * torch.randn(frames, generator=generator)
    maps[::7, 7, 7] += 4.0
    return maps


def flicker(settings: RangeSettings | None) -> float:
    """Mean change from frame to frame of what stands still, in depth pictures of -1..1."""
    reader = DepthReader(lambda maps: maps, (8, 8), settings)
    pictures = torch.cat([reader(each[None]) for each in clip()])[:, 0, 2:6]
    return float((pictures[1:] - pictures[:-1]).abs().mean())


def test_the_running_range_takes_nine_tenths_of_the_flicker_away() -> None:
    alone, running = flicker(PER_FRAME), flicker(None)
    assert alone > 0.05
    assert running < 0.1 * alone


def test_the_range_of_a_first_batch_is_joint() -> None:
    low, high = DepthRange().follow(clip())
    assert (float(low), float(high)) == (float(clip().min()), float(clip().max()))


def test_the_range_follows_what_stays() -> None:
    depths = DepthRange()
    depths.follow(torch.tensor([[[0.0, 1.0]]]))
    for _ in range(40):
        low, high = depths.follow(torch.tensor([[[0.0, 5.0]]]))
    assert float(high) == pytest.approx(5.0, abs=0.01)
    for _ in range(300):
        low, high = depths.follow(torch.tensor([[[2.0, 3.0]]]))
    assert (float(low), float(high)) == pytest.approx((2.0, 3.0), abs=0.02)


def test_a_reset_forgets_the_scene() -> None:
    reader = DepthReader(lambda maps: maps, (1, 2))
    reader(torch.tensor([[[0.0, 100.0]]]))
    reader.reset()
    assert reader(torch.tensor([[[0.0, 1.0]]]))[0, 0].tolist() == [[-1.0, 1.0]]


def test_per_frame_is_the_published_rule() -> None:
    reader = DepthReader(lambda maps: maps, (8, 8), PER_FRAME)
    for each in clip(10):
        picture = reader(each[None])
        assert (float(picture.min()), float(picture.max())) == (-1.0, 1.0)


def test_a_constant_depth_gives_no_nan() -> None:
    reader = DepthReader(lambda maps: maps, (4, 4))
    for value in (1.0, 1.0, 2.0, 0.0):
        assert reader(torch.full((1, 4, 4), value)).isfinite().all()


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match=str(share)):
        RangeSettings(widen=share)
