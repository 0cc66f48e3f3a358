"""What every score of the pocket model is measured with: regions, mean error, and the warp to be beaten."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.networks.warp import sample, thin_plate_flow

EYES, LIPS = (slice(17, 25), slice(25, 33)), slice(35, 43)
"""Rows of ``engine.types.CONTROL_NAMES``: both eyes, and the outer lips."""

MARGIN = 6.0 / 256.0
"""How far a region reaches beyond its points, in fractions of the picture."""

BASELINE_POINTS = (
    *(0, 2, 4, 6, 8),  # contour
    *(9, 10, 11, 12, 13, 14),  # brows
    16,  # nose
    *(35, 37, 39, 41),  # mouth
    *(17, 18, 19, 21, 23),  # left eye: corners, upper lid twice, lower lid
    *(25, 26, 27, 29, 31),  # right eye
    *(33, 34),  # pupils
)
"""The 28 points of the baseline, as rows of ``engine.types.CONTROL_NAMES``."""


def region_masks(points: NDArray[np.float32], size: int) -> dict[str, NDArray[np.bool_]]:
    """Return the boxes of eyes and mouth (6 px of 256 wider than the points) and the whole picture.

    Args:
        points: True points ``(61, 2)``, fractions.
        size: Side of the picture in pixels.

    Returns:
        ``picture``, ``eye`` and ``mouth``: ``(size, size)`` bool.
    """
    masks = {"picture": np.ones((size, size), bool)}
    masks |= {name: np.zeros((size, size), bool) for name in ("eye", "mouth")}
    for name, rows in (("eye", EYES[0]), ("eye", EYES[1]), ("mouth", LIPS)):
        low = np.floor((points[rows].min(0) - MARGIN) * size).astype(int).clip(0, size)
        high = np.ceil((points[rows].max(0) + MARGIN) * size).astype(int).clip(0, size)
        masks[name][low[1] : high[1], low[0] : high[0]] = True
    return masks


def l1_by_region(
    picture: NDArray[np.uint8], truth: NDArray[np.uint8], masks: dict[str, NDArray[np.bool_]]
) -> dict[str, float]:
    """Return the mean absolute difference of two ``(H, W, 3)`` pictures per region, in levels 0..255."""
    difference = np.abs(picture.astype(np.float32) - truth.astype(np.float32)).mean(2)
    return {name: float(difference[mask].mean()) for name, mask in masks.items()}


def baseline_warp(reference: Tensor, reference_points: Tensor, driven: Tensor) -> Tensor:
    """Warp the reference by its landmarks alone: no network, what every network has to beat.

    A thin-plate spline through 28 points and 12 fixed ones on the border, solved at the picture's size.

    Args:
        reference: ``(1, C, S, S)``.
        reference_points: Its points ``(1, 61, 2)``, fractions.
        driven: Where they are to be, ``(1, 61, 2)``.

    Returns:
        ``(1, C, S, S)``, new memory.
    """
    chosen, size = list(BASELINE_POINTS), reference.shape[-1]
    known = torch.ones(1, len(chosen))
    flow = thin_plate_flow(driven[:, chosen], reference_points[:, chosen], known, size)
    return sample(reference, flow, size)
