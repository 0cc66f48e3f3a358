"""Asks the user for files, and names the files that are made."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from PySide6.QtCore import QStandardPaths
from PySide6.QtWidgets import QFileDialog, QWidget

from app.window.widgets.dropping import CLIP_SUFFIXES, PICTURE_SUFFIXES
from app.window.wishes import STYLE_SUFFIX

MODEL_SUFFIXES = frozenset({STYLE_SUFFIX})


class FilePicker:
    """The system's own file dialogs. Tests hand in another one.

    Args:
        parent: The window that the dialogs belong to.
    """

    def __init__(self, parent: QWidget) -> None:
        self._parent = parent

    def clip(self) -> Path | None:
        """Ask for a video file; None when cancelled."""
        return self._ask("Choose a clip", QStandardPaths.StandardLocation.MoviesLocation, CLIP_SUFFIXES)

    def picture(self, title: str) -> Path | None:
        """Ask for a picture file; None when cancelled."""
        return self._ask(title, QStandardPaths.StandardLocation.PicturesLocation, PICTURE_SUFFIXES)

    def model_file(self, title: str) -> Path | None:
        """Ask for a file of weights; None when cancelled."""
        place = QStandardPaths.StandardLocation.DownloadLocation
        return self._ask(title, place, MODEL_SUFFIXES)

    def folder(self, title: str) -> Path | None:
        """Ask for a folder; None when cancelled."""
        name = QFileDialog.getExistingDirectory(self._parent, title, str(Path.home()))
        return Path(name) if name else None

    def _ask(
        self, title: str, place: QStandardPaths.StandardLocation, suffixes: Iterable[str]
    ) -> Path | None:
        folder = QStandardPaths.writableLocation(place)
        patterns = " ".join(f"*{suffix}" for suffix in sorted(suffixes))
        name, _ = QFileDialog.getOpenFileName(self._parent, title, folder, f"Files ({patterns})")
        return Path(name) if name else None


def recordings_folder(chosen: str = "") -> Path:
    """Return where recordings go: the chosen folder, else the user's videos."""
    return _folder(chosen, QStandardPaths.StandardLocation.MoviesLocation)


def snapshots_folder(chosen: str = "") -> Path:
    """Return where snapshots go: the chosen folder, else the user's pictures."""
    return _folder(chosen, QStandardPaths.StandardLocation.PicturesLocation)


def new_file(folder: Path, suffix: str, now: datetime) -> Path:
    """Return a path in ``folder`` that does not exist yet, named after the time."""
    stem = f"Understudy {now:%Y-%m-%d %H-%M-%S}"
    path = folder / f"{stem}{suffix}"
    number = 2
    while path.exists():
        path = folder / f"{stem} ({number}){suffix}"
        number += 1
    return path


def _folder(chosen: str, place: QStandardPaths.StandardLocation) -> Path:
    if chosen:
        return Path(chosen)
    found = QStandardPaths.writableLocation(place)
    return Path(found or Path.home()) / "Understudy"
