"""Everything that leaves the window: virtual camera, recording, snapshot, panic."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import Any

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices

from app.window.desks.show import Show
from app.window.dialogs.file_picker import new_file, recordings_folder, snapshots_folder
from app.window.panels.banner import News, Offer, Tone, news_of
from app.window.ports import Report, SessionPort
from engine.errors import SinkError, UnderstudyError
from engine.status import Status

OpenFolder = Callable[[Path], None]


def open_folder(folder: Path) -> None:
    """Show a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))


class OutputDesk:
    """Connects the bottom bar.

    Args:
        show: The session and its surroundings.
        open_folder: Shows a folder to the user.
    """

    def __init__(self, show: Show, open_folder: OpenFolder = open_folder) -> None:
        self._show = show
        self._open_folder = open_folder
        self._bar = show.window.controls
        self._recording_since_s: float | None = None
        self._refusals: dict[str, News] = {}
        self._bar.live_wanted.connect(self.go_live)
        self._bar.record_wanted.connect(self.record)
        self._bar.snapshot_wanted.connect(self.snapshot)
        self._bar.panic_wanted.connect(show.panic)

    def show_status(self, status: Status) -> None:
        """Set the buttons to what is really going on."""
        self._bar.show_live(status.is_live)
        self._bar.show_panic(status.is_panicked)
        if not status.is_recording:
            self._recording_since_s = None
        elif self._recording_since_s is None:
            self._recording_since_s = monotonic()
        elapsed_s = 0.0 if self._recording_since_s is None else monotonic() - self._recording_since_s
        self._bar.show_recording(status.is_recording, elapsed_s)

    def go_live(self, is_wanted: bool) -> None:
        """Feed the virtual camera, or stop."""
        if is_wanted:
            self._try("live", lambda session: session.go_live())
        else:
            self._try("live", lambda session: session.stop_live())

    def record(self, is_wanted: bool) -> None:
        """Record, or stop."""
        if not is_wanted:
            self._try("record", lambda session: session.stop_recording(), self._on_recorded)
            return
        folder = recordings_folder(self._show.preferences.output_folder)
        self._try("record", lambda session: session.start_recording(_prepare(folder, ".mp4")))

    def snapshot(self) -> None:
        """Keep the picture of now."""
        folder = snapshots_folder(self._show.preferences.output_folder)
        self._show.ask(lambda session: _snapshot(session, folder), self._on_snapshot)

    def _try(
        self, key: str, call: Callable[[SessionPort], Any], then: Callable[[Any], None] | None = None
    ) -> None:
        """Ask the session; a new try takes the refusal of the one before from the banner."""
        refusal = self._refusals.pop(key, None)
        if refusal is not None:
            self._show.withdraw(refusal)

        def failed(error: UnderstudyError) -> None:
            self._refusals[key] = news_of(error)
            self._show.tell(self._refusals[key])

        self._show.ask(call, then, failed, key)

    def _on_recorded(self, report: Report | None) -> None:
        if report is None:
            return
        if report.frames == 0:
            message = "Nothing was recorded: there was no picture meanwhile."
            self._show.tell(News(Tone.WARNING, message, "Record for longer."))
            return
        minutes, seconds = divmod(round(report.seconds), 60)
        self._tell_saved(report.path, f"Recorded {minutes}:{seconds:02d} to {report.path.name}.")

    def _on_snapshot(self, path: Path | None) -> None:
        if path is not None:
            self._tell_saved(path, f"Kept {path.name}.")

    def _tell_saved(self, path: Path, message: str) -> None:
        offers = (Offer("Show in folder", lambda: self._open_folder(path.parent)),)
        self._show.tell(News(Tone.GOOD, message, str(path.parent), offers))


def _prepare(folder: Path, suffix: str) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"The folder {folder} cannot be made: {error.strerror}."
        raise SinkError(message, hint="Make it writable, or free some disk space.") from error
    return new_file(folder, suffix, datetime.now().astimezone())


def _snapshot(session: SessionPort, folder: Path) -> Path:
    path = _prepare(folder, ".png")
    session.snapshot(path)
    return path
