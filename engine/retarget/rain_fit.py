"""RAIN's sliders set by themselves: the performer's face at rest is brought onto the reference's face.

The published program leaves 17 sliders to the user, and the eyes fail where they do not suit the character.
Here the same kind of edits (``rain_canvas.SliceEdit``) is computed from two faces at rest: place and size in
the picture, then scale and shift of each part. Shifts are in lengths of the face itself, so they shrink with
a head that turns away or moves back, as sliders do. The user's sliders come on top. Thread: any; a fit is
immutable.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.retarget.rain_canvas import (
    FacePoints,
    SliceEdit,
    disc_radius_px,
    draw_canvas,
    edit_points,
)
from engine.retarget.rig_face import full_gap

_ACROSS = (2, 14)  # unit of shifts to the side: the width of the face
_ALONG = (27, 8)  # unit of shifts up and down: its length
_JAW = slice(0, 17)  # the outline gives the size of a face
_LOST = -1.0
_LEAST_EXTENT = 1e-4  # fractions of the picture
_SCALE_RANGE = (0.2, 5.0)
_MOUTH_TO_FACE = 1.98  # head units in the width of a face


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A run of points with the axis that is turned level before it is scaled."""

    start: int
    stop: int
    axis: tuple[int, int]
    scales_y: bool = True


_PARTS = (
    _Part(start=4, stop=13, axis=(0, 8)),  # the lower jaw first: it carries the chin, a unit of the others
    _Part(start=17, stop=22, axis=(0, 4), scales_y=False),
    _Part(start=22, stop=27, axis=(0, 4), scales_y=False),
    _Part(start=27, stop=36, axis=(4, 8)),
    _Part(start=36, stop=42, axis=(0, 3)),
    _Part(start=42, stop=48, axis=(0, 3)),
    _Part(start=48, stop=68, axis=(0, 6), scales_y=False),
)
_MOUTH_START = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class RainFit:
    """What brings a performer onto a reference.

    Attributes:
        scale, shift_x, shift_y: Size and place in the picture: a point p goes to ``scale * p + shift``.
        parts: Scale and shift of each part, after that.
    """

    scale: float
    shift_x: float
    shift_y: float
    parts: tuple[SliceEdit, ...]

    def points(self, face: FacePoints, sliders: tuple[SliceEdit, ...] = ()) -> FacePoints:
        """Return the 68 points of one frame as the reference would have them.

        Args:
            face: ``(68, 2)`` as tracked, fractions of the picture; ``(-1, -1)`` = not found, and stays so.
            sliders: Fine tuning by hand, applied last.
        """
        edited = edit_points(self._place(face), (*self.parts, *sliders))
        edited[(np.asarray(face) == _LOST).all(axis=1)] = _LOST
        return edited

    def canvas(self, face: FacePoints, sliders: tuple[SliceEdit, ...] = ()) -> NDArray[np.uint8]:
        """Return RAIN's 512 x 512 canvas of one frame; discs are as large as the placed face asks for."""
        return draw_canvas(self.points(face, sliders), disc_radius_px(self._place(face)))

    def _place(self, face: FacePoints) -> FacePoints:
        return edit_points(face, ()) * self.scale + (self.shift_x, self.shift_y)


def fit_rain(neutral: FacePoints, reference: FacePoints) -> RainFit:
    """Fit a performer's face at rest to a reference's face.

    Args:
        neutral: ``(68, 2)`` of the performer at rest, seen from the front, fractions of the picture.
        reference: ``(68, 2)`` of the reference picture (``face_points.face_68_from_controls``).

    Returns:
        The fit. With ``neutral`` in, each part comes out with the reference's centre and extent.

    Raises:
        ValueError: A face has no extent, or is not ``(68, 2)``.
    """
    start, target = edit_points(neutral, ()), edit_points(reference, ())
    width, wanted = _extent(start[_JAW], _ACROSS)[0], _extent(target[_JAW], _ACROSS)[0]
    if min(width, wanted) < _LEAST_EXTENT:
        raise ValueError(f"expected faces with a width, got {width:g} and {wanted:g} of the picture")
    scale = wanted / width
    shift_x, shift_y = (target.mean(axis=0) - start.mean(axis=0) * scale).tolist()
    current = start * scale + (shift_x, shift_y)
    edits = [_scale_whole(current, target)]
    current = edit_points(current, edits)
    for part in _PARTS:
        added = _fit_part(current, target, part)
        current = edit_points(current, added)
        edits += added
    return RainFit(scale=scale, shift_x=shift_x, shift_y=shift_y, parts=tuple(edits))


def _scale_whole(current: FacePoints, target: FacePoints) -> SliceEdit:
    have, want = _extent(current, _ACROSS), _extent(target, _ACROSS)
    return SliceEdit(
        start=0, stop=68, axis=_ACROSS, scale_x=_ratio(have[0], want[0]), scale_y=_ratio(have[1], want[1])
    )


def _fit_part(current: FacePoints, target: FacePoints, part: _Part) -> list[SliceEdit]:
    run, wanted = current[part.start : part.stop], target[part.start : part.stop]
    have, want = _extent(run, part.axis), _extent(wanted, part.axis)
    scale_x = _ratio(have[0], want[0])
    scale_y = _ratio(have[1], want[1]) if part.scales_y else 1.0
    if part.start == _MOUTH_START:
        scale_y = _mouth_opening_ratio(current, target)
    aside, down = (wanted.mean(axis=0) - run.mean(axis=0)) @ _level(run, part.axis)
    return [
        SliceEdit(start=part.start, stop=part.stop, axis=part.axis, scale_x=scale_x, scale_y=scale_y),
        _shift(current, part, _ACROSS, x=float(aside)),
        _shift(current, part, _ALONG, y=float(down)),
    ]


def _shift(
    current: FacePoints, part: _Part, unit: tuple[int, int], x: float = 0.0, y: float = 0.0
) -> SliceEdit:
    length = max(float(np.linalg.norm(current[unit[0]] - current[unit[1]])), _LEAST_EXTENT)
    return SliceEdit(
        start=part.start,
        stop=part.stop,
        axis=part.axis,
        shift_x=x / length,
        shift_y=y / length,
        reference_pair=unit,
    )


def _mouth_opening_ratio(current: FacePoints, target: FacePoints) -> float:
    """Return how much farther the reference's mouth opens: a mouth at rest has no height to compare."""

    def widest(face: FacePoints) -> float:
        unit = float(np.linalg.norm(face[16] - face[0])) / _MOUTH_TO_FACE
        return full_gap(float(np.linalg.norm(face[54] - face[48])) / max(unit, _LEAST_EXTENT)) * unit

    return _ratio(widest(current), widest(target))


def _level(run: FacePoints, axis: tuple[int, int]) -> FacePoints:
    """Return the run's own axes as columns, ``(2, 2)``: along ``axis``, and square to it, downwards."""
    along = run[axis[1]] - run[axis[0]]
    angle = np.arctan2(along[1], along[0])
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _extent(run: FacePoints, axis: tuple[int, int]) -> tuple[float, float]:
    """Return the spread (root mean square) of a run along and across its axis, fractions of the picture."""
    local = (run - run.mean(axis=0)) @ _level(run, axis)
    along, across = np.sqrt((local**2).mean(axis=0))
    return float(along), float(across)


def _ratio(have: float, want: float) -> float:
    if have < _LEAST_EXTENT:
        return 1.0
    return float(np.clip(want / have, *_SCALE_RANGE))
