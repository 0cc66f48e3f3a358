"""Files that are dropped on the window."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from app.window.widgets.controls import Card
from app.window.widgets.theme import set_role

PICTURE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp"})
CLIP_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".m4v"})


def dropped_file(mime: QMimeData, suffixes: Iterable[str]) -> Path | None:
    """Return the one local file of a drag when its ending is among ``suffixes``, else None."""
    urls = mime.urls() if mime.hasUrls() else []
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = Path(urls[0].toLocalFile())
    return path if path.suffix.lower() in suffixes else None


class PictureCard(Card):
    """A card that takes a picture file by drag and drop.

    Signals:
        picture_dropped(Path): A picture file was dropped here.

    Args:
        title: See ``Card``.
        trailing: See ``Card``.
    """

    picture_dropped = Signal(object)

    def __init__(self, title: str, trailing: QWidget | None = None) -> None:
        super().__init__(title, trailing)
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Take one picture file, and look inviting."""
        if dropped_file(event.mimeData(), PICTURE_SUFFIXES) is not None:
            event.acceptProposedAction()
            set_role(self, "dropping", "true")

    def dragLeaveEvent(self, _event: QDragLeaveEvent) -> None:
        """Stop looking inviting."""
        set_role(self, "dropping", "false")

    def dropEvent(self, event: QDropEvent) -> None:
        """Hand the picture on."""
        set_role(self, "dropping", "false")
        path = dropped_file(event.mimeData(), PICTURE_SUFFIXES)
        if path is not None:
            event.acceptProposedAction()
            self.picture_dropped.emit(path)
