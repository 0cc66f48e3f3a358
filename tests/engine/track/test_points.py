"""The 478-to-68 table is anatomically right, on a photograph of a person."""

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.track.points import IBUG_PARTS, face_points, point_table, pupil_points

Mesh = NDArray[np.float64]

# Where things are in the 512x512 photograph, read off it by eye, in pixels.
EYE_LEFT, EYE_RIGHT = (203, 100), (248, 104)
NOSE_TIP, MOUTH, CHIN = (224, 126), (223, 147), (222, 179)


@pytest.fixture
def face(mesh: Mesh) -> Mesh:
    return face_points(mesh)[:, :2] * 512


def test_table_has_68_rows_of_known_mesh_points() -> None:
    table = point_table()
    assert table.face.shape == (68, 2)
    assert table.face.min() >= 0
    assert table.face.max() < 468
    assert table.pupils.tolist() == [468, 473]
    assert len(IBUG_PARTS) == 9


def test_no_mesh_point_is_used_for_two_face_points() -> None:
    pairs = [tuple(sorted(set(row))) for row in point_table().face.tolist()]
    used = [index for pair in pairs for index in pair]
    assert len(used) == len(set(used))


@pytest.mark.parametrize(
    ("rows", "place", "within_px"),
    [
        (range(36, 42), EYE_LEFT, 5),
        (range(42, 48), EYE_RIGHT, 5),
        ([30], NOSE_TIP, 6),
        (range(48, 68), MOUTH, 6),
        ([8], CHIN, 7),
    ],
)
def test_parts_are_where_a_person_sees_them(
    face: Mesh, rows: list[int], place: tuple[int, int], within_px: float
) -> None:
    assert np.linalg.norm(face[list(rows)].mean(axis=0) - place) < within_px


def test_left_is_the_left_of_the_picture(face: Mesh) -> None:
    assert face[36:42, 0].max() < face[27, 0] < face[42:48, 0].min()
    assert face[17:22, 0].max() < face[22:27, 0].min()
    assert face[48, 0] < face[54, 0]
    assert face[60, 0] < face[64, 0]


def test_jaw_runs_from_left_ear_over_chin_to_right_ear_evenly(face: Mesh) -> None:
    jaw = face[:17]
    assert np.all(np.diff(jaw[:, 0]) >= -1.5)
    assert int(jaw[:, 1].argmax()) == 8
    steps = np.linalg.norm(np.diff(jaw, axis=0), axis=1)
    assert steps.max() < 1.7 * steps.min()


def test_brows_run_left_to_right_above_the_eyes(face: Mesh) -> None:
    assert np.all(np.diff(face[17:27, 0]) > 0)
    assert face[17:22, 1].max() < face[36:42, 1].min()
    assert face[22:27, 1].max() < face[42:48, 1].min()


def test_nose_runs_down_the_middle(face: Mesh) -> None:
    assert np.all(np.diff(face[27:31, 1]) > 0)
    assert np.all(np.diff(face[31:36, 0]) > 0)
    assert face[33, 1] > face[30, 1]


def test_eyes_go_round_from_the_left_corner_over_the_top(face: Mesh) -> None:
    for eye in (face[36:42], face[42:48]):
        assert eye[0, 0] == eye[:, 0].min()
        assert eye[3, 0] == eye[:, 0].max()
        assert eye[1:3, 1].max() < eye[4:6, 1].min()
        assert eye[1, 0] < eye[2, 0]
        assert eye[5, 0] < eye[4, 0]


def test_lips_go_round_and_the_inner_ring_lies_inside(face: Mesh) -> None:
    outer, inner = face[48:60], face[60:68]
    assert np.all(np.diff(outer[:7, 0]) > 0)
    assert np.all(np.diff(outer[6:, 0]) < 0)
    assert np.all(np.diff(inner[:5, 0]) > 0)
    assert np.all(np.diff(inner[4:, 0]) < 0)
    assert outer[1:6, 1].max() < outer[7:12, 1].min()
    assert outer[2:5, 1].max() < inner[1:4, 1].min() + 0.5
    assert inner[5:8, 1].max() < outer[8:11, 1].min() + 0.5


def test_table_is_symmetric(mesh: Mesh) -> None:
    """Mirrored rows name mirrored places: halves of a nearly frontal face match after a flip."""
    mirror = [
        *range(16, -1, -1),
        *range(26, 16, -1),
        *range(27, 31),
        *range(35, 30, -1),
        *(45, 44, 43, 42, 47, 46),
        *(39, 38, 37, 36, 41, 40),
        *(54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55),
        *(64, 63, 62, 61, 60, 67, 66, 65),
    ]
    face = face_points(mesh)[:, :2]
    axis = face[45] - face[36]
    unit = np.linalg.norm(axis)
    axis /= unit
    upright = (face - face[27]) @ np.array([[axis[0], -axis[1]], [axis[1], axis[0]]]) / unit
    flipped = upright[mirror] * (-1, 1)
    assert np.linalg.norm(flipped - upright, axis=1).max() < 0.12


def test_pupils_are_in_the_eyes(mesh: Mesh) -> None:
    face, pupils = face_points(mesh)[:, :2], pupil_points(mesh)[:, :2]
    assert face[36, 0] < pupils[0, 0] < face[39, 0]
    assert face[42, 0] < pupils[1, 0] < face[45, 0]


def test_wrong_mesh_is_refused() -> None:
    with pytest.raises(ValueError, match="468"):
        face_points(np.zeros((468, 3)))
