"""What the desks of the window share: the session, the command thread, the preferences, the banner.

The session is built from a ``Plan``. Whatever is not hot (another mode, another model) makes a new plan: the
session that stands is taken down with all that it sends out, then the other one is built. Only the session of
the newest plan is ever shown or asked.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from app.preferences import Preferences, PreferencesFile
from app.window.desks.commands import Commands, Failed
from app.window.desks.handover import Ended, news_of_ended, take_down
from app.window.main_window import MainWindow
from app.window.panels.banner import News, Tone, news_of
from app.window.ports import Backstage, SessionPort, StylingPort
from app.window.wishes import Mode, Plan, mode_from, plan_from
from engine.errors import UnderstudyError
from engine.status import SessionState, Status


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """A session that was built, from its plan; ``styling`` changes the painting, where there is one."""

    plan: Plan
    session: SessionPort
    styling: StylingPort | None


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
        self._wanted: Plan | None = None
        self._standing: _Standing | None = None  # assigned by the command thread alone
        self._is_panic_wanted = False
        self._build_error: UnderstudyError | None = None
        self._after_build: list[Callable[[], None]] = []

    @property
    def session(self) -> SessionPort | None:
        """The session of the newest plan, or None before it was built."""
        standing = self._shown()
        return standing.session if standing is not None else None

    @property
    def mode(self) -> Mode:
        """What stands in the user's place, as wished."""
        return mode_from(self.preferences)

    @property
    def runtime_text(self) -> str:
        """Which library runs the networks; empty before they are loaded."""
        session = self.session
        return session.runtime_text if session is not None else ""

    def after_build(self, call: Callable[[], None]) -> None:
        """Have ``call`` ask of every new session what its settings cannot say."""
        self._after_build.append(call)

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

    def withdraw(self, news: News) -> None:
        """Take ``news`` from the banner: it does not hold any more."""
        self.window.banner.withdraw(news)

    def tell_error(self, error: UnderstudyError) -> None:
        """Show an error on the banner."""
        self.tell(news_of(error))

    def build(self) -> None:
        """Build and start the session that the preferences want, in place of the one that stands.

        What the old one sent out is over before the new one begins, and the user is told.
        """
        self._build_error = None
        plan = self._wanted = plan_from(self.preferences)
        mode, standing = self.mode, self._standing
        if standing is not None and standing.plan.stylise is not None:
            # Who leaves the likeness is not to be seen any more, and the end of a session takes a moment.
            standing.session.panic(True)
        self.commands.submit(self._take_down, lambda ended: self._on_ended(ended, mode))
        self.commands.submit(
            lambda: self._build(plan),
            lambda text: self._on_built(plan, text),
            lambda error: self._on_build_failed(plan, error),
            key="build",
        )
        for call in self._after_build:
            call()

    def use_source(self, source: str) -> None:
        """Take frames from another source; where nothing could be built, try again with it."""
        if self._build_error is None:
            self.ask(lambda session: session.set_source(source), key="source")
        else:
            self.build()

    def rebuild(self) -> None:
        """Try again after an error: start the session anew, or build it if that is what failed."""
        if self.session is None:
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
            session = self.session
            return None if session is None else call(session)

        self.commands.submit(work, then, failed, key)

    def restyle(
        self,
        call: Callable[[StylingPort], Any],
        then: Callable[[Any], None] | None = None,
        failed: Failed | None = None,
        key: str = "",
    ) -> None:
        """Change the painting on the command thread; without one, nothing is called."""

        def work() -> object:
            standing = self._shown()
            return None if standing is None or standing.styling is None else call(standing.styling)

        self.commands.submit(work, then, failed, key)

    def panic(self, is_wanted: bool) -> None:
        """Show the standby card before this returns, or come back. Never waits behind other commands."""
        self._is_panic_wanted = is_wanted
        standing = self._standing  # also one that is about to be taken down: it may still send
        if standing is not None and (is_wanted or standing is self._shown()):
            standing.session.panic(is_wanted)

    def status(self) -> Status:
        """Return the newest status, also while there is no session yet."""
        session = self.session
        if session is not None:
            return session.status()
        state = SessionState.STARTING if self._build_error is None else SessionState.ERROR
        return Status(state=state, error=self._build_error, is_panicked=self._is_panic_wanted)

    def close(self) -> None:
        """Stop the session and end the command thread."""
        self.save_preferences()
        self.commands.close(last=self._stop)

    def _shown(self) -> _Standing | None:
        standing = self._standing
        return standing if standing is not None and standing.plan is self._wanted else None

    def _take_down(self) -> Ended:
        if self._standing is None:
            return Ended()
        ended = take_down(self._standing.session)
        self._standing = None
        return ended

    def _on_ended(self, ended: Ended, mode: Mode) -> None:
        news = news_of_ended(ended, mode)
        if news is not None:
            self.tell(news)

    def _build(self, plan: Plan) -> str:
        """Build and start; return what is to be told of it, such as the memory that it takes."""
        if plan is not self._wanted:
            return ""  # the user has changed their mind meanwhile: the next command builds
        # What is missing is said at once, not after the seconds that loading takes.
        self.backstage.check_start(plan.settings, plan.stylise)
        standing = self._raise_up(plan)
        text = "" if standing.styling is None else standing.styling.memory_text(plan.settings)
        standing.session.start()
        self._standing = standing
        if self._is_panic_wanted:
            standing.session.panic(True)
        return text

    def _raise_up(self, plan: Plan) -> _Standing:
        if plan.stylise is None:
            return _Standing(plan, self.backstage.build_session(plan.settings), None)
        return _Standing(plan, *self.backstage.build_stylise(plan.settings, plan.stylise))

    def _on_built(self, plan: Plan, text: str) -> None:
        # What has ended is the more important news: it is not covered.
        if text and plan is self._wanted and self.window.banner.news is None:
            self.tell(News(Tone.INFO, text))

    def _on_build_failed(self, plan: Plan, error: UnderstudyError) -> None:
        if plan is self._wanted:
            self._build_error = error

    def _stop(self) -> None:
        if self._standing is not None:
            self._standing.session.stop()
