"""Drop-down lists."""

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QComboBox, QStyle, QStyleOptionComboBox, QStylePainter

from app.style import DARK
from app.window.widgets.icons import icon_pixmap, make_icon

_ICON_GAP_PX = 8
_OPENING_KEYS = frozenset(
    {Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter}
)


class Picker(QComboBox):
    """A drop-down list with our own chevron.

    Signals:
        opening(): The list is about to be shown (time to look for new cameras).
    """

    opening = Signal()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        self._chevron = icon_pixmap("chevron_down", DARK.muted, 16)

    def showPopup(self) -> None:
        """Open the list."""
        self.opening.emit()
        super().showPopup()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Open the list; walking through it closed would switch cameras at every step."""
        if event.key() in _OPENING_KEYS:
            self.showPopup()
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to what scrolls."""
        event.ignore()

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the box, its text as far as there is room, and the chevron."""
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        field = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        icon_px = 0 if self.itemIcon(self.currentIndex()).isNull() else self.iconSize().width() + _ICON_GAP_PX
        option.currentText = option.fontMetrics.elidedText(
            option.currentText, Qt.TextElideMode.ElideRight, field.width() - icon_px
        )
        painter = QStylePainter(self)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
        painter.drawPixmap(self.width() - 24, (self.height() - 16) // 2, self._chevron)
        painter.end()


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of an ``EntryPicker``: what it stands for, its text, its icon, and its tool tip."""

    value: str
    title: str
    icon: str = ""
    about: str = ""


class EntryPicker(Picker):
    """A list that stays with what holds now: the window moves the choice once the other one is really there.

    Signals:
        taken(str): The user took another value.
    """

    taken = Signal(str)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._entries: list[Entry] = []
        self._value = ""
        self.activated.connect(self._on_activated)

    def show_entries(self, entries: Sequence[Entry], value: str) -> None:
        """Show these lines, with the one of ``value`` taken, without telling anybody."""
        if list(entries) == self._entries and value == self._value:
            return
        self._entries, self._value = list(entries), value
        self.clear()
        for row, entry in enumerate(entries):
            self.addItem(entry.title, entry.value)
            if entry.icon:
                self.setItemIcon(row, make_icon(entry.icon))
            self.setItemData(row, entry.about, Qt.ItemDataRole.ToolTipRole)
        self.setCurrentIndex(self.findData(value))
        self.setToolTip(next((entry.about or entry.title for entry in entries if entry.value == value), ""))

    def _on_activated(self, row: int) -> None:
        value = str(self.itemData(row))
        self.setCurrentIndex(self.findData(self._value))
        if value != self._value:
            self.taken.emit(value)
