"""The reference in three layers that move apart: above lids and lips, below them, and between.

One smooth warp cannot shut an eye: both lids come to lie on one line, and everything between them folds over.
So the face is cut along its lids and lips, as puppeteers cut theirs: skin, crease and lashes above follow the
upper curves, everything below follows the lower ones, and the eyeball between them turns with the pupil. Each
layer is a thin-plate spline of its own and smooth; the curves say which layer a pixel belongs to. Float32
only; used once per frame, on any thread.
"""

import torch
from torch import Tensor, nn

from models.networks.followers import (
    HELPER_SOURCES,
    NUM_CREASES,
    NUM_LASHES,
    NUM_PLACED,
    NUM_RINGS,
    SHOULDERS,
    Followers,
)
from models.networks.geometry import NEAR_PX, NUM_CURVES, NUM_POINTS, PIXELS, WINDOW_PX
from models.networks.resize import doubled
from models.networks.warp import KNOWN, border_points, thin_plate_flows

FLOW_GRID = 64
"""Cells a side of the displacement fields."""

# Rows of engine.types.CONTROL_NAMES.
UPPER_PARTS = (18, 19, 20, 26, 27, 28, 36, 37, 38, 44, 45, 46)
LOWER_PARTS = (22, 23, 24, 30, 31, 32, 40, 41, 42, 48, 49, 50)
MOUTH_CORNERS = (43, 47)
PUPILS = (33, 34)
# Elbows and wrists: arms hang unseen in most references, so a warp would drag the body after them.
ARMS = (57, 58, 59, 60)


# Of CurveMaps, for left eye, right eye and mouth (its inner lips): upper curves, lower ones, their windows.
_UPPER_CURVES, _LOWER_CURVES = (0, 2, 6), (1, 3, 7)
_MASK_MAPS = (_UPPER_CURVES, _LOWER_CURVES, tuple(2 * NUM_CURVES + curve for curve in _UPPER_CURVES))

_UPPER, _LOWER, _INNER = range(3)  # the layers
_LOW_EDGE = 0.99


def _carries() -> Tensor:
    """Return which points and helpers may carry each layer, ``(3, 61 + 43)``."""
    carries = torch.ones(3, NUM_PLACED, dtype=torch.bool)
    lashes = list(range(NUM_POINTS, NUM_POINTS + NUM_LASHES))
    rings = list(range(lashes[-1] + 1, lashes[-1] + 1 + NUM_RINGS))
    creases = list(range(rings[-1] + 1, rings[-1] + 1 + NUM_CREASES))
    carries[:, list(ARMS)] = False
    carries[_UPPER, [*LOWER_PARTS, *PUPILS, *rings]] = False
    carries[_LOWER, [*UPPER_PARTS, *PUPILS, *lashes, *rings, *creases]] = False
    carries[_INNER, [*UPPER_PARTS, *LOWER_PARTS, *MOUTH_CORNERS, *lashes, *creases]] = False
    return carries


class LayerFlows(nn.Module):
    """The displacements of the three layers, from coordinates; float32 only.

    Cost: about 1.7 ms of one core per frame.
    """

    _sources: Tensor
    _carries: Tensor
    _border: Tensor
    _is_low: Tensor

    def __init__(self) -> None:
        super().__init__()
        own = [(row, row, row) for row in range(NUM_POINTS)]
        border = border_points()
        tables = {
            # A helper is as certain as the points that it follows: the least of them counts.
            "_sources": torch.tensor([*own, *HELPER_SOURCES]).T.flatten(),
            "_carries": _carries(),
            "_border": border[None],
            "_is_low": border[:, 1] > _LOW_EDGE,
        }
        for name, table in tables.items():
            self.register_buffer(name, table, persistent=False)

    def forward(self, points: Tensor, scores: Tensor, followers: Followers) -> tuple[Tensor, Tensor]:
        """Return displacements and what else follows from points.

        Args:
            points: Where the avatar's points should be, ``(F, 61, 2)`` fractions.
            scores: Which of them are known, ``(F, 61)``.
            followers: Of the reference.

        Returns:
            ``(F, 6, 64, 64)`` in half pictures: x and y of the upper layer, of the lower one, and of the
            inner one, which follows head and pupils but neither lids nor lips; and the edges of lashes,
            ``(F, 4, 5, 2)`` of ``Followers.of``. New memory.
        """
        placed, lids = followers.of(points)
        driven = torch.cat([placed, self._border.expand(len(placed), -1, -1)], dim=1)
        at_rest = followers.at_rest
        reference = torch.cat([at_rest, self._border.expand(len(at_rest), -1, -1)], dim=1)
        return thin_plate_flows(driven, reference, self._certain(scores), FLOW_GRID).flatten(1, 2), lids

    def _certain(self, scores: Tensor) -> Tensor:
        """Return which points carry each layer, the border's last, ``(F, 3, 61 + 43 + 12)``, 0 or 1."""
        known = scores.index_select(1, self._sources).reshape(-1, 3, NUM_PLACED).amin(1) >= KNOWN
        # The border is held, but for the lower edge: there the trunk leaves the picture, and moves with the
        # shoulders as far as they are known.
        leaves = self._is_low & (scores[:, SHOULDERS[0] : SHOULDERS[1] + 1].amin(1, keepdim=True) >= KNOWN)
        carried = known[:, None] & self._carries
        held = (~leaves)[:, None].expand(-1, 3, -1)
        return torch.cat([carried, held], dim=2).to(scores.dtype)


def layer_masks(curves: Tensor, size: int, picture_size: int) -> tuple[Tensor, Tensor]:
    """Return where the lower layer lies, and where the inner one, each ``(F, 1, size, size)``, 0..1.

    Args:
        curves: ``(F, 37, h, w)`` of ``CurveMaps``, of ``size`` or half of it; distances can be interpolated.
        size: Pixels a side of the picture to be cut, or of a part of it.
        picture_size: Pixels a side of the whole picture; an eyeball's edge is one pixel soft.
    """
    scale = picture_size / PIXELS
    upper, lower, window = (torch.cat([curves[:, i : i + 1] for i in rows], dim=1) for rows in _MASK_MAPS)
    # A mask is a distance in pixels, cut off at 0 and 1; the least of two is where both are. Beside the
    # corners upper and lower layer agree: they are faded into each other, lest a seam runs down the cheek.
    fade = torch.where(window < 1.0, 0.5 * window + 0.5, NEAR_PX * scale + 0.5)  # where it ends, no limit
    below = torch.minimum(lower * (NEAR_PX * scale) + 0.5, fade)
    below = torch.maximum(torch.maximum(below[:, 0:1], below[:, 1:2]), below[:, 2:3])
    inside = torch.minimum(torch.minimum(upper, -lower) * NEAR_PX, window * WINDOW_PX)
    inside = torch.maximum(inside[:, 0:1], inside[:, 1:2])  # of the eyes; a mouth's inside has to be painted
    maps = torch.cat([below, inside * scale + 0.5], dim=1)
    if maps.shape[-1] != size:
        maps = doubled(maps)
    maps = maps.clamp(0.0, 1.0)
    return maps[:, :1], maps[:, 1:]


def cut_layers(upper: Tensor, lower: Tensor, inner: Tensor, masks: tuple[Tensor, Tensor]) -> Tensor:
    """Put the layers together: ``(F, C, S, S)`` each, masks of ``layer_masks``. New memory."""
    below, between = masks
    outer = torch.lerp(upper, lower, below)
    return torch.lerp(outer, inner, between)
