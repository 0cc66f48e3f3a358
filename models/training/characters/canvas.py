"""A super-sampled RGBA canvas over cv2: polygons in fractions of the picture, clean at sub-pixel moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.characters.curves import Array
from models.training.characters.spec import Rgb

_SHIFT = 6
_ONE = 1 << _SHIFT
SUPERSAMPLING = 2

Pixels = NDArray[np.uint8]


class Canvas:
    """Where a picture is drawn, ``SUPERSAMPLING`` times its size; the fourth channel gathers coverage.

    Args:
        pixels: ``(h, w, 4)`` uint8, drawn on in place.
        scale: Pixels per picture width.
        origin: ``(x, y)`` of the region's corner in pixels of the whole canvas.

    Attributes:
        labels: ``(h, w, 2)`` uint8 or None: what is drawn where ``label`` is set: head (255 or 0) and depth.
        label: What fills and strokes write into ``labels``, or None to leave it alone (small details).
    """

    def __init__(self, pixels: Pixels, scale: float, origin: tuple[int, int] = (0, 0)) -> None:
        self.pixels = pixels
        self.scale = scale
        self.origin = origin
        self.labels: Pixels | None = None
        self.label: tuple[int, int] | None = None

    @classmethod
    def over(cls, backdrop: Pixels) -> "Canvas":
        """Start on a copy of an RGBA backdrop ``(S, S, 4)`` of the super-sampled size, with empty labels."""
        canvas = cls(backdrop.copy(), float(backdrop.shape[0]))
        canvas.labels = np.zeros((*backdrop.shape[:2], 2), np.uint8)
        return canvas

    def fixed(self, points: Array) -> NDArray[np.int32]:
        """Return cv2 fixed-point coordinates of ``points`` (fractions of the picture) on this region."""
        # cv2 puts the centre of pixel 0 at 0, fractions put its edge there: hence the half.
        pixels = points * self.scale - (self.origin[0] + 0.5, self.origin[1] + 0.5)
        return np.asarray(np.rint(pixels * _ONE), np.int32)

    def fill(self, points: Array, colour: Rgb) -> None:
        """Fill one polygon."""
        self.fill_many([points], colour)

    def fill_many(self, polygons: Sequence[Array], colour: Rgb) -> None:
        """Fill polygons with the even-odd rule (a second outline makes a hole)."""
        fixed = [self.fixed(points) for points in polygons]
        cv2.fillPoly(self.pixels, fixed, (*colour, 255), cv2.LINE_AA, _SHIFT)
        if self.labels is not None and self.label is not None:
            cv2.fillPoly(self.labels, fixed, self.label, cv2.LINE_AA, _SHIFT)

    def stroke(self, points: Array, colour: Rgb, width: float, *, closed: bool = False) -> None:
        """Draw a line of ``width`` 1/256 of the picture; nothing when it is 0."""
        if width <= 0:
            return
        thickness = max(1, round(width * self.scale / 256))
        fixed = [self.fixed(points)]
        cv2.polylines(self.pixels, fixed, closed, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)
        if self.labels is not None and self.label is not None:
            cv2.polylines(self.labels, fixed, closed, self.label, thickness, cv2.LINE_AA, _SHIFT)

    def mask(self, points: Array) -> Pixels:
        """Return ``(h, w)`` uint8 coverage of a polygon on this region."""
        result = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(result, [self.fixed(points)], 255, cv2.LINE_AA, _SHIFT)
        return result

    @contextmanager
    def clipped(self, points: Array, opacity: float = 1.0) -> Iterator["Canvas"]:
        """Give a canvas whose drawing ends up inside the polygon only, mixed in with ``opacity``."""
        region = self.region(points)
        if region is None:
            yield Canvas(np.zeros((1, 1, 4), np.uint8), self.scale, (1 << 20, 1 << 20))
            return
        layer = Canvas(region.pixels.copy(), self.scale, region.origin)
        yield layer
        weight = cv2.multiply(region.mask(points), opacity / 255.0, dtype=cv2.CV_32F)
        region.mix(layer.pixels, weight)

    def region(self, points: Array, margin: int = 2) -> "Canvas | None":
        """Return a canvas that shares the pixels around ``points``, or None when they are all outside."""
        x, y = self.origin
        low = np.floor(points.min(0) * self.scale).astype(int) - margin
        high = np.ceil(points.max(0) * self.scale).astype(int) + margin
        left, top = max(low[0] - x, 0), max(low[1] - y, 0)
        right, bottom = min(high[0] - x, self.pixels.shape[1]), min(high[1] - y, self.pixels.shape[0])
        if right <= left or bottom <= top:
            return None
        return Canvas(self.pixels[top:bottom, left:right], self.scale, (int(x + left), int(y + top)))

    def mix(self, over: Pixels, weight: NDArray[np.float32]) -> None:
        """Replace this region by ``over`` where ``weight (h, w)`` is 1."""
        self.pixels[:] = cv2.blendLinear(over, np.ascontiguousarray(self.pixels), weight, 1.0 - weight)

    def tint(self, colour: Rgb, weight: NDArray[np.float32]) -> None:
        """Mix a colour into the whole region by a coarse weight map ``(a, b)``, stretched over it."""
        height, width = self.pixels.shape[:2]
        full = cv2.resize(weight, (width, height), interpolation=cv2.INTER_LINEAR)
        solid = np.empty_like(self.pixels)
        solid[:] = (*colour, 255)
        self.mix(solid, full)

    def grid(self, cells: int = 24) -> tuple[Array, Array]:
        """Return ``x (1, b)`` and ``y (a, 1)`` in fractions of the picture for a coarse weight map."""
        height, width = self.pixels.shape[:2]
        across, down = min(cells, width), min(cells, height)
        x = ((np.arange(across) + 0.5) * width / across + self.origin[0]) / self.scale
        y = ((np.arange(down) + 0.5) * height / down + self.origin[1]) / self.scale
        return x[None], y[:, None]

    def glow(self, centre: Array, radius: tuple[float, float], colour: Rgb, strength: float) -> None:
        """Airbrush a soft spot (fractions of the picture); clip it first."""
        x, y = self.grid()
        squared = ((x - centre[0]) / radius[0]) ** 2 + ((y - centre[1]) / radius[1]) ** 2
        self.tint(colour, (strength * np.exp(-squared)).astype(np.float32))

    def ramp(self, start: Array, end: Array, colour: Rgb, strength: float) -> None:
        """Airbrush a linear gradient: nothing at ``start``, ``strength`` at ``end`` and beyond."""
        x, y = self.grid()
        axis = end - start
        along = ((x - start[0]) * axis[0] + (y - start[1]) * axis[1]) / max(float(axis @ axis), 1e-9)
        eased = np.clip(along, 0.0, 1.0)
        self.tint(colour, (strength * eased * eased * (3 - 2 * eased)).astype(np.float32))

    def reduced(self) -> tuple[Pixels, NDArray[np.float32]]:
        """Return ``(S, S, 3)`` uint8 and coverage ``(S, S)`` float32 at the picture's size."""
        size = self.pixels.shape[0] // SUPERSAMPLING
        small = cv2.resize(self.pixels, (size, size), interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(small[..., :3]), small[..., 3].astype(np.float32) / np.float32(255)
