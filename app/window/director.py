"""Brings window and session together: the timers that pull, the status, the keys, beginning and end.

Pictures never travel through signals: a timer at the screen's refresh rate asks the session for the newest.
"""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QWidget

from app.preferences import PreferencesFile
from app.window.desks.avatar_desk import AvatarDesk, EditPoints
from app.window.desks.engine_desk import EngineDesk
from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.mode_desk import ModeDesk
from app.window.desks.news_desk import NewsDesk, WaysOut
from app.window.desks.output_desk import OpenFolder, OutputDesk, open_folder
from app.window.desks.show import Show
from app.window.desks.source_desk import SourceDesk
from app.window.desks.style_desk import StyleDesk
from app.window.desks.style_model_desk import StyleModelDesk
from app.window.dialogs.file_picker import FilePicker
from app.window.dialogs.keys import HelpSheet, Wish, install_keys
from app.window.dialogs.points_editor import edit_points
from app.window.dialogs.question import Ask, ask_question
from app.window.main_window import MainWindow
from app.window.ports import Backstage
from app.window.wishes import Mode, stage_from, with_stage
from engine.errors import UnderstudyError
from engine.settings import StageSettings
from engine.status import SessionState
from engine.types import Performance

STATUS_MS = 200
SAVE_MS = 500
_MAX_RATE_HZ = 60.0
_WITHOUT_PICTURE = {
    SessionState.STARTING: (
        "Getting ready",
        "The networks are being loaded: a few seconds, some more on the first start.",
    ),
    SessionState.STOPPED: ("Stopped", ""),
}
# In the other states the last performance is old, and old points would look like a tracker that works.
_TRACKING = frozenset({SessionState.SEARCHING, SessionState.LIVE, SessionState.LOST, SessionState.STANDBY})
_ONLY_CARD = frozenset({SessionState.STARTING, SessionState.STOPPED, SessionState.ERROR})


@dataclass(frozen=True, slots=True)
class Dialogs:
    """What asks the user something; tests hand in their own.

    Attributes:
        picker: Asks for files; the system's dialogs by default.
        edit_points: Shows the points editor.
        ask: Asks before the likeness is shown, and before anything is fetched.
        open_folder: Shows a folder.
    """

    picker: FilePicker | None = None
    edit_points: EditPoints = edit_points
    ask: Ask = ask_question
    open_folder: OpenFolder = open_folder


class Director(QObject):
    """Runs the show from ``open`` to the window's closing.

    Args:
        window: The window; it owns this object.
        backstage: The engine.
        file: Where the preferences are kept.
        dialogs: What asks the user.
    """

    def __init__(
        self, window: MainWindow, backstage: Backstage, file: PreferencesFile, dialogs: Dialogs | None = None
    ) -> None:
        super().__init__(window)
        dialogs = dialogs or Dialogs()
        picker = dialogs.picker or FilePicker(window)
        self._window = window
        self.show = Show(window, backstage, file)
        self.avatars = AvatarDesk(self.show, picker, dialogs.edit_points)
        self.sources = SourceDesk(self.show, picker)
        self.outputs = OutputDesk(self.show, dialogs.open_folder)
        self.fetches = FetchDesk(self.show, dialogs.ask)
        self.engine = EngineDesk(self.show, picker, self.fetches, dialogs.ask)
        self.painting = StyleDesk(self.show)
        self.style_model = StyleModelDesk(self.show, picker, self.fetches, dialogs.ask)
        self.modes = ModeDesk(self.show, dialogs.ask, self.style_model, self.fetches)
        self.news = NewsDesk(self.show, self._ways_out())
        self._picker = picker
        self._has_pictures = False
        self._is_tracking = False
        self.frame_timer = self._make_timer(self._frame_ms(), self.pull)
        self.frame_timer.setTimerType(Qt.TimerType.PreciseTimer)
        self.status_timer = self._make_timer(STATUS_MS, self.look)
        self.save_timer = self._make_timer(SAVE_MS, self.show.save_preferences)
        self._connect()
        self._install_keys()

    def open(self) -> None:
        """Show what was remembered and start the session. The window may be shown before or after."""
        self.show.load_preferences()
        preferences = self.show.preferences
        window = self._window
        window.place(preferences.window)
        window.show_fold(preferences.is_panel_folded)
        window.status_line.show_readout(preferences.is_readout_shown)
        window.stage.show_stage(stage_from(preferences))
        self.engine.refresh()
        self.painting.open()
        self.style_model.refresh()
        window.show_mode(self.show.mode)
        self.fetches.look()
        self.sources.open(begin=self.modes.open)
        self.avatars.fill()
        self.status_timer.start()
        self.save_timer.start()
        self.look()

    def pull(self) -> None:
        """Fetch the newest picture and performance, and what the command thread has finished."""
        self.show.commands.deliver()
        session = self.show.session
        if session is None or not self._has_pictures:
            self._window.view.show_picture(None)
            return
        self._window.view.show_picture(session.latest())
        self._window.you.points.show_performance(self._performance())

    def look(self) -> None:
        """Fetch the status and show it."""
        self.show.commands.deliver()
        self.fetches.pull()
        status = self.show.status()
        self._has_pictures = status.state not in _WITHOUT_PICTURE
        self._is_tracking = status.state in _TRACKING and self.show.mode is Mode.AVATAR
        if not self._has_pictures:
            self._window.view.show_words(*_WITHOUT_PICTURE[status.state])
        elif self.show.session is None:
            self._window.view.show_words("Nothing is running", "The message above says why.")
        self._window.view.show_on_air(status.is_live)
        self._window.status_line.show_status(status)
        is_likeness = self.show.mode is Mode.STYLISE and status.state not in _ONLY_CARD
        self._window.status_line.show_likeness(is_likeness)
        if self._performance() is None:
            is_starting = status.state is SessionState.STARTING
            self._window.you.show_unseen("Starting" if is_starting else "No picture")
        else:
            self._window.you.show_quality(status.tracking_quality)
        self._window.engine.show_status(status)
        self._window.engine.show_runtime(self.show.runtime_text)
        self.outputs.show_status(status)
        self.news.show_status(status)

    def close(self) -> None:
        """Stop the timers and the session, and remember the window's place."""
        for timer in (self.frame_timer, self.status_timer, self.save_timer):
            timer.stop()
        self.painting.close()
        self.fetches.close()
        self.show.remember(window=self._window.rectangle())
        self.show.close()

    def _performance(self) -> Performance | None:
        """Return what the tracker saw last, or None where it does not look or has not looked yet."""
        session = self.show.session
        return session.performance() if session is not None and self._is_tracking else None

    def _connect(self) -> None:
        window = self._window
        window.closing.connect(self.close)
        window.visibility_changed.connect(self._on_visibility)
        window.fold_chosen.connect(lambda is_folded: self.show.remember(is_panel_folded=is_folded))
        window.stage.stage_chosen.connect(self._set_stage)
        window.stage.picture_wanted.connect(self._ask_for_backdrop)
        window.status_line.readout_wanted.connect(
            lambda is_shown: self.show.remember(is_readout_shown=is_shown)
        )
        window.status_line.help_wanted.connect(self._show_help)

    def _install_keys(self) -> None:
        window, bar = self._window, self._window.controls

        def press(button: Callable[[], None]) -> Callable[[str], None]:
            return lambda _key: button()

        self.shortcuts = install_keys(
            window,
            {
                Wish.LIVE: press(bar.live.click),
                Wish.RECORD: press(bar.record.click),
                Wish.SNAPSHOT: press(bar.snapshot.click),
                Wish.PANIC: press(bar.press_panic),
                Wish.RETURN: press(bar.press_return),
                Wish.MODE: press(self.modes.switch),
                Wish.PROMPT: press(window.painting.prompt.setFocus),
                Wish.CALIBRATE: press(window.you.calibrate.click),
                Wish.MIRROR: press(window.you.mirror.toggle),
                Wish.AVATAR: lambda key: self.avatars.choose_number(int(key)),
                Wish.ADD: press(self.avatars.ask_for_picture),
                Wish.CLIP: press(self.sources.ask_for_clip),
                Wish.READOUT: press(window.status_line.readout_switch.toggle),
                Wish.FOLD: press(window.toggle_fold),
                Wish.HELP: press(self._show_help),
                Wish.QUIT: lambda _key: self._quit(),
            },
        )

    def _set_stage(self, stage: StageSettings) -> None:
        self.show.ask(
            lambda session: session.set_stage(stage),
            then=lambda _: self.show.remember_all(with_stage(self.show.preferences, stage)),
            failed=self._on_stage_failed,
            key="stage",
        )

    def _on_stage_failed(self, error: UnderstudyError) -> None:
        self._window.stage.show_stage(stage_from(self.show.preferences))
        self.show.tell_error(error)

    def _ask_for_backdrop(self) -> None:
        path = self._picker.picture("Choose a picture for the stage")
        if path is None:
            self._window.stage.show_stage(self._window.stage.stage)
        else:
            self._window.stage.take_picture(path)

    def _show_help(self) -> None:
        sheet = HelpSheet(self._window)
        sheet.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet.open()

    def _quit(self) -> None:
        self._window.close()

    def _on_visibility(self, is_visible: bool) -> None:
        if is_visible:
            self.frame_timer.setInterval(self._frame_ms())
            self.frame_timer.start()
        else:
            self.frame_timer.stop()

    def _ways_out(self) -> WaysOut:
        return WaysOut(
            self.show,
            self.sources,
            modes=self.modes,
            style=self.style_model,
            engine=self.engine,
            fetches=self.fetches,
        )

    def _make_timer(self, interval_ms: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setInterval(interval_ms)
        timer.timeout.connect(call)
        return timer

    def _frame_ms(self) -> int:
        rate_hz = min(max(self._screen_rate_hz(self._window), 1.0), _MAX_RATE_HZ)
        return max(int(1000 / rate_hz), 1)

    @staticmethod
    def _screen_rate_hz(widget: QWidget) -> float:
        screen = widget.screen()
        return float(screen.refreshRate()) if screen is not None else _MAX_RATE_HZ
