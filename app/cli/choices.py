"""From arguments to settings."""

import argparse
import re
from collections.abc import Mapping
from dataclasses import replace
from enum import Enum
from pathlib import Path

from engine.errors import SettingsError
from engine.settings import (
    DEFAULT_QUALITY,
    BackdropKind,
    Model,
    Pace,
    Precision,
    Quality,
    RuntimeChoice,
    Settings,
    StageSettings,
    TrackerChoice,
)

_ONLY_FOR = {"weights": Model.RAIN, "guidance": Model.RAIN}
_KEYS = {"green": (0, 255, 0), "blue": (0, 0, 255), "magenta": (255, 0, 255)}
_COLOUR = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_FRAME = re.compile(r"(\d+)x(\d+)")


def settings_from(arguments: argparse.Namespace, pace: Pace) -> Settings:
    """Return the settings of `animate` or `live`. Raises ``SettingsError``."""
    model = Model(arguments.model)
    check_goes_with("model", model, _ONLY_FOR, arguments)
    settings = Settings(
        source=arguments.source,
        avatar=arguments.avatar,
        pace=pace,
        mirror=arguments.mirror,
        loop=getattr(arguments, "loop", False),
        model=model,
        weights=arguments.weights,
        tracker=TrackerChoice(arguments.tracker),
        quality=quality_from(arguments),
        stage=stage_from(arguments.backdrop, arguments.blur),
        picture_size=frame_from(arguments.frame),
        runtime=RuntimeChoice(arguments.runtime),
        precision=Precision(arguments.precision),
        seed=arguments.seed,
    )
    return settings if arguments.guidance is None else replace(settings, guidance=arguments.guidance)


def check_goes_with(
    option: str, choice: Enum, only_for: Mapping[str, Enum], arguments: argparse.Namespace
) -> None:
    """Refuse what another choice alone knows: it would count for nothing.

    Args:
        option: Name of the choice's option.
        choice: What was chosen.
        only_for: Names of options, and whose they are; one that was not given is None or empty.
        arguments: All of them.

    Raises:
        SettingsError: the hint names the choice that would do.
    """
    for name, owner in only_for.items():
        if getattr(arguments, name) not in (None, "") and owner is not choice:
            raise SettingsError(
                f"--{name.replace('_', '-')} counts for nothing with {choice.value}.",
                hint=f"Leave it out, or add --{option} {owner.value}.",
            )


def quality_from(arguments: argparse.Namespace) -> Quality:
    """Return the quality; what was not said stays at the model's default."""
    said = {name: getattr(arguments, name) for name in ("size", "levels", "chunk")}
    chosen = {name: value for name, value in said.items() if value is not None}
    return replace(DEFAULT_QUALITY[Model(arguments.model)], **chosen)


def stage_from(backdrop: str, blur: float) -> StageSettings:
    """Return the stage that `--backdrop` and `--blur` describe. Raises ``SettingsError``."""
    stage = _stage_from(backdrop, blur)
    if blur != 0 and stage.kind is not BackdropKind.PICTURE:
        raise SettingsError(
            f"--blur is for a picture, and the backdrop is {backdrop}.",
            hint="Give --backdrop the path of a picture, or leave --blur out.",
        )
    return stage


def _stage_from(backdrop: str, blur: float) -> StageSettings:
    if backdrop == "as-drawn":
        return StageSettings()
    if backdrop in _KEYS:
        return StageSettings(kind=BackdropKind.KEY_COLOUR, key_colour=_KEYS[backdrop])
    colour = _COLOUR.fullmatch(backdrop)
    if colour:
        red, green, blue = (int(part, 16) for part in colour.groups())
        return StageSettings(kind=BackdropKind.COLOUR, colour=(red, green, blue))
    path = Path(backdrop)
    if not path.is_file():
        raise SettingsError(
            f"The backdrop {backdrop!r} is no colour and no file.",
            hint="Give as-drawn, green, blue, magenta, #rrggbb, or the path of a picture.",
        )
    return StageSettings(kind=BackdropKind.PICTURE, picture=path, blur=blur)


def frame_from(text: str | None) -> tuple[int, int] | None:
    """Return width and height from ``WxH``. Raises ``SettingsError``."""
    if text is None:
        return None
    match = _FRAME.fullmatch(text)
    if match is None:
        raise SettingsError(f"The frame {text!r} is no size.", hint="Write it as 1280x720.")
    return int(match.group(1)), int(match.group(2))
