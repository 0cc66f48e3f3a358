"""A card that shows how far the fetching of a model is, with a way to stop it."""

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QVBoxLayout

from app.window.widgets.controls import ElidedLabel, make_button
from app.window.widgets.theme import make_label, scaled_font

_STEPS = 1000
_BYTES_PER_GB = 1e9


class FetchCard(QFrame):
    """Name of the model, gigabytes, a bar, and *Cancel*.

    Signals:
        cancel_wanted(): Stop fetching; what is here already is kept.
    """

    cancel_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "banner")
        self.title = make_label("", weight=QFont.Weight.DemiBold)
        self.title.setWordWrap(True)
        self.detail = ElidedLabel("", "muted")
        self.detail.setFont(scaled_font(self.detail, 0.9))
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.cancel = make_button("Cancel", about="Stop; what is here already is kept for the next try")
        texts = QVBoxLayout()
        texts.setSpacing(6)
        texts.addWidget(self.title)
        texts.addWidget(self.bar)
        texts.addWidget(self.detail)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 10, 8, 10)
        row.setSpacing(12)
        row.addLayout(texts, 1)
        row.addWidget(self.cancel)
        self.cancel.clicked.connect(self._on_cancel)
        self.hide()

    def begin(self, title: str) -> None:
        """Show that the model ``title`` is about to be fetched."""
        self.title.setText(f"Fetching {title}")
        self.setAccessibleName(f"Fetching {title}")
        self.bar.setAccessibleName(f"Fetched of {title}")
        self.detail.show_text("Asking for it…")
        self.bar.setRange(0, 0)  # moves by itself until there is something to say
        self.cancel.setEnabled(True)
        self.show()

    def show_progress(self, done_bytes: int, total_bytes: int, file: str) -> None:
        """Show what is here of how much, and which file is under way."""
        if not self.cancel.isEnabled():
            return  # it is being stopped, and that is what the card says
        done_gb = done_bytes / _BYTES_PER_GB
        if total_bytes <= 0:
            self.detail.show_text(f"{done_gb:.2f} GB  ·  {file}")
            return
        self.bar.setRange(0, _STEPS)
        self.bar.setValue(min(int(_STEPS * done_bytes / total_bytes), _STEPS))
        self.detail.show_text(f"{done_gb:.2f} of {total_bytes / _BYTES_PER_GB:.2f} GB  ·  {file}")

    def end(self) -> None:
        """Nothing is fetched any more."""
        self.hide()

    def _on_cancel(self) -> None:
        self.cancel.setEnabled(False)
        self.detail.show_text("Stopping…")
        self.cancel_wanted.emit()
