"""Points can be dragged, walked, nudged, scaled, hidden, undone and kept."""

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from app.window.dialogs.point_edits import MAX_UNDO, PART_OF, PARTS, Grip, PointEdits, point_title
from app.window.dialogs.points_editor import PointsEditor
from engine.types import CONTROL_INDEX, NUM_CONTROLS
from tests.gui.placeholder import make_avatar

NOSE = CONTROL_INDEX["nose_tip"]
EYE = CONTROL_INDEX["eye_left_0"]


@pytest.fixture
def editor():
    editor = PointsEditor(make_avatar(confidence=0.2), "Why.", None)
    editor.resize(960, 680)
    editor.show()
    editor.activateWindow()
    QTest.qWait(10)
    yield editor
    editor.close()
    editor.deleteLater()


def drag(editor: PointsEditor, index: int, dx: int, dy: int) -> None:
    canvas = editor.canvas
    start = canvas.place_of(index).toPoint()
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(canvas, start + QPoint(dx, dy))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=start + QPoint(dx, dy))


def moved(editor: PointsEditor) -> set[int]:
    before, after = make_avatar().points, editor.edited_avatar().points
    return set(np.flatnonzero(np.abs(after - before).max(axis=1) > 1e-4).tolist())


def test_every_point_belongs_to_one_part() -> None:
    assert sorted(index for part in PARTS for index in part.indices) == list(range(NUM_CONTROLS))
    assert all(part.indices for part in PARTS)
    assert point_title(EYE) == "Left eye, point 1 of 8"
    assert point_title(CONTROL_INDEX["neck"]) == "Neck"


def test_dragging_one_point(editor: PointsEditor) -> None:
    side = editor.canvas.picture_rect().width()
    before = make_avatar().points[NOSE]
    drag(editor, NOSE, 30, -12)
    after = editor.edited_avatar().points[NOSE]
    assert after == pytest.approx(before + np.array([30, -12]) / side, abs=1.5 / side)
    assert moved(editor) == {NOSE}
    assert editor.edited_avatar().confidence == 1.0


def test_dragging_a_part_and_all(editor: PointsEditor) -> None:
    QTest.mouseClick(editor.grip.buttons()[1], Qt.MouseButton.LeftButton)
    drag(editor, EYE, 10, 10)
    assert moved(editor) == set(PARTS[PART_OF[EYE]].indices)
    QTest.mouseClick(editor.grip.buttons()[2], Qt.MouseButton.LeftButton)
    drag(editor, EYE, -4, -4)
    assert len(moved(editor)) > NUM_CONTROLS - 3


def test_keys_walk_nudge_hide_and_undo(editor: PointsEditor) -> None:
    canvas = editor.canvas
    canvas.setFocus()
    canvas.select(NOSE)
    QTest.keyClick(canvas, Qt.Key.Key_N)
    assert canvas.index == NOSE + 1
    QTest.keyClick(canvas, Qt.Key.Key_B)
    before = editor.edited_avatar().points[NOSE].copy()
    QTest.keyClick(canvas, Qt.Key.Key_Right)
    QTest.keyClick(canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
    assert editor.edited_avatar().points[NOSE] == pytest.approx(before + np.array([1, 10]) / 256, abs=1e-4)
    QTest.keyClick(canvas, Qt.Key.Key_Space)
    assert editor.edited_avatar().scores[NOSE] == 0
    assert "not in the picture" in editor._where.text()
    for _ in range(3):
        QTest.mouseClick(editor.undo_button, Qt.MouseButton.LeftButton)
    assert moved(editor) == set()
    assert editor.edited_avatar().scores[NOSE] == 1
    assert not editor.undo_button.isEnabled()


def test_scaling_a_part_by_wheel_and_key(editor: PointsEditor) -> None:
    canvas = editor.canvas
    editor.grip.buttons()[1].click()
    canvas.select(EYE)
    before = np.ptp(editor.edited_avatar().points[list(PARTS[PART_OF[EYE]].indices), 0])
    wheel = QWheelEvent(
        QPointF(5, 5),
        canvas.mapToGlobal(QPointF(5, 5)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(canvas, wheel)
    QTest.keyClick(canvas, Qt.Key.Key_Plus)
    after = np.ptp(editor.edited_avatar().points[list(PARTS[PART_OF[EYE]].indices), 0])
    assert after == pytest.approx(before * 1.02**2, rel=1e-3)


def test_reset_can_be_undone(editor: PointsEditor) -> None:
    drag(editor, NOSE, 30, 0)
    editor.reset_button.click()
    assert moved(editor) == set()
    editor.undo_button.click()
    assert moved(editor) == {NOSE}


def test_list_and_canvas_follow_each_other(editor: PointsEditor) -> None:
    editor.parts.setCurrentRow(PART_OF[EYE])
    assert editor.canvas.index == PARTS[PART_OF[EYE]].indices[0]
    editor.canvas.select(NOSE)
    assert editor.parts.currentRow() == PART_OF[NOSE]
    assert editor.canvas.index == NOSE


def test_points_stay_in_the_picture() -> None:
    edits = PointEdits(make_avatar())
    edits.begin()
    edits.move([NOSE], 5.0, -5.0)
    assert edits.points[NOSE].tolist() == [1.0, 0.0]


def test_the_avatar_itself_is_never_changed() -> None:
    avatar = make_avatar()
    before = avatar.points.copy()
    edits = PointEdits(avatar)
    edits.begin()
    edits.move(edits.held_by(NOSE, Grip.ALL), 0.1, 0.1)
    assert np.array_equal(avatar.points, before)


def test_a_hidden_point_that_is_moved_is_seen_again() -> None:
    edits = PointEdits(make_avatar())
    wrist = CONTROL_INDEX["wrist_left"]
    assert edits.scores[wrist] == 0
    edits.move([wrist], 0.0, -0.1)
    assert edits.scores[wrist] == 1


def test_undo_has_an_end() -> None:
    edits = PointEdits(make_avatar())
    for _ in range(MAX_UNDO + 20):
        edits.begin()
    assert len(edits._undo) == MAX_UNDO
    for _ in range(MAX_UNDO + 1):
        edits.undo()
    assert not edits.can_undo
