"""Latents and a row's points to a picture: the pocket painter between its two float32 ends.

``PocketProps`` lays out what the painter needs (curves, warped reference) and ``PocketComposite`` blends what it
made. Both work on coordinates, which half precision would move by a pixel, so they stay in float32 while the
painter itself may run in bfloat16: three networks, in this order.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.geometry import CurveMaps, cell_centres
from models.networks.pocket import composite


def _sample(picture: Tensor, grid: Tensor, size: int) -> Tensor:
    dense = F.interpolate(grid, size=(size, size), mode="bilinear", align_corners=False)
    frames = grid.shape[0]
    picture = picture if picture.shape[0] == frames else picture.expand(frames, -1, -1, -1)
    return F.grid_sample(picture, dense.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


class PocketProps(nn.Module):
    """Curves and warped reference, from points and grids; float32 only."""

    def __init__(self) -> None:
        super().__init__()
        self.curves = CurveMaps()

    def forward(self, points: Tensor, full: Tensor, head: Tensor, reference: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Lay out the props of F frames.

        Args:
            points: ``(F, 61, 2)`` fractions.
            full: Sampling grid of all points ``(F, 2, 64, 64)``.
            head: Sampling grid of the head ``(F, 2, 32, 32)``.
            reference: ``(1, 4, S, S)``, colour continued beyond the character's edge.

        Returns:
            Curves ``(F, 37, S/2, S/2)``, full warp ``(F, 4, S, S)``, head warp ``(F, 4, S/2, S/2)``.
        """
        size = reference.shape[-1]
        centres = cell_centres(size // 2, points)
        curves = self.curves(points, centres, centres)
        return curves, _sample(reference, full, size), _sample(reference, head, size // 2)


class PocketComposite(nn.Module):
    """The painter's layers to RGBA; float32 only."""

    def forward(self, layers: Tensor, flow: Tensor, full_warp: Tensor, head: Tensor, reference: Tensor) -> Tensor:
        """Blend the sources of every pixel.

        Args:
            layers: ``(F, 7, S, S)`` of ``PocketPainter``.
            flow: Its residual flow ``(F, 2, S/4, S/4)``.
            full_warp: The full warp ``(F, 4, S, S)``.
            head: Sampling grid of the head ``(F, 2, 32, 32)``.
            reference: ``(1, 4, S, S)``.

        Returns:
            Straight RGBA ``(F, 4, S, S)``, 0..1.
        """
        size = reference.shape[-1]
        shape = (size, size)
        dense = F.interpolate(head, size=shape, mode="bilinear", align_corners=False)
        moved = dense + F.interpolate(flow, size=shape, mode="bilinear", align_corners=False)
        return composite(layers, full_warp, _sample(reference, moved, size)).clamp(0.0, 1.0)
