"""`understudy stylise`: a camera or a clip in, the same picture painted to a prompt out."""

import argparse
from fractions import Fraction

from app.cli.animate import chosen_output, default_output
from app.cli.console import Console
from app.cli.failure import EXIT_INTERRUPTED
from app.cli.interrupt import Interrupt
from app.cli.live import show
from app.cli.models import fetch_missing
from app.cli.progress import Progress
from app.cli.report import animate_json, animate_lines
from engine.clock import SystemClock
from engine.errors import SettingsError
from engine.fetching import fetchable_models
from engine.session import AnimateHooks, Ending, Session, animate
from engine.settings import LossSettings, Pace, Precision, Quality, RuntimeChoice, Settings
from engine.stylise.rooms import StyliseRooms
from engine.stylise.settings import (
    PAINTER_QUALITY,
    PUBLISHED_MODELS,
    Closeness,
    Painter,
    StyliseSettings,
)

LIKENESS = (
    "The stylise mode paints over your own picture: your likeness, room and movements can be recognised. "
    "For an avatar in your place, use `understudy live`."
)
_LOSS = LossSettings(hold_s=0.0, ease_s=0.05)  # without a frame, the card at once
_GUIDANCE_SCALE = 1.2
_HUB = "https://huggingface.co/"
_WARM_UP = 8  # frames that Live2Diff begins with
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

    Raises:
        UnderstudyError: the model is missing, nothing could be written, or the session failed.
    """
    is_live = arguments.virtual_camera or arguments.record is not None
    _check_way_out(arguments, is_live=is_live)
    stylise = stylise_from(arguments)
    console.warn(LIKENESS)
    if arguments.download:
        fetch_missing(_parts_of(stylise), console)
    rooms = StyliseRooms(stylise)
    settings = settings_from(arguments, Pace.LIVE if is_live else Pace.OFFLINE)
    memory = rooms.memory_text(settings)
    if memory:
        console.say(f"Memory: {memory}")
    if is_live:
        clock = SystemClock()
        return show(Session(settings, rooms=rooms, clock=clock), arguments, console, clock)
    return _paint_clip(settings, rooms, arguments, console)


def stylise_from(arguments: argparse.Namespace) -> StyliseSettings:
    """Return what was chosen. Raises ``SettingsError``."""
    painter = Painter(arguments.painter)
    _check_goes_with(painter, arguments)
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
    if not is_live and arguments.seconds is not None:
        raise SettingsError(
            "--seconds counts for nothing where a clip is painted to its end.",
            hint="Add --record PATH to paint so many seconds of it live.",
        )


def _check_goes_with(painter: Painter, arguments: argparse.Namespace) -> None:
    """Refuse what the other painter alone knows: it would count for nothing."""
    for name, owner in _ONLY_FOR.items():
        if getattr(arguments, name) not in (None, "") and owner is not painter:
            option = f"--{name.replace('_', '-')}"
            raise SettingsError(
                f"{option} counts for nothing with {painter.value}.",
                hint=f"Leave it out, or add --painter {owner.value}.",
            )


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
    if not has_scale:
        return text, 1.0
    try:
        return name, float(Fraction(scale))
    except (ValueError, ZeroDivisionError):
        raise SettingsError(
            f"The LoRA's scale is {scale!r}.", hint="Write it as NAME=0.8, from 0 to 1."
        ) from None


def _parts_of(stylise: StyliseSettings) -> list[str]:
    """Return what the painting is made of: hub ids, names, files, folders."""
    parts = [stylise.model, *dict(stylise.loras)]
    if stylise.painter is Painter.LIVE2DIFF:
        parts += [stylise.motion or "live2diff", *([stylise.depth] if stylise.depth else ())]
    return parts


def _paint_clip(
    settings: Settings, rooms: StyliseRooms, arguments: argparse.Namespace, console: Console
) -> int:
    name = default_output(arguments.source)
    # Not the name that `animate` gives: this file shows the likeness.
    output = chosen_output(arguments.output, name.with_stem(f"{name.stem}-stylised"))
    progress = Progress(console, SystemClock())
    with Interrupt() as interrupt:
        hooks = AnimateHooks(on_progress=progress.update, should_stop=interrupt.is_asked)
        report = animate(settings, output, hooks, rooms=rooms)
    if rooms.stylise.painter is Painter.LIVE2DIFF and 0 < report.frames_in < _WARM_UP:
        console.warn(
            f"The clip has {report.frames_in} frames and Live2Diff begins with {_WARM_UP}: its last frame "
            "was repeated, so the painting knows little movement."
        )
    for line in animate_lines(report, is_tracked=False):
        console.say(line) if arguments.json else console.result(line)
    if arguments.json:
        console.json(animate_json(report))
    return EXIT_INTERRUPTED if report.ending is Ending.INTERRUPTED else 0
