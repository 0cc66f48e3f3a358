"""The square that is searched: middle first, then the sides; it stays with the face."""

import numpy as np
import pytest

from engine.track.window import FaceWindow, Window


def face_at(x: float, y: float) -> np.ndarray:
    return np.array([(x - 0.1, y - 0.1, -0.05), (x + 0.1, y + 0.1, 0.05)])


def test_a_square_picture_is_one_window() -> None:
    window = FaceWindow(480, 480)
    for _ in range(5):
        assert window.window == Window(left=0, top=0, side=480)
        window.missed()


def test_a_wide_picture_is_searched_middle_left_right() -> None:
    window, lefts = FaceWindow(1280, 720), []
    for _ in range(8):
        lefts.append(window.window.left)
        window.missed()
    assert lefts == [280, 280, 0, 0, 560, 560, 280, 280]


def test_a_tall_picture_is_searched_along_its_height() -> None:
    window, tops = FaceWindow(480, 640), []
    for _ in range(6):
        tops.append((window.window.left, window.window.top))
        window.missed()
    assert tops == [(0, 80), (0, 80), (0, 0), (0, 0), (0, 160), (0, 160)]


def test_points_go_to_fractions_of_the_picture() -> None:
    window = FaceWindow(1280, 720)
    placed = window.to_picture(np.array([(0.5, 0.25, 0.1)]))
    assert placed[0] == pytest.approx(((280 + 360) / 1280, 0.25, 72 / 1280))


def test_the_window_stays_with_a_face_well_inside() -> None:
    window = FaceWindow(1280, 720)
    for x in (0.3, 0.5, 0.7):
        window.found(face_at(x, 0.5))
        assert window.window.left == 280


def test_the_window_follows_a_face_to_the_edge_but_not_out_of_the_picture() -> None:
    window = FaceWindow(1280, 720)
    window.found(face_at(0.88, 0.5))
    assert window.window.left == 280 + int(0.38 * 720)
    window.found(face_at(0.95, 0.5))
    assert window.window.left == 560
    window.found(face_at(0.97, 0.5))
    assert window.window.left == 560


def test_one_miss_does_not_move_the_window() -> None:
    window = FaceWindow(1280, 720)
    window.found(face_at(0.9, 0.5))
    place = window.window
    window.missed()
    assert window.window == place
    window.found(face_at(0.5, 0.5))
    window.missed()
    assert window.window == place
