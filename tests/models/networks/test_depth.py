"""Depth pictures: the range, flat maps, and what a depth network is shown."""

import pytest
import torch
from torch import Tensor, nn

from models.networks.depth import DepthNetwork, PixelScale, depth_picture, extremes, network_input


def test_a_map_is_stretched_to_the_range_of_pictures() -> None:
    maps = torch.tensor([[[3.0, 5.0], [4.0, 7.0]]])
    pictures = depth_picture(maps, *extremes(maps), (2, 2))
    assert pictures.shape == (1, 3, 2, 2)
    torch.testing.assert_close(pictures[0, 1], torch.tensor([[-1.0, 0.0], [-0.5, 1.0]]))


@pytest.mark.parametrize("value", [0.0, 1e-20, 3.5, -2e4, 1e30])
def test_a_constant_map_gives_the_middle_and_no_nan(value: float) -> None:
    maps = torch.full((8, 4, 6), value)
    assert torch.equal(depth_picture(maps, *extremes(maps), (8, 12)), torch.zeros(8, 3, 8, 12))


def test_depth_outside_the_range_is_clamped() -> None:
    maps = torch.tensor([[[-1.0, 9.0]]])
    pictures = depth_picture(maps, torch.tensor(0.0), torch.tensor(4.0), (1, 2))
    assert pictures[0, 0].tolist() == [[-1.0, 1.0]]


class Shown(nn.Module):
    """Stands for a depth network: its depth is the sum of what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, pixel_values: Tensor, return_dict: bool) -> tuple[Tensor]:
        assert return_dict is False
        return (pixel_values.sum(1) * self.scale,)


def test_a_network_is_shown_its_own_scale_of_pixels() -> None:
    scale = PixelScale(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    pixels = torch.rand(2, 3, 40, 60) * 2 - 1
    colour = network_input((pixels + 1) / 2, 28)
    mean, std = (torch.tensor(values)[:, None, None] for values in (scale.mean, scale.std))
    maps = DepthNetwork(Shown(), scale, 28)(pixels)
    assert maps.shape == (2, 28, 28)
    torch.testing.assert_close(maps, ((colour - mean) / std).sum(1), rtol=1e-4, atol=1e-5)
    half = PixelScale(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    torch.testing.assert_close(DepthNetwork(Shown(), half, 28)(pixels), network_input(pixels, 28).sum(1))
