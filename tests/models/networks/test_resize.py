"""Resizing by products: the numbers of torch's own bilinear interpolation."""

import pytest
import torch
from torch.nn import functional

from models.networks.resize import bilinear_matrix, doubled, resized


@pytest.mark.parametrize(("height", "width"), [(64, 64), (32, 8), (7, 50), (16, 16)])
def test_it_is_torch_s_interpolation(height: int, width: int) -> None:
    maps = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(maps, size=(height, width), mode="bilinear", align_corners=False)
    torch.testing.assert_close(resized(maps, height, width), expected, atol=1e-5, rtol=0)


def test_every_place_is_a_mean_of_its_neighbours() -> None:
    matrix = bilinear_matrix(16, 40, torch.zeros((), dtype=torch.float64))
    assert matrix.dtype == torch.float64
    torch.testing.assert_close(matrix.sum(1), torch.ones(40, dtype=torch.float64))
    assert int((matrix > 0).sum(1).max()) == 2


def test_doubling_is_torch_s_interpolation() -> None:
    maps = torch.randn(2, 3, 7, 10, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(maps, size=(14, 20), mode="bilinear", align_corners=False)
    torch.testing.assert_close(doubled(maps), expected, atol=1e-5, rtol=0)
