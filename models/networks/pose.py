"""What follows from a frame's control points alone: the conditions that travel with its row."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.followers import Followers
from models.networks.geometry import CurveMaps, cell_centres, heat_maps
from models.networks.layered_warp import FLOW_GRID, LayerFlows, cut_layers, layer_masks
from models.networks.pocket import LATENT_STRIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseInputs:
    """What follows from points alone, for frames in one line (F = B * frames); no gradients.

    Attributes:
        heat: ``(F, 61, h, w)``.
        flows: Displacements of the three layers ``(F, 6, 64, 64)``, for the decoder.
        lids: Edges of the lashes, at rest and now, ``(F, 4, 5, 2)``, for the decoder.
        cut_flow: One displacement for all of it, cut like the layers, ``(F, 2, 64, 64)``, for the denoiser.
        points: ``(F, 61, 2)``.
    """

    heat: Tensor
    flows: Tensor
    lids: Tensor
    cut_flow: Tensor
    points: Tensor


class PoseMaker(torch.nn.Module):
    """Computes everything that coordinates determine; float32 only."""

    def __init__(self) -> None:
        super().__init__()
        self._curves = CurveMaps()
        self._flows = LayerFlows()

    def forward(self, points: Tensor, scores: Tensor, reference_points: Tensor, size: int) -> PoseInputs:
        """Return the inputs of F frames.

        Args:
            points: Where the avatar's points should be, ``(F, 61, 2)`` fractions.
            scores: Which of them are known, ``(F, 61)``.
            reference_points: Where they are in the reference, ``(F or 1, 61, 2)``.
            size: Side of the picture in pixels.
        """
        return self.pose(points, scores, Followers(reference_points), size)

    @torch.no_grad()
    def pose(self, points: Tensor, scores: Tensor, followers: Followers, size: int) -> PoseInputs:
        """Return the same for a reference whose followers are known: one avatar's, frame after frame.

        Cost: about 2.7 ms of one core per frame at 256x256.
        """
        cells = size // LATENT_STRIDE
        flows, lids = self._flows(points, scores, followers)
        centres = cell_centres(FLOW_GRID, points)
        masks = layer_masks(self._curves(points, centres, centres), FLOW_GRID, FLOW_GRID)
        upper, lower, inner = flows.chunk(3, dim=1)
        return PoseInputs(
            heat=heat_maps(points, scores, cells, cells),
            flows=flows,
            lids=lids,
            cut_flow=cut_layers(upper, lower, inner, masks),
            points=points,
        )
