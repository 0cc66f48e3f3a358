"""From pixels it goes down to the size of latents; from latents it keeps their size."""

import pytest
import torch

from models.networks.pose_guider import PoseGuider, PoseGuiderConfig


@pytest.mark.parametrize(("stride", "cells"), [(2, (8, 4)), (1, (64, 32))])
def test_size_of_the_features(stride: int, cells: tuple[int, int]) -> None:
    guider = PoseGuider(PoseGuiderConfig(widths=(4, 6, 8, 10), out_channels=12, stride=stride))
    assert guider(torch.rand(2, 3, 64, 32)).shape == (2, 12, *cells)


def test_it_starts_as_if_it_were_not_there() -> None:
    guider = PoseGuider(PoseGuiderConfig(widths=(4, 6), out_channels=12))
    assert torch.count_nonzero(guider(torch.rand(1, 3, 16, 16))) == 0


def test_frames_are_independent() -> None:
    torch.manual_seed(0)
    guider = PoseGuider(PoseGuiderConfig(widths=(4, 6), out_channels=12)).requires_grad_(False)
    torch.nn.init.normal_(guider.conv_out.weight)
    canvases = torch.rand(3, 3, 16, 16)
    alone = torch.cat([guider(canvas[None]) for canvas in canvases])
    torch.testing.assert_close(guider(canvases), alone)
