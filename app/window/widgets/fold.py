"""A part of a card that is folded away until it is wanted."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.window.widgets.controls import make_button
from app.window.widgets.icons import make_icon


class Fold(QWidget):
    """A line that unfolds what is below it.

    Signals:
        unfolded(bool): The user unfolded it, or folded it again.

    Args:
        text: Of the line.
        about: Its tool tip.
    """

    unfolded = Signal(bool)

    def __init__(self, text: str, about: str) -> None:
        super().__init__()
        self._text = text
        self.line = make_button(text, "chevron_right", "fold", about)
        self.line.setCheckable(True)
        self._content = QWidget()
        self.body = QVBoxLayout(self._content)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(6)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.line)
        column.addWidget(self._content)
        self.line.toggled.connect(self._on_toggled)
        self._show_content(False)

    def show_unfolded(self, is_unfolded: bool) -> None:
        """Unfold or fold, without telling anybody."""
        with QSignalBlocker(self.line):
            self.line.setChecked(is_unfolded)
        self._show_content(is_unfolded)

    def show_note(self, note: str) -> None:
        """Say beside the line's text what cannot be seen while it is folded; empty for nothing."""
        text = f"{self._text}: {note}" if note else self._text
        self.line.setText(text)
        self.line.setAccessibleName(text.replace("&", ""))

    def _on_toggled(self, is_unfolded: bool) -> None:
        self._show_content(is_unfolded)
        self.unfolded.emit(is_unfolded)

    def _show_content(self, is_unfolded: bool) -> None:
        self._content.setVisible(is_unfolded)
        self.line.setIcon(make_icon("chevron_down" if is_unfolded else "chevron_right"))
