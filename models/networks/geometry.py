"""Named control points as maps: what the pocket networks see of a pose.

Two views of the same coordinates. ``heat_maps`` puts one soft blob on each point (coarse grids).
``CurveMaps`` turns lids, lips, brows and jaw into signed distances at high resolution, so that a network
knows on which side of a lid every pixel lies and need not learn to rasterise. Everything is computed in
float32: half precision moves a coordinate by a pixel.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

NUM_POINTS = 61
PIXELS = 256.0  # distances are measured in 256ths of the picture, whatever its size

# Five knots of each curve, as rows of engine.types.CONTROL_NAMES; a pair means the midpoint of two points.
_Knot = int | tuple[int, int]
_CURVES: tuple[tuple[_Knot, ...], ...] = (
    (17, 18, 19, 20, 21),  # left eye, upper lid
    (17, 24, 23, 22, 21),  # left eye, lower lid
    (25, 26, 27, 28, 29),  # right eye, upper lid
    (25, 32, 31, 30, 29),  # right eye, lower lid
    (35, 36, 37, 38, 39),  # outer lips, upper
    (35, 42, 41, 40, 39),  # outer lips, lower
    (43, 44, 45, 46, 47),  # inner lips, upper
    (43, 50, 49, 48, 47),  # inner lips, lower
    (9, (9, 10), 10, (10, 11), 11),  # left brow
    (12, (12, 13), 13, (13, 14), 14),  # right brow
    (1, 3, 4, 5, 7),  # jaw
)
_PUPILS = (33, 34)
NEAR_PX, _FAR_PX, WINDOW_PX, _PUPIL_PX = 3.0, 16.0, 4.0, 10.0
"""Where the near distances and the windows of ``CurveMaps`` reach 1, in 256ths of the picture."""

NUM_CURVES = len(_CURVES)
NUM_CURVE_MAPS = 3 * NUM_CURVES + 2 * len(_PUPILS)


def _mixing_matrix(curves: Sequence[Sequence[_Knot]]) -> Tensor:
    rows = []
    for knot in (knot for curve in curves for knot in curve):
        row = torch.zeros(NUM_POINTS)
        pair = knot if isinstance(knot, tuple) else (knot, knot)
        row[pair[0]] += 0.5
        row[pair[1]] += 0.5
        rows.append(row)
    return torch.stack(rows)


def heat_maps(points: Tensor, scores: Tensor, height: int, width: int) -> Tensor:
    """Return one Gaussian blob per point, ``(F, K, height, width)``, 0..1.

    Args:
        points: ``(F, K, 2)`` fractions.
        scores: ``(F, K)`` 0..1, the height of each blob.
        height: Rows of the grid.
        width: Columns of the grid; the blob's sigma is 0.03 of the picture.
    """
    sigma = 0.03
    x = (torch.arange(width, dtype=points.dtype, device=points.device) + 0.5) / width
    y = (torch.arange(height, dtype=points.dtype, device=points.device) + 0.5) / height
    across = torch.exp(-0.5 * ((x - points[..., :1]) / sigma) ** 2)  # (F, K, width)
    down = torch.exp(-0.5 * ((y - points[..., 1:]) / sigma) ** 2) * scores[..., None]
    return down[..., :, None] * across[..., None, :]


def cell_centres(count: int, points: Tensor) -> Tensor:
    """Return the centres of ``count`` cells of a whole picture, ``(1, count)``, as ``points``' type."""
    return ((torch.arange(count, dtype=points.dtype, device=points.device) + 0.5) / count)[None]


class CurveMaps(nn.Module):
    """Signed distances to the face's curves, from coordinates.

    Each curve is a piecewise linear function over the line between its two ends. Per curve three maps in
    -1..1: signed distance below the curve, near (3 px of 256) and far (16 px), and a window that is positive
    between the ends. Per pupil two maps: offset in x and y.
    """

    _mixing: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("_mixing", _mixing_matrix(_CURVES), persistent=False)

    def forward(self, points: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Evaluate the maps.

        Args:
            points: ``(F, 61, 2)`` fractions.
            x: Columns' centres ``(F or 1, width)`` in fractions; ``cell_centres`` for a whole picture.
            y: Rows' centres ``(F or 1, height)``.

        Returns:
            ``(F, NUM_CURVE_MAPS, height, width)``, new memory.
        """
        height, width = y.shape[1], x.shape[1]
        knots = (self._mixing @ points).reshape(-1, len(_CURVES), 5, 2)
        distance, window = polyline_distance(knots, x, y)
        pupils = points[:, _PUPILS[0] : _PUPILS[1] + 1]  # (F, 2, 2)
        x, y = x[:, None, None, :], y[:, None, :, None]
        offset_x = (x - pupils[..., 0, None, None]).expand(-1, -1, height, -1) * (PIXELS / _PUPIL_PX)
        offset_y = (y - pupils[..., 1, None, None]).expand(-1, -1, -1, width) * (PIXELS / _PUPIL_PX)
        maps = [distance / NEAR_PX, distance / _FAR_PX, window / WINDOW_PX, offset_x, offset_y]
        return torch.cat(maps, dim=1).clamp(-1.0, 1.0)


def polyline_distance(knots: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Measure how far below curves every place lies, and how far between their ends.

    Each curve is a piecewise linear function over the line between its two ends.

    Args:
        knots: ``(F, n, 5, 2)`` fractions, n curves.
        x: Columns' centres ``(F or 1, width)`` in fractions.
        y: Rows' centres ``(F or 1, height)``.

    Returns:
        Both ``(F, n, height, width)`` in 256ths of the picture: signed distance, positive below; and distance
        to the nearer end, positive between them.
    """
    x, y = x[:, None, None, :], y[:, None, :, None]
    start, span = knots[:, :, 0], knots[:, :, 4] - knots[:, :, 0]
    length = span.square().sum(-1, keepdim=True).clamp_min(1e-6).sqrt()  # (F, n, 1)
    axis = span / length
    local = knots - start[:, :, None]
    along = (local * axis[:, :, None]).sum(-1)  # (F, n, 5)
    below = local[..., 1] * axis[..., :1] - local[..., 0] * axis[..., 1:]
    ax, ay = axis[..., 0, None, None], axis[..., 1, None, None]
    dx, dy = x - start[..., 0, None, None], y - start[..., 1, None, None]
    pixel_along = dx * ax + dy * ay  # (F, n, height, width)
    distance = dy * ax - dx * ay - _polyline(along, below, pixel_along)
    window = torch.minimum(pixel_along, length[..., None] - pixel_along)
    return distance * PIXELS, window * PIXELS


def _polyline(along: Tensor, below: Tensor, pixel_along: Tensor) -> Tensor:
    # f(u) = sum of slope changes times relu(u - u_k): (F, n, 5) knots at (F, n, height, width) positions
    step = (along[..., 1:] - along[..., :-1]).clamp_min(2e-3)
    slope = ((below[..., 1:] - below[..., :-1]) / step).clamp(-4.0, 4.0)
    change = torch.cat([slope[..., :1], slope[..., 1:] - slope[..., :-1]], dim=-1)  # (F, n, 4)
    value = torch.zeros_like(pixel_along)
    for knot in range(change.shape[-1]):
        ramp = (pixel_along - along[..., knot, None, None]).clamp_min(0.0)
        value = value + change[..., knot, None, None] * ramp
    return value
