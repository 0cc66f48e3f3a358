"""What the desks of the window share: the session, the command thread, the preferences, the banner."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.preferences import Preferences, PreferencesFile
from app.window.banner import News, Tone, news_of
from app.window.commands import Commands, Failed
from app.window.main_window import MainWindow
from app.window.ports import Backstage, SessionPort
from app.window.wishes import settings_from
from engine.errors import UnderstudyError
from engine.settings import Settings
from engine.status import SessionState, Status


class Show:
    """One session and what is known about it. Thread: the window's, but for what it hands to ``Commands``.

    Args:
        window: Where everything is shown.
        backstage: What is behind it.
        file: Where the preferences are kept.
    """

    def __init__(self, window: MainWindow, backstage: Backstage, file: PreferencesFile) -> None:
        self.window = window
        self.backstage = backstage
        self.commands = Commands(self.tell_error)
        self.preferences = Preferences()
        self.is_changed = False
        self._file = file
        self._session: SessionPort | None = None
        self._is_panic_wanted = False
        self._build_error: UnderstudyError | None = None

    @property
    def session(self) -> SessionPort | None:
        """The session, or None before it was built."""
        return self._session

    @property
    def runtime_text(self) -> str:
        """Which library runs the networks; empty before they are loaded."""
        return self._session.runtime_text if self._session is not None else ""

    def load_preferences(self) -> None:
        """Read what was remembered; say so when it was damaged."""
        self.preferences, message = self._file.load()
        if message:
            self.tell(News(Tone.WARNING, message))

    def remember(self, **changes: Any) -> None:
        """Change the preferences; they are written a moment later."""
        self.remember_all(replace(self.preferences, **changes))

    def remember_all(self, preferences: Preferences) -> None:
        """Take these preferences in place of the old ones; they are written a moment later."""
        if preferences != self.preferences:
            self.preferences = preferences
            self.is_changed = True

    def save_preferences(self) -> None:
        """Write the preferences if they changed; say so once when they cannot be written."""
        if not self.is_changed:
            return
        self.is_changed = False
        try:
            self._file.save(self.preferences)
        except OSError as error:
            message = f"The settings cannot be saved to {self._file.path}: {error.strerror}."
            self.tell(News(Tone.WARNING, message, "They hold until the window is closed."))

    def tell(self, news: News) -> None:
        """Show ``news`` on the banner."""
        self.window.banner.show_news(news)

    def tell_error(self, error: UnderstudyError) -> None:
        """Show an error on the banner."""
        self.tell(news_of(error))

    def build(self) -> None:
        """Build and start the session on the command thread."""
        self._build_error = None
        settings = settings_from(self.preferences)
        self.commands.submit(lambda: self._build(settings), failed=self._on_build_failed)

    def rebuild(self) -> None:
        """Try again after an error: start the session anew, or build it if that is what failed."""
        if self._session is None:
            self.build()
        else:
            self.ask(lambda session: session.restart())

    def ask(
        self,
        call: Callable[[SessionPort], Any],
        then: Callable[[Any], None] | None = None,
        failed: Failed | None = None,
        key: str = "",
    ) -> None:
        """Call the session on the command thread; see ``Commands.submit``. Without one, nothing is called."""

        def work() -> object:
            return None if self._session is None else call(self._session)

        self.commands.submit(work, then, failed, key)

    def panic(self, is_wanted: bool) -> None:
        """Show the standby card before this returns, or come back. Never waits behind other commands."""
        self._is_panic_wanted = is_wanted
        if self._session is not None:
            self._session.panic(is_wanted)

    def status(self) -> Status:
        """Return the newest status, also while there is no session yet."""
        if self._session is not None:
            return self._session.status()
        state = SessionState.STARTING if self._build_error is None else SessionState.ERROR
        return Status(state=state, error=self._build_error, is_panicked=self._is_panic_wanted)

    def close(self) -> None:
        """Stop the session and end the command thread."""
        self.save_preferences()
        self.commands.close(last=self._stop)

    def _build(self, settings: Settings) -> None:
        session = self.backstage.build_session(settings)
        session.start()
        self._session = session
        if self._is_panic_wanted:
            session.panic(True)

    def _on_build_failed(self, error: UnderstudyError) -> None:
        self._build_error = error

    def _stop(self) -> None:
        if self._session is not None:
            self._session.stop()
