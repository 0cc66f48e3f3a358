"""`understudy animate`: a clip in, an avatar clip out."""

import argparse
import os
import shutil
from pathlib import Path

from app.cli.avatars import chosen_avatar, shown_name
from app.cli.choices import settings_from
from app.cli.console import Console
from app.cli.failure import EXIT_INTERRUPTED
from app.cli.interrupt import Interrupt
from app.cli.progress import Progress, frames_text
from app.cli.report import animate_json, animate_lines
from engine.clock import SystemClock
from engine.errors import NoFaceError, SettingsError, SourceError, UnderstudyError
from engine.paths import graphs_dir
from engine.session import AnimateHooks, AnimateReport, Ending, RecordingReport, animate, check_clip
from engine.settings import Pace

_GRAPHS_BYTES = 64 << 20  # the built-in networks' graphs and their compiled forms, with some to spare


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Paint the clip, report, and return 0, or the code of what was not as it should be.

    Raises:
        UnderstudyError: nothing could be written, or writing broke off.
    """
    settings = settings_from(arguments, Pace.OFFLINE)
    output = chosen_output(arguments.output, default_output(arguments.source))
    progress = Progress(console, SystemClock())
    check_clip(settings, output)
    with arguments.interrupt.asking() as interrupt:
        hooks = clip_hooks(progress, interrupt, console)
        avatar = chosen_avatar(arguments.avatar, console)
        console.say(f"Painting {arguments.source} as {shown_name(arguments.avatar)} ({loading_text()}) ...")
        report = animate(settings, output, hooks, avatar=avatar)
    for line in animate_lines(report):
        console.say(line) if arguments.json else console.result(line)
    if arguments.json:
        console.json(animate_json(report))
    return _judge(report, arguments.source, console)


def clip_hooks(progress: Progress, interrupt: Interrupt, console: Console) -> AnimateHooks:
    """Return what draws the progress, says that a model warms up, and stops when somebody asks."""
    return AnimateHooks(
        on_progress=progress.update,
        should_stop=interrupt.is_asked,
        on_warm_up=lambda frames: console.say(f"Warming up on the first {frames_text(frames)} ..."),
        on_part=lambda part: say_part(part, console),
    )


def say_part(part: RecordingReport | None, console: Console) -> None:
    """Say where that is which was written before something broke off."""
    if part is not None and part.frames > 0:
        console.say(f"What was painted until then plays, in {part.path}.{spared_text(part)}")


def spared_text(recording: RecordingReport) -> str:
    """Return a sentence, with a space before it, about an older file that was not replaced; else nothing."""
    if recording.spared is None:
        return ""
    return f" {recording.spared} is the one from before; the new one is {recording.path.name}."


def loading_text() -> str:
    """Say why nothing happens for a few seconds, and why it takes longer once."""
    if any(graphs_dir().glob("*.onnx")):
        return "loading first"
    if not is_kept():
        return "preparing the networks for this machine first, at every start: the cache folder has no room"
    return "first start: preparing the networks for this machine takes a few seconds more, once"


def is_kept() -> bool:
    """Whether the cache folder can keep the networks: its disk has the room, and lets itself be written."""
    place = graphs_dir().absolute()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free >= _GRAPHS_BYTES and os.access(place, os.W_OK)


def chosen_output(text: str | None, default: Path) -> Path:
    """Return where a clip goes: the file that was named, or the default one, in the folder that was named.

    Raises:
        SettingsError: it is empty, which would be the current folder for a path.
    """
    if text is None:
        return default
    if not text.strip():
        raise SettingsError("The output is empty.", hint="Name an MP4 file, or a folder for it.")
    return Path(text) / default if Path(text).is_dir() else Path(text)


def default_output(source: str) -> Path:
    """Return ``understudy-<clip>.mp4`` in the current folder."""
    return Path(f"understudy-{Path(source.removeprefix('file:')).stem}.mp4")


def _judge(report: AnimateReport, source: str, console: Console) -> int:
    """Say what was not as it should be, although the file is written."""
    if report.ending is Ending.INTERRUPTED:
        kept = spared_text(report.recording)
        console.warn(f"Stopped; what was painted until then is written and plays.{kept}")
        return EXIT_INTERRUPTED
    if report.frames_in == 1 and report.ending is Ending.COMPLETE:
        console.warn(f"{source} holds one still picture, so the avatar clip has a single frame, too.")
    error: UnderstudyError | None = None
    if report.ending is Ending.TRUNCATED:
        error = SourceError(
            f"{source} is damaged or broke off early.", hint="What could be read is written and plays."
        )
    elif report.frames_found == 0:
        error = NoFaceError(
            f"No face was found in {source}.",
            hint="The avatar is at rest in the whole clip; try one in which a face is larger and well lit.",
        )
    if error is None:
        return 0
    error.hint += spared_text(report.recording)
    console.error(error)
    return error.exit_code
