"""A desk for what the session is built from: what would end with a change is asked about first."""

from abc import ABC, abstractmethod
from dataclasses import replace

from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.dialogs.question import Ask, Question
from engine.status import SessionState


class BuildingDesk(ABC):
    """Builds the session anew.

    Args:
        show: The session and its surroundings.
        picker: Asks for files.
        fetches: Knows which models are here.
        ask: Asks the user where something is going out.
    """

    def __init__(self, show: Show, picker: FilePicker, fetches: FetchDesk, ask: Ask) -> None:
        self._show = show
        self._picker = picker
        self._fetches = fetches
        self._ask = ask

    @abstractmethod
    def refresh(self) -> None:
        """Show what was remembered."""

    def _build_with(self, **changes: object) -> None:
        """Remember ``changes`` (fields of ``Preferences``) and build the session anew.

        Not where nothing changes, or where the user keeps what is going out: then what holds is shown again.
        """
        preferences = replace(self._show.preferences, **changes)  # type: ignore[arg-type]  # by the callers
        if preferences != self._show.preferences and self._may_end():
            self._show.remember_all(preferences)
            self._show.build()
        self.refresh()

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
