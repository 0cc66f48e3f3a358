"""Which square of the picture is looked at.

The face detector sees 128x128 pixels of whatever it is given: in a whole 16:9 picture it finds faces wider
than a tenth of the picture's width only (measured), which somebody who leans back is not. In a square of the
picture's height the same face is 1.8 times as large. The body's points, too, are nearer to the truth when
the body fills what is looked at (shoulders by a fifth of their distance, measured). The middle is tried
first, then the sides; where the face was found the window stays, and follows it when it comes near the edge.
In: misses and meshes. Out: a rectangle of pixels. Pure; any one thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.types import RgbImage

_PATIENCE = 2  # frames without a face after which the next window is tried
_MARGIN = 0.04  # of the window's side: a face nearer to the edge moves the window


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A square of pixels: column and row of its corner, and its side."""

    left: int
    top: int
    side: int


class FaceWindow:
    """Chooses the window of the next frame.

    Args:
        width, height: Size of the pictures in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._side = min(width, height)
        spare = max(width, height) - self._side
        self._places = (spare // 2, 0, spare) if spare else (0,)
        self._place_index = 0
        self._offset = self._places[0]  # along the longer side
        self._num_missed = 0

    @property
    def window(self) -> Window:
        """The window to search in the next frame."""
        width, height = self._size
        is_wide = width > height
        return Window(
            left=self._offset if is_wide else 0, top=0 if is_wide else self._offset, side=self._side
        )

    def cut(self, rgb: RgbImage) -> RgbImage:
        """Return the window's part of a picture, a view."""
        here = self.window
        return rgb[here.top : here.top + here.side, here.left : here.left + here.side]

    def to_picture(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return points of the window in fractions of the picture, ``(K, 2)`` or ``(K, 3)``, a new array.

        A third coordinate is depth, in widths of the window, then of the picture.
        """
        width, height = self._size
        here = self.window
        corner, size = (here.left, here.top, 0), (width, height, width)
        axes = points.shape[1]
        return (points * self._side + corner[:axes]) / size[:axes]

    def missed(self) -> None:
        """No face in the window: after a second miss another one is tried."""
        self._num_missed += 1
        if self._num_missed >= _PATIENCE:
            self._num_missed = 0
            self._place_index = (self._place_index + 1) % len(self._places)
            self._offset = self._places[self._place_index]

    def found(self, mesh: NDArray[np.float64]) -> None:
        """A face in the window, ``(K, 3)`` in its fractions: follow it when it comes near the edge."""
        self._num_missed = 0
        self._place_index = 0
        axis = 0 if self._size[0] > self._size[1] else 1
        low, high = float(mesh[:, axis].min()), float(mesh[:, axis].max())
        if low < _MARGIN or high > 1 - _MARGIN:
            centred = self._offset + ((low + high) / 2 - 0.5) * self._side
            self._offset = int(min(max(centred, 0), max(self._size) - self._side))
