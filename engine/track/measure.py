"""What the face does, in numbers that do not depend on whose face it is, where it is, or how large.

In: points of the tracker, or of a drawn character. Out: ``HeadPose``, ``Expression``, a quality mark.
Pure numpy; any thread.

The head is fitted by Procrustes analysis (Umeyama 1991, doi:10.1109/34.88573, Eq. 34 to 43, with weights 1)
of the 58 mesh points that expressions hardly move against a template (``head_template.json``). The mesh has
depth, so the fit is linear and has one solution; solvePnP on the same points in two dimensions needs a
focal length, iterates, and flips between two solutions on small frontal faces.
"""

import json
import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from engine.types import Expression, HeadPose

Array = NDArray[np.float64]

OUTER_EYE_CORNERS = (33, 263)  # rows of the mesh, left and right of the picture
_TINY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeadFit:
    """The rigid part of a face: ``mesh = scale * local @ rotation.T + translation + what the face does``.

    Attributes:
        rotation: ``(3, 3)``, head to camera; x right, y down, z away from the viewer.
        translation: ``(3,)`` midpoint of the outer eye corners, picture heights.
        scale: Outer eye distance of the template in picture heights.
        residual: Root mean square distance of the rigid points, in outer eye distances.
    """

    rotation: Array
    translation: Array
    scale: float
    residual: float


@cache
def _head_template() -> tuple[NDArray[np.int64], Array]:
    rows = json.loads((files("engine.track") / "head_template.json").read_text(encoding="utf-8"))["points"]
    return np.array([row[0] for row in rows], np.int64), np.array([row[1:] for row in rows], np.float64)


def fit_head(mesh: Array) -> HeadFit:
    """Fit the head template to a mesh (Umeyama 1991).

    Args:
        mesh: ``(478, 3)`` in picture heights: ``x * aspect``, ``y``, ``z * aspect`` of the face model.

    Returns:
        The similarity from the template to the mesh.
    """
    rows, template = _head_template()
    points = mesh[rows]
    centre, template_centre = points.mean(axis=0), template.mean(axis=0)
    centred, template_centred = points - centre, template - template_centre
    u, singular, vt = np.linalg.svd(centred.T @ template_centred / len(rows))
    sign = np.array([1.0, 1.0, math.copysign(1.0, np.linalg.det(u) * np.linalg.det(vt))])
    rotation: Array = (u * sign) @ vt
    scale = max(float(singular @ sign) / float(template_centred.var(axis=0).sum()), _TINY)
    translation = centre - scale * rotation @ template_centre
    misfit = points - (scale * template @ rotation.T + translation)
    residual = math.sqrt(float((misfit**2).sum(axis=1).mean())) / scale
    return HeadFit(rotation=rotation, translation=translation, scale=scale, residual=residual)


def rotation_from_angles(yaw_deg: float, pitch_deg: float, roll_deg: float) -> Array:
    """Return the rotation ``Rz(roll) Ry(-yaw) Rx(pitch)``, ``(3, 3)``; signs as in ``HeadPose``."""
    yaw, pitch, roll = math.radians(-yaw_deg), math.radians(pitch_deg), math.radians(roll_deg)
    about_x = np.array(
        [[1, 0, 0], [0, math.cos(pitch), -math.sin(pitch)], [0, math.sin(pitch), math.cos(pitch)]]
    )
    about_y = np.array([[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]])
    about_z = np.array([[math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    product: Array = about_z @ about_y @ about_x
    return product


def angles_from_rotation(rotation: Array) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees: the inverse of ``rotation_from_angles`` for |yaw| < 90."""
    yaw = math.degrees(math.asin(min(max(float(rotation[2, 0]), -1.0), 1.0)))
    pitch = math.degrees(math.atan2(rotation[2, 1], rotation[2, 2]))
    roll = math.degrees(math.atan2(rotation[1, 0], rotation[0, 0]))
    return yaw, pitch, roll


def to_picture_heights(mesh: NDArray[np.floating], aspect: float) -> Array:
    """Return the face model's points ``(K, 3)`` (fractions; depth in widths) in picture heights, a copy."""
    return np.asarray(mesh, np.float64) * (aspect, 1.0, aspect)


def measure_head(mesh: NDArray[np.floating], aspect: float = 1.0) -> HeadPose:
    """Return where the head is and how it is turned.

    Args:
        mesh: ``(478, 3)``; x and y in fractions of width and height, z in fractions of the width.
        aspect: Width over height of the picture.
    """
    points = to_picture_heights(mesh, aspect)
    fit = fit_head(points)
    local = (points[list(OUTER_EYE_CORNERS)] - fit.translation) @ fit.rotation / fit.scale
    return head_pose(fit, local[0], local[1], aspect)


def head_pose(fit: HeadFit, corner_left: Array, corner_right: Array, aspect: float) -> HeadPose:
    """Return the ``HeadPose`` of a fit; the outer eye corners are in head coordinates, ``(3,)``."""
    yaw, pitch, roll = angles_from_rotation(fit.rotation)
    middle = fit.scale * fit.rotation @ ((corner_left + corner_right) / 2) + fit.translation
    return HeadPose(
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        x=float(middle[0]) / aspect,
        y=float(middle[1]),
        scale=fit.scale * float(np.linalg.norm(corner_right - corner_left)),
    )


def measure_expression(
    face: NDArray[np.floating], pupils: NDArray[np.floating], aspect: float = 1.0
) -> Expression:
    """Return what a face does, from its 68 iBUG points: of a person or of a drawn character.

    Independent of place, size and roll. It does not know depth: give points of a face seen from the
    front (the tracker turns its points to the front first), or accept the foreshortening.

    Args:
        face: ``(68, 2)`` in fractions of width and height (or any one unit, with ``aspect`` 1).
        pupils: ``(2, 2)`` left, right of the picture, same unit.
        aspect: Width over height of the picture.
    """
    upright, upright_pupils = _upright(face, pupils, aspect)
    eyes = (upright[36:42], upright[42:48])
    openness = [_eye_openness(eye) for eye in eyes]
    gaze = _mean_gaze(eyes, upright_pupils, openness)
    lips = _Lips.measure(upright)
    return Expression(
        eye_open_left=openness[0],
        eye_open_right=openness[1],
        gaze_x=gaze[0],
        gaze_y=gaze[1],
        brow_left=_brow_height(upright[17:22], eyes[0]),
        brow_right=_brow_height(upright[22:27], eyes[1]),
        mouth_open=lips.opening,
        mouth_width=lips.width,
        mouth_round=lips.rounding,
        smile=lips.smile,
    )


def _upright(face: NDArray[np.floating], pupils: NDArray[np.floating], aspect: float) -> tuple[Array, Array]:
    """Turn the line through both eyes' centres level and scale the outer eye distance to 1."""
    points = np.concatenate([face, pupils]).astype(np.float64) * (aspect, 1.0)  # (70, 2)
    axis = points[42:48].mean(axis=0) - points[36:42].mean(axis=0)
    axis /= max(float(np.linalg.norm(axis)), _TINY)
    unit = max(float(np.linalg.norm(points[45] - points[36])), _TINY)
    turned = (points - points[27]) @ np.array([[axis[0], -axis[1]], [axis[1], axis[0]]]) / unit
    return turned[:68], turned[68:]


def _eye_openness(eye: Array) -> float:
    """Gap between the lids, square to the line through the eye's corners, over the eye's width (0..1)."""
    along = eye[3] - eye[0]
    width = float(np.linalg.norm(along))
    if width < _TINY:
        return 0.0
    across = np.array([-along[1], along[0]]) / width  # down when ``along`` points right
    gap = float((eye[5] - eye[1] + eye[4] - eye[2]) @ across) / 2
    return min(max(gap / width, 0.0), 1.0)


def _mean_gaze(eyes: tuple[Array, Array], pupils: Array, openness: list[float]) -> tuple[float, float]:
    """Pupil against the middle of the eye's corners in half eye widths; a closed eye does not count."""
    offsets, weights = [], []
    for eye, pupil, open_ in zip(eyes, pupils, openness, strict=True):
        half_width = max(float(np.linalg.norm(eye[3] - eye[0])) / 2, _TINY)
        offsets.append((pupil - (eye[0] + eye[3]) / 2) / half_width)
        weights.append(min(max((open_ - 0.05) / 0.1, 0.0), 1.0))
    if sum(weights) < _TINY:
        return 0.0, 0.0
    x, y = np.clip(np.average(offsets, axis=0, weights=weights), -1.0, 1.0)
    return float(x), float(y)


def _brow_height(brow: Array, eye: Array) -> float:
    """Height of the brow above the line through the eye's corners, in eye widths."""
    width = max(float(np.linalg.norm(eye[3] - eye[0])), _TINY)
    return float((eye[0, 1] + eye[3, 1]) / 2 - brow[:, 1].mean()) / width


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lips:
    """The mouth's part of an ``Expression``, from upright points in outer eye distances."""

    opening: float
    width: float
    rounding: float
    smile: float

    @classmethod
    def measure(cls, upright: Array) -> "_Lips":
        outer, inner = upright[48:60], upright[60:68]
        gaps = inner[[7, 6, 5], 1] - inner[[1, 2, 3], 1]  # left, middle, right
        opening = min(max(float(gaps @ (0.25, 0.5, 0.25)), 0.0), 0.8)
        width = max(float(np.linalg.norm(outer[6] - outer[0])), _TINY)
        # An "oo" is as high as wide and narrow; an "ah" is as high as wide too, but stays wide.
        height = float(outer[7:12, 1].mean() - outer[1:6, 1].mean())
        aspect = min(max((height / width - 0.4) / 0.4, 0.0), 1.0)
        narrow = min(max((0.62 - width) / 0.17, 0.0), 1.0)
        # Corners follow a dropping jaw about a third of the way: measured against that, speech is no smile.
        centre_y = float(0.7 * inner[2, 1] + 0.3 * inner[6, 1])
        rise = (centre_y - float(outer[0, 1] + outer[6, 1]) / 2) / width
        return cls(opening=opening, width=width, rounding=aspect * narrow, smile=min(max(rise, -0.5), 0.5))


def tracking_quality(fit: HeadFit, mesh: Array, aspect: float, speed: float) -> float:
    """Return how far the points of this frame can be trusted, 0 (not at all) .. 1.

    A product of four marks: the rigid points fit a head (residual 0.12 -> 1, 0.3 -> 0); the face is large
    enough (outer eye distance 2 % of the picture's height -> 0, 8 % -> 1); it lies inside the picture;
    it does not move so fast that it is blurred.

    Args:
        fit: The head of this frame.
        mesh: ``(478, 3)`` in picture heights.
        aspect: Width over height of the picture.
        speed: Outer eye distances a second that the head travels; 2 -> 1, 12 -> 0.3.
    """
    inside = (mesh[:, 0] >= 0) & (mesh[:, 0] <= aspect) & (mesh[:, 1] >= 0) & (mesh[:, 1] <= 1)
    marks = (
        _ramp(fit.residual, 0.3, 0.12),
        _ramp(fit.scale, 0.02, 0.08),
        _ramp(float(inside.mean()), 0.5, 0.95),
        0.3 + 0.7 * _ramp(speed, 12.0, 2.0),
    )
    return math.prod(marks)


def _ramp(value: float, zero_at: float, one_at: float) -> float:
    """Straight line from 0 at ``zero_at`` to 1 at ``one_at``, clipped."""
    return min(max((value - zero_at) / (one_at - zero_at), 0.0), 1.0)
