"""From the last picture of one avatar to those of the next, over a time of the show. Thread: the worker's."""

import numpy as np

from engine.types import RgbImage


class Dissolve:
    """Lays the last picture, ever fainter, over those that follow.

    Args:
        duration_s: How long it takes, in media time, >= 0; 0 is a cut.
    """

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._newest: RgbImage | None = None
        self._leaving: RgbImage | None = None
        self._from_s: float | None = None

    def begin(self) -> None:
        """Take the newest picture as the one to leave; the time runs from the next picture on."""
        if self._duration_s > 0.0:
            self._leaving, self._from_s = self._newest, None

    def __call__(self, rgb: RgbImage, media_s: float) -> RgbImage:
        """Return the picture with what is left of the old one over it.

        Args:
            rgb: ``(H, W, 3)`` uint8; not written.
            media_s: Its time; one that goes back counts as standing still.
        """
        shown = rgb if self._leaving is None else self._over(rgb, media_s, self._leaving)
        self._newest = shown
        return shown

    def _over(self, rgb: RgbImage, media_s: float, leaving: RgbImage) -> RgbImage:
        if self._from_s is None:
            self._from_s = media_s
        share = max(0.0, media_s - self._from_s) / self._duration_s
        if share >= 1.0 or leaving.shape != rgb.shape:
            self._leaving = None
            return rgb
        blend = leaving + (rgb.astype(np.float32) - leaving) * np.float32(share)
        return (blend + 0.5).astype(np.uint8)
