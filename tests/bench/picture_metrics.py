"""Picture metrics of the quality bench: errors by region, flicker, openings measured back from pictures."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.pocket.metrics import (
    BASELINE_POINTS,
    EYES,
    LIPS,
    baseline_warp,
    l1_by_region,
    region_masks,
)

__all__ = [
    "BASELINE_POINTS",
    "EYES",
    "LIPS",
    "OpeningRule",
    "Picture",
    "baseline_warp",
    "l1_by_region",
    "opening",
    "psnr_db",
    "region_masks",
    "second_difference",
]

Picture = NDArray[np.uint8]  # (H, W, 3)


def psnr_db(picture: Picture, truth: Picture, mask: NDArray[np.bool_]) -> float:
    """Peak signal-to-noise ratio of a region in dB; 108 at most (a mean square of 1e-6)."""
    squared = (picture.astype(np.float32) - truth.astype(np.float32))[mask] ** 2
    return float(10.0 * np.log10(255.0**2 / max(float(squared.mean()), 1e-6)))


def second_difference(pictures: Sequence[Picture]) -> float:
    """Mean ``|p[t-1] - 2 p[t] + p[t+1]|`` over a clip, in levels: shake and flicker."""
    stack = np.stack(pictures).astype(np.float32)
    return float(np.abs(stack[:-2] - 2.0 * stack[1:-1] + stack[2:]).mean())


def _patch(
    picture: Picture, points: NDArray[np.float32], rows: slice, shape: tuple[int, int]
) -> NDArray[np.float32]:
    # The part, turned upright: its corners land on fixed places, whatever the head does.
    size = picture.shape[0]
    left, right = points[rows][0] * size, points[rows][4] * size
    across = right - left
    down = np.array([-across[1], across[0]])
    down *= max(1.0, 10.0 / max(float(np.hypot(*across)), 1e-3))
    source = np.float32(
        [
            left - 0.2 * across - 0.65 * down,
            right + 0.2 * across - 0.65 * down,
            left - 0.2 * across + 0.65 * down,
        ]
    )
    # Drawn twice as large and blurred by a pixel of the result: a lip that moves by less than a pixel then
    # changes the patch little by little.
    width, height = 2 * shape[0], 2 * shape[1]
    target = np.float32([[0, 0], [width, 0], [0, height]])
    transform = cv2.getAffineTransform(source, target)
    large = cv2.warpAffine(picture, transform, (width, height), borderMode=cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(large.astype(np.float32) / 255.0, (0, 0), 2.0)
    return cv2.resize(blurred, shape, interpolation=cv2.INTER_AREA)


def opening(points: NDArray[np.float32], rows: slice) -> float:
    """Return the gap between the middles of upper and lower curve over the part's width.

    Args:
        points: Control points ``(61, 2)``, fractions.
        rows: Eight points of one part: left corner, upper curve, right corner, lower curve.
    """
    part = points[rows]
    width = float(np.hypot(*(part[4] - part[0])))
    return float(np.hypot(*(part[6] - part[2]))) / max(width, 1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class OpeningRule:
    """Reads an opening back from a picture: kernel ridge regression on the upright patch, per character.

    The kernel is a broad Gaussian, since a lip's place is no linear function of pixels, plus a linear one,
    which goes on where the Gaussian would fall back to the mean.

    Attributes:
        mean: Mean patch, flattened.
        patches: The fitted patches less their mean ``(n, pixels)``.
        norms: Squared norms of ``patches``.
        weights: Regression weights ``(n,)``.
        bias: Mean opening.
        spread: Mean of ``norms``, which makes the kernel independent of contrast.
        rows: The part's control points.
    """

    mean: NDArray[np.float32]
    patches: NDArray[np.float32]
    norms: NDArray[np.float32]
    weights: NDArray[np.float32]
    bias: float
    spread: float
    rows: slice

    SHAPE = (24, 24)
    NARROWNESS = 0.05  # of the Gaussian, times 1 / spread

    @classmethod
    def fit(
        cls,
        pictures: Sequence[Picture],
        points: Sequence[NDArray[np.float32]],
        rows: slice,
        ridge: float = 1e-3,
    ) -> "OpeningRule":
        """Fit on true renders whose points are known."""
        patches = np.stack([cls._features(one, at, rows) for one, at in zip(pictures, points, strict=True)])
        target = np.array([opening(at, rows) for at in points])
        mean, bias = patches.mean(0), float(target.mean())
        centred = patches - mean
        norms = np.square(centred).sum(1)
        spread = float(norms.mean())
        gram = _kernel(centred @ centred.T, norms[:, None] + norms, spread, cls.NARROWNESS)
        weights = np.linalg.solve(gram + ridge * np.eye(len(gram)), target - bias)
        return cls(mean, centred, norms, weights.astype(np.float32), bias, spread, rows)

    @classmethod
    def _features(cls, picture: Picture, points: NDArray[np.float32], rows: slice) -> NDArray[np.float32]:
        return _patch(picture, points, rows, cls.SHAPE).reshape(-1)

    def measure(self, picture: Picture, points: NDArray[np.float32]) -> float:
        """Return the opening seen in ``picture``; ``points`` only place the patch (its two corners)."""
        patch = self._features(picture, points, self.rows) - self.mean
        norms = self.norms + patch @ patch
        return (
            float(_kernel(self.patches @ patch, norms, self.spread, self.NARROWNESS) @ self.weights)
            + self.bias
        )


def _kernel(
    products: NDArray[np.float32], norms: NDArray[np.float32], spread: float, narrowness: float
) -> NDArray[np.float64]:
    distances = np.maximum(norms - 2.0 * products, 0.0)  # rounding may take them below 0
    return (np.exp(-narrowness / spread * distances) + products / spread).astype(np.float64)
