"""A super-sampled RGBA canvas over cv2: polygons in fractions of the picture, clean at sub-pixel moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
from numpy.typing import NDArray

from models.training.characters.curves import Array
from models.training.characters.spec import Rgb

SUPERSAMPLING = 2
_SHIFT = 6
_ONE = 1 << _SHIFT
_CELL = 6  # pixels of the super-sampled canvas a cell of an airbrushed map is wide
_MOST_CELLS = 48
_FAR = 1 << 20  # origin of a canvas that nothing can reach

Pixels = NDArray[np.uint8]
Weights = NDArray[np.float32]


class Canvas:
    """Where a picture is drawn, ``SUPERSAMPLING`` times its size; the fourth channel gathers coverage.

    Airbrushing (``glow``, ``ramp``) gathers on a coarse grid and is laid down at once before the next fill.

    Args:
        pixels: ``(h, w, 4)`` uint8, drawn on in place.
        scale: Pixels per picture width.
        origin: ``(x, y)`` of the region's corner in pixels of the whole canvas.

    Attributes:
        labels: ``(S, S, 2)`` uint8, at the picture's own size, or None: what is drawn while ``label`` is set:
            head (255 or 0) and depth.
        label: What fills write into ``labels``, or None to leave it alone (small details).
    """

    def __init__(self, pixels: Pixels, scale: float, origin: tuple[int, int] = (0, 0)) -> None:
        self.pixels = pixels
        self.scale = scale
        self.origin = origin
        self.labels: Pixels | None = None
        self.label: tuple[int, int] | None = None
        self._sprayed: list[tuple[Array, Rgb]] = []
        # cv2 puts the centre of pixel 0 at 0, fractions put its edge there: hence the half.
        self._offset = np.array([origin[0] + 0.5, origin[1] + 0.5]) * _ONE

    @classmethod
    def over(cls, backdrop: Pixels) -> "Canvas":
        """Start on a copy of an RGBA backdrop ``(S, S, 4)`` of the super-sampled size, with empty labels."""
        canvas = cls(backdrop.copy(), float(backdrop.shape[0]))
        size = backdrop.shape[0] // SUPERSAMPLING
        canvas.labels = np.zeros((size, size, 2), np.uint8)
        return canvas

    def fixed(self, points: Array) -> NDArray[np.int32]:
        """Return cv2 fixed-point coordinates of ``points`` (fractions of the picture) on this region."""
        result: NDArray[np.int32] = np.rint(points * (self.scale * _ONE) - self._offset).astype(np.int32)
        return result

    def _label(self, polygons: Sequence[Array]) -> None:
        if self.labels is None or self.label is None:
            return
        size = self.labels.shape[0]
        fixed = [np.rint((points * size - 0.5) * _ONE).astype(np.int32) for points in polygons]
        cv2.fillPoly(self.labels, fixed, self.label, cv2.LINE_AA, _SHIFT)

    def fill(self, points: Array, colour: Rgb) -> None:
        """Fill one polygon."""
        self.fill_many([points], colour)

    def fill_many(self, polygons: Sequence[Array], colour: Rgb) -> None:
        """Fill polygons with the even-odd rule (a second outline makes a hole)."""
        if self._sprayed:
            self.settle()
        fixed = [self.fixed(points) for points in polygons]
        cv2.fillPoly(self.pixels, fixed, (*colour, 255), cv2.LINE_AA, _SHIFT)
        self._label(polygons)

    def veil(self, points: Array, colour: Rgb, opacity: float) -> None:
        """Fill one polygon with a translucent colour; it leaves coverage and labels alone."""
        region = self.region(points)
        if region is None:
            return
        if self._sprayed:
            self.settle()
        over = Canvas(region.pixels.copy(), self.scale, region.origin)
        cv2.fillPoly(over.pixels, [over.fixed(points)], (*colour, 255), cv2.LINE_AA, _SHIFT)
        coverage = region.pixels[..., 3].copy()
        region.pixels[:] = cv2.addWeighted(over.pixels, opacity, region.pixels, 1 - opacity, 0)
        region.pixels[..., 3] = coverage

    def stroke(self, points: Array, colour: Rgb, width: float, *, closed: bool = False) -> None:
        """Draw a line of ``width`` 1/256 of the picture; nothing when it is 0."""
        if width <= 0:
            return
        if self._sprayed:
            self.settle()
        thickness = max(1, round(width * self.scale / 256))
        fixed = [self.fixed(points)]
        cv2.polylines(self.pixels, fixed, closed, (*colour, 255), thickness, cv2.LINE_AA, _SHIFT)

    def mask(self, points: Array) -> Pixels:
        """Return ``(h, w)`` uint8 coverage of a polygon on this region."""
        result = np.zeros(self.pixels.shape[:2], np.uint8)
        cv2.fillPoly(result, [self.fixed(points)], 255, cv2.LINE_AA, _SHIFT)
        return result

    @contextmanager
    def clipped(self, points: Array, opacity: float = 1.0) -> Iterator["Canvas"]:
        """Give a canvas whose drawing ends up inside the polygon only, mixed in with ``opacity``."""
        if self._sprayed:
            self.settle()
        region = self.region(points)
        if region is None:
            yield Canvas(np.zeros((1, 1, 4), np.uint8), self.scale, (_FAR, _FAR))
            return
        layer = Canvas(region.pixels.copy(), self.scale, region.origin)
        yield layer
        layer.settle()
        region.mix(layer.pixels, region.mask(points) * np.float32(opacity / 255))

    def region(self, points: Array, margin: int = 2) -> "Canvas | None":
        """Return a canvas that shares the pixels around ``points``, or None when they are all outside."""
        x, y = self.origin
        low, high = points.min(0) * self.scale, points.max(0) * self.scale
        left, top = max(int(low[0]) - margin - x, 0), max(int(low[1]) - margin - y, 0)
        right = min(int(high[0]) + 1 + margin - x, self.pixels.shape[1])
        bottom = min(int(high[1]) + 1 + margin - y, self.pixels.shape[0])
        if right <= left or bottom <= top:
            return None
        return Canvas(self.pixels[top:bottom, left:right], self.scale, (x + left, y + top))

    def mix(self, over: Pixels, weight: Weights) -> None:
        """Replace this region by ``over`` where ``weight (h, w)`` is 1."""
        self.pixels[:] = cv2.blendLinear(over, self.pixels, weight, 1 - weight)

    def spray(self, weight: Array, colour: Rgb) -> None:
        """Mix a colour into the region by a coarse weight map from ``grid``; laid down by ``settle``."""
        self._sprayed.append((weight, colour))

    def settle(self) -> None:
        """Lay down what was airbrushed so far."""
        if not self._sprayed:
            return
        left = np.ones(self._sprayed[0][0].shape)
        gathered = np.zeros((*left.shape, 3))
        for weight, colour in self._sprayed:
            keep = 1 - weight
            gathered = gathered * keep[..., None] + weight[..., None] * colour
            left *= keep
        self._sprayed.clear()
        height, width = self.pixels.shape[:2]
        share = (1 - left).astype(np.float32)
        coarse = np.full((*left.shape, 4), 255, np.uint8)
        coarse[..., :3] = np.clip(gathered / np.maximum(share, 1e-4)[..., None], 0, 255)
        over = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
        self.mix(
            np.asarray(over, np.uint8), cv2.resize(share, (width, height)).astype(np.float32, copy=False)
        )

    def grid(self) -> tuple[Array, Array]:
        """Return ``x (1, b)`` and ``y (a, 1)`` in fractions of the picture for a coarse weight map."""
        height, width = self.pixels.shape[:2]
        across, down = min(width // _CELL + 1, _MOST_CELLS), min(height // _CELL + 1, _MOST_CELLS)
        x = ((np.arange(across) + 0.5) * (width / across) + self.origin[0]) / self.scale
        y = ((np.arange(down) + 0.5) * (height / down) + self.origin[1]) / self.scale
        return x[None], y[:, None]

    def glow(self, centre: Array, radius: tuple[float, float], colour: Rgb, strength: float) -> None:
        """Airbrush a soft spot (fractions of the picture)."""
        x, y = self.grid()
        across = np.exp(-(((x - centre[0]) / radius[0]) ** 2))
        self.spray(strength * across * np.exp(-(((y - centre[1]) / radius[1]) ** 2)), colour)

    def ramp(self, start: Array, end: Array, colour: Rgb, strength: float) -> None:
        """Airbrush a linear gradient: nothing at ``start``, ``strength`` at ``end`` and beyond."""
        x, y = self.grid()
        axis = (end - start) / max(float((end - start) @ (end - start)), 1e-9)
        eased = np.clip((x - start[0]) * axis[0] + (y - start[1]) * axis[1], 0.0, 1.0)
        self.spray(strength * eased * eased * (3 - 2 * eased), colour)

    def haze(self, points: Array, blur: float, colour: Rgb, strength: float) -> None:
        """Airbrush a polygon with a soft edge of ``blur`` (fractions of the picture)."""
        height, width = self.pixels.shape[:2]
        x, y = self.grid()
        cells = np.array([x.shape[1] / width, y.shape[0] / height])
        at = (points * self.scale - self.origin) * cells - 0.5
        soft = np.zeros((y.shape[0], x.shape[1]), np.uint8)
        cv2.fillPoly(soft, [np.rint(at * _ONE).astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        sigma = max(blur * self.scale * float(cells[0]), 0.5)
        self.spray(cv2.GaussianBlur(soft, (0, 0), sigma).astype(np.float64) * (strength / 255), colour)

    def reduced(self) -> tuple[Pixels, Weights]:
        """Return ``(S, S, 3)`` uint8 and coverage ``(S, S)`` float32 at the picture's size."""
        if self._sprayed:
            self.settle()
        size = self.pixels.shape[0] // SUPERSAMPLING
        small = cv2.resize(self.pixels, (size, size), interpolation=cv2.INTER_AREA)
        coverage = small[..., 3].astype(np.float32) * np.float32(1 / 255)
        return np.asarray(cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), np.uint8), coverage
