"""The LoRAs that the painting is made with, and how much of each."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.window.widgets.controls import ElidedLabel, make_button

_SCALE_STEP = 0.1
_BESIDE_PX = 20  # border and padding


class ScaleBox(QLineEdit):
    """How much of a LoRA, 0 to 1. Up and Down change it; it is taken on Enter, or by going elsewhere.

    Signals:
        taken(float): Another scale than the last one is to hold.

    Args:
        name: Of the LoRA.
    """

    taken = Signal(float)

    def __init__(self, name: str) -> None:
        super().__init__()
        self._scale = 1.0
        self.setFixedWidth(self.fontMetrics().horizontalAdvance("0.00") + _BESIDE_PX)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setValidator(QRegularExpressionValidator(r"[01]?([.,][0-9]{0,2})?", self))
        self.setAccessibleName(f"Weight of {name}")
        self.setToolTip(f"How much of {name}, 0 to 1. Up and Down change it, Enter takes it.")
        self.editingFinished.connect(self._on_finished)

    def show_scale(self, scale: float) -> None:
        """Show what holds now."""
        self._scale = scale
        self.setText(f"{scale:g}")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take a step on Up and Down."""
        sign = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1}.get(Qt.Key(event.key()), 0)
        if sign == 0:
            super().keyPressEvent(event)
            return
        self.setText(f"{min(max(self._typed() + sign * _SCALE_STEP, 0.0), 1.0):.2g}")

    def _typed(self) -> float:
        """Return the scale as typed; nothing typed is what holds."""
        text = self.text().replace(",", ".")
        return min(float(text), 1.0) if text not in ("", ".") else self._scale

    def _on_finished(self) -> None:
        scale = self._typed()
        is_new = scale != self._scale
        self.show_scale(scale)
        if is_new:
            self.taken.emit(scale)


class LoraList(QWidget):
    """A short list: each LoRA by its file's name, with its weight and a way out.

    Signals:
        add_wanted(): The user wants to choose a file.
        scale_chosen(str, float): How much of the LoRA of this path.
        remove_wanted(str): The LoRA of this path is not wanted any more.
    """

    add_wanted = Signal()
    scale_chosen = Signal(str, float)
    remove_wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._paths: list[str] = []
        self._rows: list[QWidget] = []
        self.scales: list[ScaleBox] = []
        self.removes: list[QWidget] = []
        self.add = make_button("Add a &LoRA…", "plus")
        self.add.setToolTip("A small file that teaches the model a style or a subject (.safetensors)")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(4)
        self._column.addWidget(self.add)
        self.add.clicked.connect(self.add_wanted)

    def show_loras(self, loras: Sequence[tuple[str, float]]) -> None:
        """Show these paths and weights, without telling anybody."""
        paths = [path for path, _scale in loras]
        if paths != self._paths:
            self._paths = paths
            self._make_rows()
        for box, (_path, scale) in zip(self.scales, loras, strict=True):
            box.show_scale(scale)

    def _make_rows(self) -> None:
        focus = self.focusWidget()
        if focus is not None and any(row.isAncestorOf(focus) for row in self._rows):
            self.add.setFocus()  # what had the focus goes
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.scales, self.removes = [], []
        self._rows = [self._make_row(path) for path in self._paths]
        for place, row in enumerate(self._rows):
            self._column.insertWidget(place, row)
        chain = [widget for pair in zip(self.scales, self.removes, strict=True) for widget in pair]
        # The first pair puts the rows where the button stands, the last one puts it behind them.
        for before, after in pairwise([self.add, *chain, self.add]):
            QWidget.setTabOrder(before, after)

    def _make_row(self, path: str) -> QWidget:
        name = Path(path).stem
        label = ElidedLabel(name)
        label.show_text(name, path)
        box = ScaleBox(name)
        remove = make_button("", "close", "ghost", f"Paint without {name}")
        remove.setProperty("compact", "true")
        box.taken.connect(lambda taken: self.scale_chosen.emit(path, taken))
        remove.clicked.connect(lambda: self.remove_wanted.emit(path))
        self.scales.append(box)
        self.removes.append(remove)
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(label, 1)
        layout.addWidget(box)
        layout.addWidget(remove)
        return row
