"""A head from 68 flat points: what a tracker without depth needs before a face can be read.

The rigid points of the face are fitted with a template in three dimensions under scaled orthographic
projection (least squares for the first two rows of the turn, then the nearest rotation; the "POS" of
DeMenthon and Davis 1995, doi:10.1007/BF01450852). Depth then comes from the template, so that the points can
be turned to the front and measured like those of a tracker with depth. Pure numpy; any thread.
"""

import json
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from engine.track.measure import HeadFit

Array = NDArray[np.float64]

_RIGID = (*range(27, 36), 36, 39, 42, 45, 0, 1, 15, 16)  # nose, corners of the eyes, ends of the jaw line
_LEAST_RIGID = 6
_TINY = 1e-9


@cache
def face_template() -> Array:
    """Return the 68 points of a face at rest, ``(68, 3)``, in outer eye distances of the head template."""
    text = (files("engine.track") / "face_template.json").read_text(encoding="utf-8")
    return np.array(json.loads(text)["points"], np.float64)


def fit_flat_head(face: Array, is_sure: NDArray[np.bool_]) -> HeadFit | None:
    """Fit the template to flat points.

    Args:
        face: ``(68, 2)`` in picture heights.
        is_sure: ``(68,)`` which points count.

    Returns:
        The similarity from the template to the points; None with too few rigid points to tell.
    """
    rows = [row for row in _RIGID if is_sure[row]]
    if len(rows) < _LEAST_RIGID:
        return None
    points, template = face[rows], face_template()[rows]
    centre, template_centre = points.mean(axis=0), template.mean(axis=0)
    turn, *_ = np.linalg.lstsq(template - template_centre, points - centre, rcond=None)  # (3, 2)
    u, singular, vt = np.linalg.svd(turn.T, full_matrices=False)
    scale = max(float(singular.mean()), _TINY)
    flat_turn = u @ vt  # (2, 3): the nearest rows of a rotation
    rotation = np.vstack([flat_turn, np.cross(flat_turn[0], flat_turn[1])])
    translation = np.append(centre - scale * flat_turn @ template_centre, 0.0)
    misfit = points - (scale * template @ flat_turn.T + translation[:2])
    residual = float(np.sqrt((misfit**2).sum(axis=1).mean())) / scale
    return HeadFit(rotation=rotation, translation=translation, scale=scale, residual=residual)


def lifted(face: Array, is_sure: NDArray[np.bool_], fit: HeadFit) -> Array:
    """Return the points with depth, and a pupil in the middle of each eye.

    Args:
        face: ``(68, 2)`` in picture heights.
        is_sure: ``(68,)``; the others are put where the head at rest would have them.
        fit: The head.

    Returns:
        ``(70, 3)``, a new array.
    """
    expected = fit.scale * face_template() @ fit.rotation.T + fit.translation
    points = expected.copy()
    points[is_sure, :2] = face[is_sure]
    pupils = np.stack([points[36:42].mean(axis=0), points[42:48].mean(axis=0)])
    return np.concatenate([points, pupils])
