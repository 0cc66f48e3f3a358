"""From the 478 points of the face mesh to the 68 iBUG points and the pupils: a table, read once.

In: mesh points of the tracker. Out: points in iBUG order, in which 36..41 is the eye on the left of the
unmirrored picture. Pure numpy; any thread.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

NUM_MESH_POINTS = 478
NUM_FACE_POINTS = 68
IBUG_PARTS = (
    "jaw",
    "brow_left",
    "brow_right",
    "nose_bridge",
    "nose_base",
    "eye_left",
    "eye_right",
    "lip_outer",
    "lip_inner",
)
"""Names of the parts in ``points_68.json``, in iBUG order."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PointTable:
    """Which mesh points make which face point.

    Attributes:
        face: ``(68, 2)`` rows of the mesh; a face point is the mean of its two (often the same twice).
        pupils: ``(2,)`` rows of the mesh: centre of the iris, left and right of the picture.
    """

    face: NDArray[np.int64]
    pupils: NDArray[np.int64]


@cache
def point_table() -> PointTable:
    """Return the table of ``points_68.json``."""
    table = json.loads((files("engine.track") / "points_68.json").read_text(encoding="utf-8"))
    rows = [row for part in IBUG_PARTS for row in table[part]]
    face = np.array([(row[0], row[-1]) for row in rows], np.int64)
    return PointTable(face=face, pupils=np.array([row[0] for row in table["pupils"]], np.int64))


def face_points(mesh: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the 68 iBUG points of a mesh.

    Args:
        mesh: ``(478, D)``, any unit.

    Returns:
        ``(68, D)``, same unit, a new array.

    Raises:
        ValueError: ``mesh`` does not have 478 rows.
    """
    if len(mesh) != NUM_MESH_POINTS:
        raise ValueError(f"expected {NUM_MESH_POINTS} mesh points, got {len(mesh)}")
    pairs = np.asarray(mesh, np.float64)[point_table().face]  # (68, 2, D)
    points: NDArray[np.float64] = pairs.mean(axis=1)
    return points


def pupil_points(mesh: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the centres of both irises, left and right of the picture, ``(2, D)``, a new array."""
    pupils: NDArray[np.float64] = np.asarray(mesh, np.float64)[point_table().pupils]
    return pupils
