"""How a sink brings a picture to its own size; the session hands in ``engine.post.letterbox.letterbox``."""

from typing import Protocol

from engine.types import RgbImage


class Fit(Protocol):
    """Fits a picture into a frame without cutting or stretching it."""

    def __call__(self, rgb: RgbImage, width: int, height: int, out: RgbImage | None = None) -> RgbImage:
        """Return ``(height, width, 3)``; in ``out`` when it is given."""
        ...
