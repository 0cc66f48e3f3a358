"""Editing the named points of an avatar: pure geometry with undo, no Qt.

Points are fractions of the avatar's square picture (``types.CONTROL_NAMES``).
"""

from dataclasses import dataclass
from enum import Enum

import numpy as np

from engine.types import CONTROL_NAMES, Avatar, Points, Scores

MAX_UNDO = 200


@dataclass(frozen=True, slots=True)
class Part:
    """A group of points that belong together, and how to draw it.

    Attributes:
        name: Shown to the user.
        indices: Rows of ``CONTROL_NAMES``.
        is_closed: Whether the line through the points returns to the first one.
        is_line: Whether there is a line at all.
    """

    name: str
    indices: tuple[int, ...]
    is_closed: bool = False
    is_line: bool = True


def _part(name: str, *stems: str, is_closed: bool = False, is_line: bool = True) -> Part:
    indices = tuple(
        i for i, full in enumerate(CONTROL_NAMES) if full.rstrip("0123456789").rstrip("_") in stems
    )
    return Part(name, indices, is_closed, is_line)


PARTS: tuple[Part, ...] = (
    _part("Face outline", "contour"),
    _part("Left brow", "brow_left"),
    _part("Right brow", "brow_right"),
    _part("Left eye", "eye_left", is_closed=True),
    _part("Right eye", "eye_right", is_closed=True),
    _part("Left pupil", "pupil_left", is_line=False),
    _part("Right pupil", "pupil_right", is_line=False),
    _part("Nose", "nose_bridge", "nose_tip"),
    _part("Lips, outside", "lip_outer", is_closed=True),
    _part("Lips, inside", "lip_inner", is_closed=True),
    _part("Hair", "hair_left", "hair_top", "hair_right"),
    _part("Neck", "neck", is_line=False),
    _part("Shoulders", "shoulder_left", "shoulder_right"),
    _part("Left arm", "elbow_left", "wrist_left"),
    _part("Right arm", "elbow_right", "wrist_right"),
)
"""Every point belongs to exactly one part. Left and right are those of the picture."""

PART_OF: dict[int, int] = {index: number for number, part in enumerate(PARTS) for index in part.indices}


class Grip(Enum):
    """What a drag takes hold of."""

    POINT = "point"
    PART = "part"
    ALL = "all"


def point_title(index: int) -> str:
    """Return a name for people: ``eye_left_0`` becomes ``Left eye, point 1 of 8``."""
    part = PARTS[PART_OF[index]]
    if len(part.indices) == 1:
        return part.name
    return f"{part.name}, point {part.indices.index(index) + 1} of {len(part.indices)}"


class PointEdits:
    """The points of one avatar while they are being edited.

    Args:
        avatar: Where to start; it is never changed.
    """

    def __init__(self, avatar: Avatar) -> None:
        self._original = (avatar.points.copy(), avatar.scores.copy())
        self._points, self._scores = avatar.points.copy(), avatar.scores.copy()
        self._undo: list[tuple[Points, Scores]] = []

    @property
    def points(self) -> Points:
        """The points now, ``(61, 2)``; not to be written."""
        return self._points

    @property
    def scores(self) -> Scores:
        """Their scores, ``(61,)``; 0 = not in the picture."""
        return self._scores

    @property
    def can_undo(self) -> bool:
        """Whether anything was done that can be taken back."""
        return bool(self._undo)

    def held_by(self, index: int, grip: Grip) -> list[int]:
        """Return the points that a drag at point ``index`` moves."""
        match grip:
            case Grip.POINT:
                return [index]
            case Grip.PART:
                return list(PARTS[PART_OF[index]].indices)
            case Grip.ALL:
                return list(range(len(CONTROL_NAMES)))

    def begin(self) -> None:
        """Start one undoable step: everything until the next ``begin`` is taken back together."""
        self._undo.append((self._points.copy(), self._scores.copy()))
        del self._undo[:-MAX_UNDO]

    def move(self, indices: list[int], dx: float, dy: float) -> None:
        """Move the points by fractions of the picture; each stays inside it. A moved point counts as seen."""
        self._points[indices] = np.clip(self._points[indices] + np.array([dx, dy], np.float32), 0.0, 1.0)
        if len(indices) == 1:
            self._scores[indices] = 1.0

    def scale(self, indices: list[int], factor: float) -> None:
        """Scale the points about their common centre; each stays inside the picture."""
        centre = self._points[indices].mean(axis=0)
        self._points[indices] = np.clip(
            centre + (self._points[indices] - centre) * np.float32(factor), 0.0, 1.0
        )

    def toggle_seen(self, index: int) -> None:
        """Say that a point is not in the picture, or that it is."""
        self._scores[index] = 0.0 if self._scores[index] > 0 else 1.0

    def undo(self) -> None:
        """Take the last step back; does nothing when there is none."""
        if self._undo:
            self._points, self._scores = self._undo.pop()

    def reset(self) -> None:
        """Return to where the editing started (this can be undone)."""
        self.begin()
        self._points, self._scores = self._original[0].copy(), self._original[1].copy()

    def nearest(self, x: float, y: float, within: float) -> int | None:
        """Return the point nearest to ``(x, y)``, or None when none lies within that distance."""
        distances = np.hypot(self._points[:, 0] - x, self._points[:, 1] - y)
        index = int(distances.argmin())
        return index if distances[index] <= within else None
