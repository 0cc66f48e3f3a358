"""The prompt: what the user's picture is painted as."""

from PySide6.QtCore import QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit, QSizePolicy

SETTLE_MS = 400
"""A prompt is taken this long after the last key stroke."""

_PROMPT_LINES = 3


class PromptBox(QPlainTextEdit):
    """A few lines of prompt. Enter takes it at once; Tab leaves it.

    Signals:
        settled(str): The prompt is to be taken: the user paused, pressed Enter, or went elsewhere.
        left(): The user went elsewhere.
    """

    settled = Signal(str)
    left = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Prompt")
        self.setPlaceholderText("What to paint you as")
        self.setToolTip("What your picture is painted as; it changes while you type (T)")
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.setMinimumHeight(self.fontMetrics().lineSpacing() * 2 + 20)
        self.setMaximumHeight(self.fontMetrics().lineSpacing() * _PROMPT_LINES + 24)
        self.pause = QTimer(self)
        self.pause.setSingleShot(True)
        self.pause.setInterval(SETTLE_MS)
        self.pause.timeout.connect(self.settle)
        self.textChanged.connect(self.pause.start)

    def show_prompt(self, prompt: str) -> None:
        """Show ``prompt`` without telling anybody."""
        with QSignalBlocker(self):
            self.setPlainText(prompt)
        self.pause.stop()

    def settle(self) -> None:
        """Have the prompt taken now."""
        self.pause.stop()
        self.settled.emit(" ".join(self.toPlainText().split()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Take the prompt on Enter."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.settle()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Take what was typed, without waiting for the pause."""
        super().focusOutEvent(event)
        if self.pause.isActive():
            self.settle()
        self.left.emit()
