"""RAIN's conditioning picture: slice edits of the 68 iBUG points, then 26 coloured discs on black.

In: 68 points in fractions of a square picture. Out: a uint8 canvas. Only RAIN takes it (arXiv 2412.19489);
every other network of ours takes the control points as coordinates. The order of edits matters: each works
on the points as edited so far. Points that were not found are ``(-1, -1)`` and are edited like any other, as
the published program does. Thread: any; nothing is kept between calls.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

FacePoints = NDArray[np.float64]  # (68, 2), fractions of the picture

CanvasSize = int | tuple[int, int]  # the side of a square, or width and height

NUM_FACE_POINTS = 68
CANVAS_PX = 512
_FACE_LENGTH_FRACTION = 0.3  # nose bridge to chin, as a share of the picture, at which a disc has radius 3
_RADIUS_PER_LENGTH_PX = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceEdit:
    """One slider of RAIN: turn a run of points upright, scale and shift it, turn it back.

    Attributes:
        start, stop: The run of points, ``start`` to ``stop - 1``.
        scale_x, scale_y: Scale about the run's centroid, unitless.
        shift_x, shift_y: Shift in lengths of ``reference_pair``.
        axis: Two indices inside the run; their line is made horizontal first. None: no turning.
        reference_pair: Two indices into all 68 points whose distance is the unit of the shift. None: 1.
    """

    start: int
    stop: int
    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0
    axis: tuple[int, int] | None = None
    reference_pair: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        """Check the indices once, so that a frame needs no checks."""
        if not 0 <= self.start < self.stop <= NUM_FACE_POINTS:
            raise ValueError(f"expected 0 <= start < stop <= 68, got {self.start}, {self.stop}")
        inside = range(self.stop - self.start)
        if self.axis is not None and any(index not in inside for index in self.axis):
            raise ValueError(f"expected axis inside the run of {len(inside)} points, got {self.axis}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disc:
    """One disc: the mean of some points, in a colour.

    Attributes:
        points: Indices into the 68 points.
        colour: Channels 0, 1, 2 of the canvas, 0..255.
    """

    points: tuple[int, ...]
    colour: tuple[int, int, int]


_FACE = SliceEdit(start=0, stop=68, axis=(2, 14))
_JAW = SliceEdit(start=4, stop=13, axis=(0, 8))
_NOSE = SliceEdit(start=27, stop=36, axis=(4, 8))
_EYE_LEFT = SliceEdit(start=36, stop=42, axis=(0, 3))
_EYE_RIGHT = SliceEdit(start=42, stop=48, axis=(0, 3))
_MOUTH = SliceEdit(start=60, stop=68, axis=(0, 4))
_LEFT_CHEEK = (33, 3)  # nose base to picture-left jaw
_RIGHT_CHEEK = (33, 13)
_FACE_LENGTH = (27, 8)
_JAW_EDIT = replace(_JAW, scale_x=0.9)
_SHAPE_EDITS = (
    replace(_FACE, scale_y=0.75),
    replace(_EYE_LEFT, scale_x=1.6, scale_y=3.0),
    replace(_EYE_RIGHT, scale_x=1.6, scale_y=3.0),
    replace(_MOUTH, scale_x=0.67, scale_y=1.2),
    # the published program adds two sliders (0.15 - 0.05) where the picture wants the eyes' distance changed
    replace(_EYE_LEFT, shift_x=0.15 - 0.05, reference_pair=_RIGHT_CHEEK),
    replace(_EYE_RIGHT, shift_x=0.15, reference_pair=_RIGHT_CHEEK),
    replace(_EYE_LEFT, shift_x=-0.15, reference_pair=_LEFT_CHEEK),
    replace(_EYE_RIGHT, shift_x=-(0.15 - 0.05), reference_pair=_LEFT_CHEEK),
    replace(_EYE_LEFT, shift_y=0.10, reference_pair=(19, 6)),
)
_MOUTH_SHIFTS = (
    replace(_MOUTH, shift_x=0.15, reference_pair=_RIGHT_CHEEK),
    replace(_MOUTH, shift_x=-0.15, reference_pair=_LEFT_CHEEK),
)

DEFAULT_EDITS: tuple[SliceEdit, ...] = (
    *_SHAPE_EDITS,
    replace(_EYE_RIGHT, shift_y=0.10, reference_pair=(24, 10)),
    *_MOUTH_SHIFTS,
    replace(_MOUTH, shift_y=0.03, reference_pair=_FACE_LENGTH),
    replace(_NOSE, shift_y=0.05, reference_pair=_FACE_LENGTH),
    replace(_NOSE, shift_x=0.1, reference_pair=(22, 16)),
    replace(_NOSE, shift_x=-0.1, reference_pair=(21, 0)),
    _JAW_EDIT,
)
"""The published program's 17 sliders at their defaults (person to drawn face, no look at the reference)."""

INITIAL_EDITS: tuple[SliceEdit, ...] = (
    *_SHAPE_EDITS,
    replace(_EYE_RIGHT, shift_y=0.10, reference_pair=(26, 12)),
    *_MOUTH_SHIFTS,
    _JAW_EDIT,
)
"""What the published program uses until a slider is first moved."""

_CONTOUR_COLOUR = (0, 255, 255)
_BROW_LEFT_COLOUR = (128, 0, 255)
_BROW_RIGHT_COLOUR = (255, 0, 128)
_MOUTH_COLOUR = (0, 0, 255)
_NOSE_COLOUR = (255, 0, 255)
_EYE_LEFT_COLOUR = (255, 128, 128)
_EYE_RIGHT_COLOUR = (128, 128, 255)


def _discs(colour: tuple[int, int, int], *groups: tuple[int, ...]) -> tuple[Disc, ...]:
    return tuple(Disc(points=points, colour=colour) for points in groups)


DISCS: tuple[Disc, ...] = (
    *_discs(_CONTOUR_COLOUR, (1, 2), (4,), (8,), (12,), (15, 14)),
    *_discs(_BROW_LEFT_COLOUR, (17,), (18, 19), (20,)),
    *_discs(_BROW_RIGHT_COLOUR, (23,), (24, 25), (26,)),
    *_discs(_MOUTH_COLOUR, (60,), (62,), (64,), (66,)),
    *_discs(_NOSE_COLOUR, (33, 30)),
    *_discs(_EYE_LEFT_COLOUR, (36, 37), (37, 38), (38, 39), (40, 39), (41,)),
    *_discs(_EYE_RIGHT_COLOUR, (42, 43), (43, 44), (44, 45), (46,), (47, 42)),
)
"""The 26 discs in drawing order (later ones on top)."""


def _singles(first: int, last: int, colour: tuple[int, int, int]) -> tuple[Disc, ...]:
    return _discs(colour, *((index,) for index in range(first, last + 1)))


ALL_POINT_DISCS: tuple[Disc, ...] = (
    *_singles(0, 26, _CONTOUR_COLOUR),
    *_singles(27, 35, _NOSE_COLOUR),
    *_singles(36, 41, _EYE_LEFT_COLOUR),
    *_singles(42, 47, _EYE_RIGHT_COLOUR),
    *_singles(48, 54, (173, 255, 68)),
    *_singles(55, 59, (68, 173, 255)),
    *_singles(60, 64, (68, 255, 173)),
    *_singles(65, 67, (173, 68, 255)),
)
"""All 68 points, one disc each: the published drawing without patterns."""


def edit_points(points: FacePoints, edits: Sequence[SliceEdit]) -> FacePoints:
    """Return the points after every edit in turn.

    Args:
        points: ``(68, 2)`` in fractions of the picture; integers and float32 are widened to float64.
        edits: In order; each sees the result of those before it.

    Returns:
        A new ``(68, 2)`` float64 array.

    Raises:
        ValueError: ``points`` is not ``(68, 2)``.
    """
    edited = np.array(points, np.float64)
    if edited.shape != (NUM_FACE_POINTS, 2):
        raise ValueError(f"expected points of shape (68, 2), got {edited.shape}")
    for edit in edits:
        _edit_in_place(edited, edit)
    return edited


def _edit_in_place(points: FacePoints, edit: SliceEdit) -> None:
    run = points[edit.start : edit.stop]
    unit = 1.0
    if edit.reference_pair is not None:
        first, second = edit.reference_pair
        unit = float(np.linalg.norm(points[first] - points[second]))
    upright = np.eye(2)  # columns are the run's own x and y axes
    if edit.axis is not None:
        along_x, along_y = run[edit.axis[1]] - run[edit.axis[0]]
        angle = np.arctan2(along_y, along_x)
        upright = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = run.mean(axis=0)
    local = (run - centre) @ upright
    local = local * (edit.scale_x, edit.scale_y) + (edit.shift_x * unit, edit.shift_y * unit)
    points[edit.start : edit.stop] = local @ upright.T + centre


def disc_radius_px(points: FacePoints) -> int:
    """Return the radius of every disc in pixels, >= 1, from the points **before** editing."""
    length = float(np.linalg.norm(points[27] - points[8])) / _FACE_LENGTH_FRACTION
    return max(int(_RADIUS_PER_LENGTH_PX * length), 1)


def disc_centres_px(
    points: FacePoints, discs: Sequence[Disc] = DISCS, size_px: CanvasSize = CANVAS_PX
) -> NDArray[np.int64]:
    """Return the centre of each disc, ``(len(discs), 2)`` int64 x, y, truncated toward zero."""
    means = np.array([points[list(disc.points)].mean(axis=0) for disc in discs])
    centres: NDArray[np.int64] = np.trunc(means * np.asarray(size_px)).astype(np.int64)
    return centres


def is_drawn(centres_px: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which discs are drawn, ``(n,)``: both coordinates are 1 or more (lost points fall out here)."""
    return np.asarray((centres_px >= 1).all(axis=1))


def draw_canvas(
    points: FacePoints, radius_px: int, discs: Sequence[Disc] = DISCS, size_px: CanvasSize = CANVAS_PX
) -> NDArray[np.uint8]:
    """Draw the discs on black.

    Args:
        points: ``(68, 2)`` edited points, fractions of the canvas.
        radius_px: From ``disc_radius_px`` of the unedited points.
        discs: What to draw, in order.
        size_px: Width and height of the canvas, or the side of a square one.

    Returns:
        A new ``(height, width, 3)`` uint8 canvas in the channel order of the colours.
    """
    width, height = (size_px, size_px) if isinstance(size_px, int) else size_px
    canvas = np.zeros((height, width, 3), np.uint8)
    centres = disc_centres_px(points, discs, size_px)
    for disc, centre, drawn in zip(discs, centres, is_drawn(centres), strict=True):
        if drawn:
            cv2.circle(canvas, (int(centre[0]), int(centre[1])), radius_px, disc.colour, thickness=-1)
    return canvas


def rain_canvas(points: FacePoints, edits: Sequence[SliceEdit] = DEFAULT_EDITS) -> NDArray[np.uint8]:
    """Return RAIN's 512 x 512 conditioning picture of one face: edit, then draw.

    Args:
        points: ``(68, 2)`` as tracked (or as fitted by ``rain_fit``), fractions of the picture.
        edits: The sliders.
    """
    return draw_canvas(edit_points(points, edits), disc_radius_px(points))
