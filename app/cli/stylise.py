"""`understudy stylise`: a camera or a clip in, the same picture painted to a prompt out."""

import argparse
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from app.cli.animate import chosen_output, clip_hooks, default_output, loading_text, spared_text
from app.cli.choices import check_goes_with
from app.cli.console import Console
from app.cli.failure import EXIT_INTERRUPTED
from app.cli.live import check_seconds, chosen_recording, show
from app.cli.models import fetch_missing
from app.cli.progress import Progress
from app.cli.report import animate_json, animate_lines
from engine.clock import SystemClock
from engine.errors import SettingsError, SourceError
from engine.fetching import fetchable_models
from engine.session import Ending, Session, animate, check_clip, check_start
from engine.settings import LossSettings, Pace, Precision, Quality, RuntimeChoice, Settings
from engine.stylise.files import check_files
from engine.stylise.settings import (
    PAINTER_QUALITY,
    PUBLISHED_MODELS,
    Closeness,
    Painter,
    StyliseSettings,
)

if TYPE_CHECKING:
    from engine.stylise.rooms import StyliseRooms

LIKENESS = (
    "The stylise mode paints over your own picture: your likeness, room and movements can be recognised. "
    "For an avatar in your place, use `understudy live`."
)
_LOSS = LossSettings(hold_s=0.0, ease_s=0.05)  # without a frame, the card at once
_GUIDANCE_SCALE = 1.2
_HUB = "https://huggingface.co/"
_ONLY_FOR = {
    "levels": Painter.LIVE2DIFF,
    "kv_format": Painter.LIVE2DIFF,
    "motion": Painter.LIVE2DIFF,
    "depth": Painter.LIVE2DIFF,
    "negative_prompt": Painter.STREAM_DIFFUSION,
    "guidance_scale": Painter.STREAM_DIFFUSION,
}


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Paint a clip to a file, or a camera live, and return the exit code.

    What can be refused is refused before torch is imported, which takes seconds.

    Raises:
        UnderstudyError: the model is missing, nothing could be written, or the session failed.
    """
    is_live = arguments.virtual_camera or arguments.record is not None
    _check_way_out(arguments, is_live=is_live)
    stylise = stylise_from(arguments)
    settings = settings_from(arguments, Pace.LIVE if is_live else Pace.OFFLINE)
    output = _output(arguments)
    arguments.record = chosen_recording(arguments, "-stylised")
    check_start(settings, arguments.record) if is_live else check_clip(settings, output)
    if not arguments.download:
        check_files(stylise)
    console.warn(LIKENESS)
    if arguments.download:
        fetch_missing(_parts_of(stylise), console, arguments.interrupt)
        check_files(stylise)
    console.say(f"Loading {stylise.style or stylise.model} ...")
    rooms = _open_rooms(stylise, settings, console)
    if is_live:
        clock = SystemClock()
        return show(Session(settings, rooms=rooms, clock=clock), arguments, console, clock)
    return _paint_clip(settings, rooms, output, arguments, console)


def stylise_from(arguments: argparse.Namespace) -> StyliseSettings:
    """Return what was chosen. Raises ``SettingsError``."""
    painter = Painter(arguments.painter)
    check_goes_with("painter", painter, _ONLY_FOR, arguments)
    scale = arguments.guidance_scale
    return StyliseSettings(
        painter=painter,
        style=arguments.style,
        tokenizer=arguments.tokenizer,
        motion=arguments.motion,
        depth=arguments.depth,
        has_small_memory=arguments.kv_format == "8bit",
        prompt=arguments.prompt,
        negative_prompt=arguments.negative_prompt,
        closeness=Closeness[arguments.closeness.upper()],
        model=_repository(arguments.model) or next(iter(PUBLISHED_MODELS)),
        loras=tuple(_lora(text) for text in arguments.lora),
        guidance_scale=_GUIDANCE_SCALE if scale is None else scale,
        similarity=arguments.similarity,
    )


def settings_from(arguments: argparse.Namespace, pace: Pace) -> Settings:
    """Return the session's settings. Raises ``SettingsError``."""
    return Settings(
        source=arguments.source,
        pace=pace,
        mirror=arguments.mirror,
        loop=arguments.loop,
        quality=_quality(arguments),
        loss=_LOSS,
        runtime=RuntimeChoice(arguments.runtime),
        precision=Precision(arguments.precision),
        seed=arguments.seed,
    )


def _check_way_out(arguments: argparse.Namespace, *, is_live: bool) -> None:
    """Refuse what would count for nothing live, or for a clip."""
    if is_live and arguments.output is not None:
        raise SettingsError(
            "--output counts for nothing live.", hint="--record names the file of a live recording."
        )
    camera = arguments.source.strip().removeprefix("camera:")
    if not is_live and camera.isdecimal():
        raise SourceError(
            f"Camera {camera} has no end to paint to.",
            hint="Add --record PATH or --virtual-camera to paint it live.",
        )
    if not is_live and arguments.seconds is not None:
        raise SettingsError(
            "--seconds counts for nothing where a clip is painted to its end.",
            hint="Add --record PATH to paint so many seconds of it live.",
        )
    if not is_live and arguments.loop:
        raise SettingsError(
            "--loop counts for nothing where a clip is painted to its end.",
            hint="Leave it out, or add --record PATH or --virtual-camera to paint it live.",
        )
    check_seconds(arguments)


def _quality(arguments: argparse.Namespace) -> Quality:
    default = PAINTER_QUALITY[Painter(arguments.painter)]
    return Quality(size=arguments.size or default.size, levels=arguments.levels or default.levels)


def _repository(model: str | None) -> str | None:
    """Return the repository of a model that is given as `understudy models` lists it; else what was given."""
    names = {listed.name: listed.address for listed in fetchable_models()}
    return names[model].removeprefix(_HUB) if model in names else model


def _lora(text: str) -> tuple[str, float]:
    """Read ``NAME`` or ``NAME=SCALE``."""
    name, has_scale, scale = text.rpartition("=")
    if not (name if has_scale else text).strip():
        raise SettingsError(
            f"The LoRA {text!r} has no name.", hint="Write it as NAME=0.8; NAME is a file, folder or hub id."
        )
    if not has_scale or Path(text).is_file():
        return text, 1.0
    try:
        return name, float(Fraction(scale))
    except (ValueError, ZeroDivisionError):
        raise SettingsError(
            f"The LoRA's scale is {scale!r}.", hint="Write it as NAME=0.8; 1 is all of it."
        ) from None


def _parts_of(stylise: StyliseSettings) -> list[str]:
    """Return what the painting is made of: hub ids, names, files, folders."""
    parts = [stylise.model, *dict(stylise.loras)]
    if stylise.painter is Painter.LIVE2DIFF:
        parts += [stylise.motion or "live2diff", *([stylise.depth] if stylise.depth else ())]
    return parts


def _output(arguments: argparse.Namespace) -> Path:
    """Return where a painted clip goes; not the name that `animate` gives: this file shows the likeness."""
    name = default_output(arguments.source)
    return chosen_output(arguments.output, name.with_stem(f"{name.stem}-stylised"))


def _open_rooms(stylise: StyliseSettings, settings: Settings, console: Console) -> "StyliseRooms":
    """Import the painters, and say what the chosen one takes of the memory. Raises ``UnderstudyError``."""
    from engine.stylise.rooms import StyliseRooms  # noqa: PLC0415 - torch, diffusers: seconds

    rooms = StyliseRooms(stylise)
    memory = rooms.memory_text(settings)
    if memory:
        console.say(f"Memory: {memory}")
    return rooms


def _paint_clip(
    settings: Settings, rooms: "StyliseRooms", output: Path, arguments: argparse.Namespace, console: Console
) -> int:
    progress = Progress(console, SystemClock())
    with arguments.interrupt.asking() as interrupt:
        console.say(f"Painting {arguments.source} as {rooms.stylise.prompt!r} ({loading_text()}) ...")
        report = animate(settings, output, clip_hooks(progress, interrupt, console), rooms=rooms)
    if 0 < report.frames_in < report.warm_up_frames:
        console.warn(
            f"The clip has {report.frames_in} frames and Live2Diff begins with {report.warm_up_frames}: its "
            "last frame was repeated, so the painting knows little movement."
        )
    for line in animate_lines(report, is_tracked=False):
        console.say(line) if arguments.json else console.result(line)
    if arguments.json:
        console.json(animate_json(report))
    if report.recording.spared is not None:
        ending = "Stopped" if report.ending is Ending.INTERRUPTED else "It broke off"
        console.warn(f"{ending}.{spared_text(report.recording)}")
    return EXIT_INTERRUPTED if report.ending is Ending.INTERRUPTED else 0
