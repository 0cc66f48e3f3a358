"""Changes that the session is built anew for: what would end is asked about first."""

from dataclasses import replace

from app.window.desks.show import Show
from app.window.dialogs.question import Ask, Question
from engine.status import SessionState


class Changes:
    """Changes what a session is built from.

    Args:
        show: The session and its surroundings.
        ask: Asks the user where something is going out.
    """

    def __init__(self, show: Show, ask: Ask) -> None:
        self._show = show
        self._ask = ask

    def build_with(self, **changes: object) -> bool:
        """Remember ``changes`` (fields of ``Preferences``) and build the session anew.

        Returns:
            Whether it is built anew: not where nothing changes, or where the user keeps what is going out.
        """
        preferences = replace(self._show.preferences, **changes)  # type: ignore[arg-type]  # by the callers
        if preferences == self._show.preferences or not self._may_end():
            return False
        self._show.remember_all(preferences)
        self._show.build()
        return True

    def _may_end(self) -> bool:
        status = self._show.status()
        if status.state is SessionState.ERROR or not (status.is_live or status.is_recording):
            return True  # nothing of worth goes out
        return self._ask(
            _question(is_live=status.is_live, is_recording=status.is_recording), self._show.window
        )


def _question(*, is_live: bool, is_recording: bool) -> Question:
    outputs = "virtual camera and the recording" if is_live and is_recording else "virtual camera"
    what = outputs if is_live else "recording"
    kept = " What was recorded is kept." if is_recording else ""
    return Question(
        title=f"Stop the {what}?",
        texts=(f"With this change the engine begins anew, so the {what} would stop.{kept}",),
        yes="Stop, and change",
        no="Keep going out",
        icon="warning",
    )
