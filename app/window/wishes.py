"""What was remembered, as settings of a session, and back: pure."""

from dataclasses import replace
from pathlib import Path

from app.preferences import Preferences
from engine.settings import (
    DEFAULT_AVATAR_NAME,
    QUALITIES,
    SAMPLE_CLIP,
    BackdropKind,
    Quality,
    Settings,
    StageSettings,
)

CAMERA_PREFIX = "camera:"
FILE_PREFIX = "file:"
OWN_PREFIX = "own:"
"""In the gallery, before the name of an avatar that the user added."""

PICTURE_SIZE = (1280, 720)
"""What the window shows, records and sends; the virtual camera has the same size and need not scale."""

Colour = tuple[int, int, int]


def settings_from(preferences: Preferences) -> Settings:
    """Return the settings of a session as remembered. The user's own avatar is set after it is built."""
    avatar = preferences.avatar
    return Settings(
        source=preferences.source or SAMPLE_CLIP,
        avatar=DEFAULT_AVATAR_NAME if not avatar or avatar.startswith(OWN_PREFIX) else avatar,
        mirror=preferences.mirror,
        quality=quality_from(preferences.quality)[1],
        stage=stage_from(preferences),
        picture_size=PICTURE_SIZE,
        loop=True,
    )


def quality_from(name: str) -> tuple[str, Quality]:
    """Return the quality of that name; the first one when there is none of that name."""
    known = name if name in QUALITIES else next(iter(QUALITIES))
    return known, QUALITIES[known]


def stage_from(preferences: Preferences) -> StageSettings:
    """Return the stage as remembered; a kind or a picture that is gone gives the default kind."""
    picture = Path(preferences.stage_picture) if preferences.stage_picture else None
    if picture is not None and not picture.is_file():
        picture = None
    kinds = {kind.value: kind for kind in BackdropKind}
    kind = kinds.get(preferences.stage, StageSettings().kind)
    if kind is BackdropKind.PICTURE and picture is None:
        kind = StageSettings().kind
    return StageSettings(
        kind=kind,
        key_colour=_colour_from(preferences.stage_key),
        colour=_colour_from(preferences.stage_colour),
        picture=picture,
        blur=preferences.stage_blur,
    )


def with_stage(preferences: Preferences, stage: StageSettings) -> Preferences:
    """Return the preferences that remember ``stage``."""
    return replace(
        preferences,
        stage=stage.kind.value,
        stage_key=_hex_of(stage.key_colour),
        stage_colour=_hex_of(stage.colour),
        stage_picture=str(stage.picture) if stage.picture else "",
        stage_blur=stage.blur,
    )


def title_of(name: str) -> str:
    """Return a gallery name as people read it: ``own:my_cat`` becomes ``My cat``."""
    words = name.removeprefix(OWN_PREFIX).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _colour_from(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex_of(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
