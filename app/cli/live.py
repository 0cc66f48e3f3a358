"""`understudy live`: the same as the window, without one."""

import argparse
from collections.abc import Callable
from datetime import datetime
from math import inf
from pathlib import Path

from app.cli.animate import chosen_output, default_output, say_part
from app.cli.avatars import chosen_avatar
from app.cli.choices import settings_from
from app.cli.console import Console
from app.cli.interrupt import Interrupt
from app.cli.progress import frames_text
from app.cli.report import recording_text, stages_json, stages_text
from engine.clock import Clock, SystemClock
from engine.errors import SettingsError, SinkError, TooSlowError, UnderstudyError
from engine.session import Session, check_start
from engine.settings import Pace
from engine.status import SessionState, Status

_POLL_S = 0.1
_LINE_EVERY_S = 10.0
_SAY = {
    SessionState.STOPPED: "stopped",
    SessionState.STARTING: "starting",
    SessionState.SEARCHING: "looking for you",
    SessionState.LIVE: "live",
    SessionState.LOST: "lost sight of you",
    SessionState.WAITING: "waiting for the camera",
    SessionState.STANDBY: "standby: this computer is too busy",
    SessionState.ENDED: "ended",
    SessionState.ERROR: "stopped by an error",
}


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Run until Ctrl-C, the end of a clip, or ``--seconds`` after the first picture.

    Raises:
        UnderstudyError: the session or its only output failed.
    """
    _check(arguments)
    settings = settings_from(arguments, Pace.LIVE)
    arguments.record = chosen_recording(arguments)
    check_start(settings, arguments.record)
    clock = SystemClock()
    session = Session(settings, clock=clock)
    own = chosen_avatar(arguments.avatar, console)
    if own is not None:
        session.set_avatar(own)
    return show(session, arguments, console, clock)


def show(session: Session, arguments: argparse.Namespace, console: Console, clock: Clock) -> int:
    """Run a session until its end, as ``run`` says, and report.

    Args:
        session: Not started yet.
        arguments: Those of `live`, or of another command with the same ways out.
        console: Where to say it.
        clock: Whose seconds.

    Raises:
        UnderstudyError: the session or its only output failed.
    """
    watch = _Watch(session, console, clock, arguments.interrupt)
    with arguments.interrupt.asking(may_break=False):  # a recording is finished, however often somebody asks
        try:
            status = _watched(session, arguments, console, watch)
            return _report(session, status, arguments, console)
        finally:
            session.stop()
            say_part(session.part, console)


def chosen_recording(arguments: argparse.Namespace, suffix: str = "") -> Path | None:
    """Return the file to record to, or None; in a folder that was named, one after the clip or the time.

    Args:
        arguments: With ``record`` as it was typed, and ``source``.
        suffix: What a name that is not the user's ends in.

    Raises:
        SettingsError: it is empty.
    """
    if arguments.record is None:
        return None
    is_camera = arguments.source.strip().removeprefix("camera:").isdecimal()
    now = datetime.now().astimezone()
    name = Path(f"understudy-{now:%Y-%m-%d-%H-%M-%S}.mp4") if is_camera else default_output(arguments.source)
    return chosen_output(arguments.record, name.with_stem(f"{name.stem}{suffix}"))


def _watched(session: Session, arguments: argparse.Namespace, console: Console, watch: "_Watch") -> Status:
    """Open the ways out, run the session, and return its last status."""
    if arguments.record is not None:
        session.check_recording(arguments.record)
    if arguments.virtual_camera:
        session.go_live()  # a missing device must not cost a load of the networks
        console.say("The virtual camera is on.")
    session.start()
    console.say("Press Ctrl-C to stop.")
    # From the first frame on, a clip's sound has its place, and nobody records a loading screen.
    status = watch.until(lambda status: status.frames_out > 0 or status.state is SessionState.ENDED)
    watch.begin(arguments.seconds)
    if arguments.record is not None and status.frames_out > 0 and not arguments.interrupt.is_asked():
        session.start_recording(arguments.record)
        console.say(f"Recording to {arguments.record}.")
    return watch.until(lambda status: status.state is SessionState.ENDED)


def _check(arguments: argparse.Namespace) -> None:
    """Raise ``SettingsError`` for what makes no sense together."""
    if not arguments.virtual_camera and arguments.record is None:
        raise SettingsError(
            "Nobody would see the avatar.", hint="Add --virtual-camera, --record PATH, or both."
        )
    check_seconds(arguments)


def check_seconds(arguments: argparse.Namespace) -> None:
    """Raise ``SettingsError`` for a time that never ends or never begins."""
    if arguments.seconds is not None and not 0 < arguments.seconds < inf:
        raise SettingsError(f"--seconds is {arguments.seconds:g}.", hint="Give a number above 0.")


class _Watch:
    """Follows a session and says what it does."""

    def __init__(self, session: Session, console: Console, clock: Clock, interrupt: Interrupt) -> None:
        self._session = session
        self._console = console
        self._clock = clock
        self._interrupt = interrupt
        self._ends_at_s: float | None = None
        self._state: SessionState | None = None
        self._notice: UnderstudyError | None = None
        self._said_at_s = clock.now_s()

    def begin(self, seconds: float | None) -> None:
        """Count the seconds from now on: loading is not part of the show."""
        self._ends_at_s = None if seconds is None else self._clock.now_s() + seconds

    def until(self, is_reached: Callable[[Status], bool]) -> Status:
        """Return the status with which something is reached, time is up, or somebody wants to stop.

        Raises:
            UnderstudyError: the session ended by it, or nobody sees the avatar any more.
        """
        while True:
            status = self._session.status()
            if status.error is not None:
                raise status.error
            self._say(status)
            if status.notice is not None and self._is_in_vain(status):
                raise status.notice
            is_due = self._ends_at_s is not None and self._clock.now_s() >= self._ends_at_s
            if is_reached(status) or is_due or self._interrupt.wait(_POLL_S):
                return status

    def _is_in_vain(self, status: Status) -> bool:
        """Whether a notice means that nobody will see anything: no output is left, or none will begin."""
        has_output = status.is_live or status.is_recording
        if isinstance(status.notice, TooSlowError):
            return not has_output and status.frames_out == 0
        return not has_output

    def _say(self, status: Status) -> None:
        if status.notice is not None and status.notice is not self._notice:
            self._notice = status.notice
            if not self._is_in_vain(status):  # else it ends the show, and is said then
                self._console.error(status.notice)
        now_s = self._clock.now_s()
        is_news = status.state is not self._state
        if self._console.is_interactive:
            self._console.overwrite(status_line(status))
        elif is_news or now_s - self._said_at_s >= _LINE_EVERY_S:
            self._console.say(status_line(status))
            self._said_at_s = now_s
        self._state = status.state


def status_line(status: Status) -> str:
    """Return one line about a running session."""
    if status.frames_out == 0:
        return _words(status)
    rate = f"  {status.fps:.1f} fps" if status.fps > 0 else ""  # unknown until a second picture
    return (
        f"{_words(status)}{rate}  "
        f"{status.motion_to_photon_p50_ms:.0f} ms (p95 {status.motion_to_photon_p95_ms:.0f})  "
        f"{status.dropped} dropped"
    )


def _words(status: Status) -> str:
    if status.state is SessionState.WAITING and status.progress is not None:
        return "waiting for the clip"
    if status.state is SessionState.LIVE and status.warm_up_frames:
        return f"warming up on the first {frames_text(status.warm_up_frames)}"
    return _SAY[status.state]


def _report(session: Session, status: Status, arguments: argparse.Namespace, console: Console) -> int:
    """Say what was done and return the exit code."""
    recording = session.stop_recording() if status.is_recording else None
    if arguments.json:
        console.json(
            {
                "frames_in": status.frames_in,
                "frames_out": status.frames_out,
                "dropped": status.dropped,
                "fps": round(status.fps, 2),
                "motion_to_photon_p50_ms": round(status.motion_to_photon_p50_ms, 1),
                "motion_to_photon_p95_ms": round(status.motion_to_photon_p95_ms, 1),
                "stage_ms": stages_json(status.stage_ms),
                "file": str(recording.path.resolve()) if recording and recording.frames else None,
            }
        )
    else:
        for line in _lines(session, status):
            console.result(line)
        if recording is not None and recording.frames > 0:
            console.result(f"file      {recording_text(recording)}")
    if arguments.record is not None and (recording is None or recording.frames == 0):
        return _say_nothing_recorded(arguments, console)
    return 0


def _lines(session: Session, status: Status) -> list[str]:
    lines = [f"frames    {status.frames_in} in, {status.frames_out} out, {status.dropped} dropped"]
    if status.frames_out > 0:
        lines += [
            *([f"speed     {status.fps:.1f} fps"] if status.fps > 0 else ()),
            f"latency   {status.motion_to_photon_p50_ms:.0f} ms p50, "
            f"{status.motion_to_photon_p95_ms:.0f} ms p95 from motion to photon",
            f"ms/stage  {stages_text(status.stage_ms)}",
            f"runtime   {session.runtime_text}",
        ]
    return lines


def _say_nothing_recorded(arguments: argparse.Namespace, console: Console) -> int:
    error = SinkError(
        f"Nothing was recorded to {arguments.record}: it was over before there was a picture.",
        hint=f"Let it run longer, or use `{arguments.for_clips}` for a short clip.",
    )
    console.error(error)
    return error.exit_code
