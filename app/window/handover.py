"""Takes a session down: what it sent out ends first, and is told.

A session of another kind shows somebody else: the avatar, or the user. Nobody who watches the virtual camera
or a recording may be handed from one to the other unasked, so both end before the other session is built.
"""

from dataclasses import dataclass

from app.window.banner import News, Tone, news_of
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
    what = "The virtual camera" if ended.was_live else "The recording"
    if ended.was_live and ended.recording is not None:
        what = "The virtual camera and the recording"
    verb = "were" if ended.was_live and ended.recording is not None else "was"
    kept = f" It is kept as {ended.recording.path.name}." if ended.recording is not None else ""
    now = "your own likeness" if mode is Mode.STYLISE else "the avatar"
    return News(
        Tone.WARNING,
        f"{what} {verb} stopped.",
        f"The picture shows {now} from now on: go live again if that is what others are to see.{kept}",
    )
