"""Takes a session down: what it sent out ends first, and is told.

A session of another kind shows somebody else: the avatar, or the user. Nobody who watches the virtual camera
or a recording may be handed from one to the other unasked, so both end before the other session is built.
"""

from dataclasses import dataclass

from app.window.panels.banner import News, Tone, news_of
from app.window.ports import Report, SessionPort
from app.window.wishes import Mode
from engine.errors import UnderstudyError


@dataclass(frozen=True, slots=True)
class Ended:
    """What ended with a session.

    Attributes:
        was_live: The virtual camera was fed.
        recording: What was being recorded, or None.
        error: Why the recording could not be finished, or None.
    """

    was_live: bool = False
    recording: Report | None = None
    error: UnderstudyError | None = None


def take_down(session: SessionPort) -> Ended:
    """Stop a session with its virtual camera and recording; return once all of it is over.

    Thread: the command thread; takes seconds.
    """
    status = session.status()
    recording, failure = None, None
    try:
        if status.is_live:
            session.stop_live()
        if status.is_recording:
            recording = session.stop_recording()
    except UnderstudyError as error:
        failure = error
    finally:
        session.stop()
    return Ended(was_live=status.is_live, recording=recording, error=failure)


def news_of_ended(ended: Ended, mode: Mode) -> News | None:
    """Return what to tell of the end of a session, or None when nothing was going out.

    Args:
        ended: What ended.
        mode: What is shown from now on.
    """
    if ended.error is not None:
        return news_of(ended.error)
    if not ended.was_live and ended.recording is None:
        return None
    now = "your own likeness" if mode is Mode.STYLISE else "the avatar"
    hint = f"From now on the picture shows {now}: press Go live or Record again if that is to go out."
    if ended.recording is None:
        return News(Tone.WARNING, "The virtual camera was stopped.", hint)
    what = "The virtual camera and the recording were" if ended.was_live else "The recording was"
    return News(Tone.WARNING, f"{what} stopped.", f"{hint} {_kept(ended.recording)}")


def _kept(recording: Report) -> str:
    if recording.frames == 0:
        return "Nothing was recorded: there was no picture meanwhile."
    return f"It is kept as {recording.path.name}."
