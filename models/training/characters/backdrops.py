"""What is behind the character: drawn once per character and size, then copied."""

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from models.training.characters.canvas import SUPERSAMPLING, Canvas, Pixels
from models.training.characters.colours import mix
from models.training.characters.curves import Array, ellipse, smooth
from models.training.characters.kinds import BackdropKind
from models.training.characters.spec import Backdrop

_FULL = np.array([(-0.1, -0.1), (1.1, -0.1), (1.1, 1.1), (-0.1, 1.1)])


def _box(left: float, top: float, right: float, bottom: float) -> Array:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _solid(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    del canvas, drop, rng


def _gradient(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    angle = rng.uniform(0, np.pi)
    axis = 0.5 * np.array([np.cos(angle), np.sin(angle)])
    canvas.ramp(np.array([0.5, 0.5]) - axis, np.array([0.5, 0.5]) + axis, drop.second, 1.0)


def _radial(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    canvas.fill(_FULL, drop.second)
    radius = rng.uniform(0.4, 0.7)
    canvas.glow(np.array([0.5, 0.42]), (radius, radius), drop.third, 1.0)


def _split(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    left, right = rng.uniform(0.2, 0.8, 2)
    canvas.fill(np.array([(-0.1, left), (1.1, right), (1.1, 1.1), (-0.1, 1.1)]), drop.second)


def _stripes(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    count, slope = int(rng.integers(4, 9)), rng.uniform(-0.6, 0.6)
    for index in range(-4, count + 4):
        x = index / count
        band = np.array(
            [(x, -0.1), (x + 0.5 / count, -0.1), (x + 0.5 / count + slope, 1.1), (x + slope, 1.1)]
        )
        canvas.fill(band, mix(drop.first, drop.second, 0.5))


def _dots(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    count = int(rng.integers(5, 9))
    for row in range(count + 1):
        for column in range(count + 1):
            centre = np.array([(column + 0.5 * (row % 2)) / count, row / count])
            canvas.fill(ellipse(centre, 0.2 / count, 0.2 / count), mix(drop.first, drop.third, 0.8))


def _bokeh(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    canvas.ramp(np.array([0.5, 0.0]), np.array([0.5, 1.0]), drop.second, 1.0)
    for _ in range(14):
        centre, radius = rng.uniform(0, 1, 2), rng.uniform(0.02, 0.1)
        canvas.veil(ellipse(centre, radius, radius), drop.third, rng.uniform(0.15, 0.45))
    canvas.settle()
    canvas.pixels[:] = cv2.GaussianBlur(canvas.pixels, (0, 0), canvas.scale * 0.006)


def _room(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    left = rng.uniform(-0.05, 0.1) if rng.random() < 0.5 else rng.uniform(0.6, 0.7)
    canvas.ramp(np.array([0.5, 0.3]), np.array([0.5, 1.1]), drop.second, 0.7)
    canvas.fill(_box(left, 0.08, left + 0.32, 0.55), mix(drop.second, (60, 50, 60), 0.3))
    for row in range(2):
        for column in range(2):
            x, y = left + 0.015 + column * 0.15, 0.095 + row * 0.226
            canvas.fill(_box(x, y, x + 0.14, y + 0.212), drop.third)
    shelf = 0.62 if left < 0.3 else 0.06
    x = shelf
    while x < shelf + 0.3:
        width, height = rng.uniform(0.02, 0.05), rng.uniform(0.12, 0.2)
        hue = mix(mix(drop.second, drop.third, rng.random()), (120, 60, 70), rng.uniform(0, 0.4))
        canvas.fill(_box(x, 0.42 - height, x + width * 0.92, 0.42), hue)
        x += width
    canvas.fill(_box(shelf - 0.02, 0.42, shelf + 0.36, 0.445), mix(drop.second, (60, 40, 40), 0.45))
    canvas.settle()
    canvas.pixels[:] = cv2.GaussianBlur(canvas.pixels, (0, 0), canvas.scale * 0.004)


def _hills(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    canvas.ramp(np.array([0.5, 0.0]), np.array([0.5, 0.6]), drop.third, 1.0)
    for row, share in enumerate((0.35, 0.7, 1.0)):
        top = 0.5 + 0.14 * row + rng.normal(0, 0.05, 6)
        ridge = smooth(np.stack([np.linspace(-0.1, 1.1, 6), top], 1), 40)
        canvas.fill(np.concatenate([ridge, [(1.1, 1.2), (-0.1, 1.2)]]), mix(drop.first, drop.second, share))


def _checker(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    count = int(rng.integers(4, 9))
    for row in range(count):
        for column in range(row % 2, count, 2):
            x, y = column / count, row / count
            canvas.fill(_box(x, y, x + 1 / count, y + 1 / count), mix(drop.first, drop.second, 0.4))


def _noise(canvas: Canvas, drop: Backdrop, rng: np.random.Generator) -> None:
    height, width = canvas.pixels.shape[:2]
    clouds = np.zeros((height, width), np.float32)
    for cells in (3, 6, 12):
        coarse = rng.normal(0, 1.0 / np.sqrt(cells), (cells, cells)).astype(np.float32)
        clouds += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    weight = np.clip(0.5 + 0.5 * clouds, 0, 1).astype(np.float32)
    canvas.mix(np.full_like(canvas.pixels, (*drop.second, 255)), weight)


_PAINTERS: dict[BackdropKind, Callable[[Canvas, Backdrop, np.random.Generator], None]] = {
    BackdropKind.SOLID: _solid,
    BackdropKind.GRADIENT: _gradient,
    BackdropKind.RADIAL: _radial,
    BackdropKind.SPLIT: _split,
    BackdropKind.STRIPES: _stripes,
    BackdropKind.DOTS: _dots,
    BackdropKind.BOKEH: _bokeh,
    BackdropKind.ROOM: _room,
    BackdropKind.HILLS: _hills,
    BackdropKind.CHECKER: _checker,
    BackdropKind.NOISE: _noise,
}


@lru_cache(maxsize=48)
def backdrop(drop: Backdrop, size: int) -> Pixels:
    """Return the super-sampled RGBA backdrop of a picture of ``size`` pixels, coverage 0, read-only."""
    side = size * SUPERSAMPLING
    pixels = np.empty((side, side, 4), np.uint8)
    pixels[:] = (*drop.first, 255)
    canvas = Canvas(pixels, float(side))
    _PAINTERS[drop.kind](canvas, drop, np.random.default_rng(drop.seed))
    canvas.settle()
    pixels[..., 3] = 0
    pixels.setflags(write=False)
    return pixels
