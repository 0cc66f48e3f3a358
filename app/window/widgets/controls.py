"""The few control kinds that the whole window is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from app.style import DARK
from app.style.palette import GRID_PX
from app.window.widgets.icons import ICON_PX, make_icon
from app.window.widgets.theme import make_label, scaled_font

_CAP_PX = 20


class Card(QFrame):
    """A titled group of controls.

    Args:
        title: Its heading, also its accessible name.
        trailing: A widget at the right end of the heading.
    """

    def __init__(self, title: str, trailing: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAccessibleName(title)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(12, 10, 12, 12)
        self.body.setSpacing(GRID_PX)
        heading = QHBoxLayout()
        heading.setSpacing(GRID_PX)
        heading.addWidget(make_label(title, weight=QFont.Weight.DemiBold))
        heading.addStretch(1)
        if trailing is not None:
            heading.addWidget(trailing)
        self.body.addLayout(heading)


class Named(QWidget):
    """A control with its name before it, on one line.

    Args:
        name: What is shown.
        control: What it names; it takes the rest of the line.
    """

    def __init__(self, name: str, control: QWidget) -> None:
        super().__init__()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(GRID_PX)
        row.addWidget(make_label(name, "muted", 0.9))
        row.addWidget(control, 1)


class ElidedLabel(QLabel):
    """A one-line label that ends in an ellipsis when it is too long; the whole text is its tool tip."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__()
        self.setProperty("role", role)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._whole = self._about = ""
        self.show_text(text)

    @property
    def whole_text(self) -> str:
        """The text before it was shortened."""
        return self._whole

    def show_text(self, text: str, about: str = "") -> None:
        """Show ``text`` as far as there is room; ``about`` is a longer tool tip."""
        if (text, about) != (self._whole, self._about):
            self._whole, self._about = text, about
            self.setAccessibleName(about or text)
            self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten again to the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        shown = self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width())
        self.setText(shown)
        self.setToolTip(self._about or (self._whole if shown != self._whole else ""))


@dataclass(frozen=True, slots=True)
class Segment:
    """One choice of ``Segments``: what it stands for, its text, and a longer sentence about it."""

    value: Any
    text: str
    about: str = ""


class Segments(QFrame):
    """A row of choices, one of which is taken. Arrow keys walk through it.

    Signals:
        chosen(object): The user took another value.
    """

    chosen = Signal(object)

    def __init__(self, name: str, segments: Sequence[Segment]) -> None:
        super().__init__()
        self.setProperty("role", "segments")
        self.setAccessibleName(name)
        self._group = QButtonGroup(self)
        self._values = [segment.value for segment in segments]
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        for index, segment in enumerate(segments):
            button = QPushButton(segment.text)
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setAccessibleName(f"{name}: {segment.text}")
            button.setToolTip(segment.about)
            self._group.addButton(button, index)
            row.addWidget(button)
        self._group.idClicked.connect(self._on_clicked)
        self._group.buttonToggled.connect(self._lead_tab)

    @property
    def value(self) -> Any:
        """The value taken now, or None before the first choice."""
        index = self._group.checkedId()
        return self._values[index] if index >= 0 else None

    def buttons(self) -> list[QPushButton]:
        """Return the buttons in order."""
        return [button for button in self._group.buttons() if isinstance(button, QPushButton)]

    def choose(self, value: object) -> None:
        """Take ``value`` without telling anybody. Raises ``ValueError`` for an unknown one."""
        self._group.button(self._values.index(value)).setChecked(True)

    def _on_clicked(self, index: int) -> None:
        self.chosen.emit(self._values[index])

    @staticmethod
    def _lead_tab(button: QAbstractButton, is_chosen: bool) -> None:
        # Qt lets Tab stop at the first of a group; a key pressed there would choose it.
        button.setFocusPolicy(Qt.FocusPolicy.StrongFocus if is_chosen else Qt.FocusPolicy.ClickFocus)


class ActionButton(QPushButton):
    """A large button of the bottom bar: icon, text, and the key that does the same.

    Args:
        text: Its text; without a mnemonic, since the key cap already shows the key.
        icon: Name of the icon.
        key: The one-letter shortcut, shown as a small key cap.
        role: ``action``, ``primary`` or ``danger`` of the style sheet.
    """

    def __init__(self, text: str, icon: str, key: str, role: str = "action") -> None:
        super().__init__(text)
        self.setProperty("role", role)
        self._key = key
        self._role = role
        self.setIconSize(QSize(ICON_PX, ICON_PX))
        self.setIcon(make_icon(icon, self._ink(False), checked_colour=self._ink(True)))

    def set_checked_icon(self, icon: str, checked: str) -> None:
        """Show ``icon`` at rest and ``checked`` while checked."""
        self.setIcon(make_icon(icon, self._ink(False), checked, self._ink(True)))

    def set_key(self, key: str) -> None:
        """Show another key cap."""
        if key != self._key:
            self._key = key
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paint the button, then its key cap."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        ink = QColor(self._ink(self.isChecked()) if self.isEnabled() else DARK.disabled)
        painter.setFont(scaled_font(self, 0.8, QFont.Weight.DemiBold))
        wide = max(_CAP_PX, painter.fontMetrics().horizontalAdvance(self._key) + 8)
        cap = QRectF(self.width() - wide - 12, (self.height() - _CAP_PX) / 2, wide, _CAP_PX)
        line = QColor(ink)
        line.setAlphaF(0.55)
        painter.setPen(QPen(line, 1))
        painter.drawRoundedRect(cap.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5)
        painter.setPen(ink)
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, self._key)
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        """Repaint the cap when the button is enabled or disabled."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self.update()

    def _ink(self, is_checked: bool) -> str:
        match self._role:
            case "primary":
                return DARK.accent if is_checked else DARK.on_accent
            case "danger":
                return DARK.text if is_checked else DARK.on_danger
            case _:
                return DARK.record if is_checked else DARK.text


def make_button(text: str, icon: str = "", role: str = "", about: str = "") -> QPushButton:
    """Return a control-high button; without text its ``about`` is its accessible name."""
    button = QPushButton(text)
    button.setProperty("role", role)
    button.setToolTip(about)
    button.setAccessibleName(text.replace("&", "") or about)
    if icon:
        colour = DARK.on_accent if role == "confirm" else DARK.text
        button.setIcon(make_icon(icon, colour, checked_colour=DARK.accent))
        button.setIconSize(QSize(18, 18))
    return button
