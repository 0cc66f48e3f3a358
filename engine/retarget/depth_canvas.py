"""Depth of an avatar's own points as a picture, for networks that take depth as a condition.

No camera pixel goes in: the map is spread from the avatar's control points, whose depths are known
(``types.Avatar.depth``), and falls off to the background. As with MiDaS (arXiv:1907.01341), near is bright.
Pure. Thread: any.
"""

import numpy as np
from numpy.typing import NDArray

from engine.types import Control, Scores

_GRID = 32  # cells a side that are computed; the map is smooth
_REACH = 0.07  # of a point, standard deviation in pictures
_BACKGROUND = 0.05  # weight of the background everywhere, against 1 at a point
_FARTHEST = 0.3  # brightness of the point farthest away; the background has 0


def draw_depth(control: Control, depth: Scores, size_px: int) -> NDArray[np.uint8]:
    """Return a depth picture of a control.

    Args:
        control: Where the avatar's points are; points with a score of 0 are left out.
        depth: Their depths at rest ``(61,)``, larger is nearer, in any unit.
        size_px: Side of the picture.

    Returns:
        ``(S, S, 3)``, three equal channels; black where there is no point to tell.
    """
    centres = (np.arange(_GRID, dtype=np.float32) + 0.5) / _GRID
    across = np.square(centres[None, :] - control.points[:, :1])  # (61, cells)
    down = np.square(centres[None, :] - control.points[:, 1:])
    weights = np.exp(-(down[:, :, None] + across[:, None, :]) / (2 * _REACH**2))
    weights *= (control.scores > 0)[:, None, None]
    span = max(float(np.ptp(depth)), 1e-6)
    brightness = _FARTHEST + (1.0 - _FARTHEST) * (depth - depth.min()) / span
    total = weights.sum(0) + _BACKGROUND
    cells = (weights * brightness[:, None, None]).sum(0) / total
    return _enlarged(cells, size_px)


def _enlarged(cells: NDArray[np.float32], size_px: int) -> NDArray[np.uint8]:
    places = np.clip((np.arange(size_px) + 0.5) / size_px * _GRID - 0.5, 0, _GRID - 1)
    lower = np.minimum(places.astype(np.intp), _GRID - 2)
    share = (places - lower)[:, None]
    tall = cells[lower] * (1 - share) + cells[lower + 1] * share  # (S, cells)
    wide = tall[:, lower] * (1 - share.T) + tall[:, lower + 1] * share.T
    grey = (wide * 255.0 + 0.5).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)
