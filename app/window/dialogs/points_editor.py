"""The dialog in which the user puts an avatar's points where they belong."""

from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFont, QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from app.window.dialogs.point_edits import PART_OF, PARTS, Grip, PointEdits, point_title
from app.window.dialogs.points_canvas import PointsCanvas
from app.window.widgets.controls import Segment, Segments, make_button
from app.window.widgets.theme import make_label
from engine.types import Avatar

_SIDE_PX = 272
_ROW_PX = 24
_KEYS = (
    "Drag a point, or use the keys: N and B for the next and the point before, arrows to move it, "
    "Shift for larger steps, Space if it is not in the picture. Plus and minus or the wheel scale a part."
)


class PointsEditor(QDialog):
    """Edits the points of ``avatar``; ``edited_avatar()`` is the result once it was accepted.

    Args:
        avatar: The avatar as it was found.
        reason: A sentence that says why the user is asked, shown on top.
        parent: The window.
    """

    def __init__(self, avatar: Avatar, reason: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Points of {avatar.name}")
        self._avatar = avatar
        self._edits = PointEdits(avatar)
        self.canvas = PointsCanvas(avatar.rgb, self._edits)
        self.parts = QListWidget()
        self.grip = Segments(
            "Drag moves",
            [
                Segment(Grip.POINT, "Point", "A drag moves one point"),
                Segment(Grip.PART, "Part", "A drag moves the whole part, for example an eye"),
                Segment(Grip.ALL, "All", "A drag moves all points together"),
            ],
        )
        self.undo_button = make_button("&Undo", "undo", about="Take the last step back (Ctrl+Z)")
        self.reset_button = make_button("&Reset", "retry", about="Back to the points that were found")
        self.save_button = make_button("&Use these points", "check", "confirm")
        self.cancel_button = make_button("Cancel")
        self._where = QLabel()
        self._build(reason)
        self._connect()
        self.grip.choose(Grip.POINT)
        self._show_selected(0)
        self._show_edited()
        self.canvas.setFocus()

    def edited_avatar(self) -> Avatar:
        """Return the avatar with the points as they stand; set by hand, they count as certain."""
        points, scores = self._edits.points.copy(), self._edits.scores.copy()
        return replace(self._avatar, points=points, scores=scores, confidence=1.0)

    def _build(self, reason: str) -> None:
        outer = QVBoxLayout(self)
        outer.setContentsMargins(16, 16, 16, 16)
        outer.setSpacing(12)
        heading = make_label(reason)
        heading.setWordWrap(True)
        outer.addWidget(heading)
        middle = QHBoxLayout()
        middle.setSpacing(16)
        middle.addWidget(self.canvas, 1)
        middle.addWidget(self._build_side())
        outer.addLayout(middle, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.reset_button)
        buttons.addWidget(self.undo_button)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.save_button)
        outer.addLayout(buttons)
        self.save_button.setDefault(True)

    def _build_side(self) -> QWidget:
        side = QWidget()
        side.setFixedWidth(_SIDE_PX)
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(make_label("Drag moves", "muted"))
        column.addWidget(self.grip)
        self._where.setFont(make_label("", weight=QFont.Weight.DemiBold).font())
        self._where.setWordWrap(True)
        column.addWidget(self._where)
        self.parts.setProperty("role", "parts")
        self.parts.setAccessibleName("Parts")
        for part in PARTS:
            item = QListWidgetItem(part.name)
            item.setSizeHint(QSize(0, _ROW_PX))
            self.parts.addItem(item)
        column.addWidget(self.parts, 1)
        keys = make_label(_KEYS, "muted", 0.9)
        keys.setWordWrap(True)
        column.addWidget(keys)
        return side

    def _connect(self) -> None:
        self.canvas.selected.connect(self._show_selected)
        self.canvas.edited.connect(self._show_edited)
        self.parts.currentRowChanged.connect(self._select_part)
        self.grip.chosen.connect(self.canvas.hold)
        self.undo_button.clicked.connect(self._undo)
        self.reset_button.clicked.connect(self._reset)
        self.save_button.clicked.connect(self.accept)
        self.cancel_button.clicked.connect(self.reject)
        QShortcut(QKeySequence(QKeySequence.StandardKey.Undo), self, self._undo)

    def _select_part(self, row: int) -> None:
        # The list follows the canvas too: only a row of another part moves the selection.
        if row >= 0 and PART_OF[self.canvas.index] != row:
            self.canvas.select(PARTS[row].indices[0])

    def _show_selected(self, index: int) -> None:
        self._show_where(index)
        self.parts.setCurrentRow(PART_OF[index])

    def _show_where(self, index: int) -> None:
        seen = "" if self._edits.scores[index] > 0 else " (not in the picture)"
        self._where.setText(f"{point_title(index)}{seen}")

    def _show_edited(self) -> None:
        self.undo_button.setEnabled(self._edits.can_undo)
        self._show_where(self.canvas.index)

    def _undo(self) -> None:
        self._edits.undo()
        self._show_edited()
        self.canvas.update()

    def _reset(self) -> None:
        self._edits.reset()
        self._show_edited()
        self.canvas.update()


def edit_points(avatar: Avatar, reason: str, parent: QWidget | None = None) -> Avatar | None:
    """Ask the user for the points of ``avatar``; return the edited avatar, or None when cancelled."""
    editor = PointsEditor(avatar, reason, parent)
    editor.setWindowModality(Qt.WindowModality.WindowModal)
    editor.resize(960, 640)
    is_accepted = editor.exec() == QDialog.DialogCode.Accepted
    edited = editor.edited_avatar() if is_accepted else None
    editor.deleteLater()
    return edited
