"""Latents and a row's points to a picture: the pocket painter between its two float32 ends.

``PocketProps`` lays out what the painter needs (curves, warped reference) and ``PocketComposite`` blends what
it made. Both work on coordinates, which half precision would move by a pixel, so they stay in float32 while
the painter itself may run in bfloat16: three networks, in this order.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.geometry import CurveMaps, cell_centres
from models.networks.layered_warp import cut_layers, layer_masks
from models.networks.lids import lid_mask, shut_lids
from models.networks.pocket import composite
from models.networks.resize import resized
from models.networks.warp import sample_at, sampling_grids


class PocketProps(nn.Module):
    """Curves and warped reference, from points and displacements; float32 only."""

    def __init__(self) -> None:
        super().__init__()
        self.curves = CurveMaps()

    def forward(
        self, points: Tensor, flows: Tensor, lids: Tensor, skin: Tensor, reference: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Lay out the props of F frames.

        Args:
            points: ``(F, 61, 2)`` fractions.
            flows: Displacements of the three layers ``(F, 6, 64, 64)``.
            lids: Edges of the lashes, at rest and now, ``(F, 4, 5, 2)``.
            skin: Colour of the lids, ``(F, 4)``.
            reference: ``(1, 4, S, S)``, colour continued beyond the character's edge.

        Returns:
            Curves ``(F, 37, S/2, S/2)``, layered warp ``(F, 4, S, S)``, inner warp ``(F, 4, S/2, S/2)``.
        """
        size = reference.shape[-1]
        centres = cell_centres(size // 2, points)
        curves = self.curves(points, centres, centres)
        upper, lower, inner = (sample_at(reference, grid) for grid in sampling_grids(flows, size).unbind(1))
        upper = shut_lids(upper, skin, lid_mask(lids, centres, centres, size))
        layered = cut_layers(upper, lower, inner, layer_masks(curves, size, size))
        return curves, layered, F.avg_pool2d(inner, 2)


class PocketComposite(nn.Module):
    """The painter's layers to RGBA; float32 only."""

    def forward(
        self, layers: Tensor, flow: Tensor, layered: Tensor, flows: Tensor, reference: Tensor
    ) -> Tensor:
        """Blend the sources of every pixel.

        Args:
            layers: ``(F, 7, S, S)`` of ``PocketPainter``.
            flow: Its residual flow ``(F, 2, S/4, S/4)``.
            layered: The layered warp ``(F, 4, S, S)``.
            flows: Displacements of the three layers ``(F, 6, 64, 64)``.
            reference: ``(1, 4, S, S)``.

        Returns:
            Straight RGBA ``(F, 4, S, S)``, 0..1.
        """
        # Both displacements are smooth: they are added at the residual's size.
        flow = flow + resized(flows[:, 4:], *flow.shape[-2:])
        moved = sample_at(reference, sampling_grids(flow, reference.shape[-1])[:, 0])
        return composite(layers, layered, moved).clamp(0.0, 1.0)
