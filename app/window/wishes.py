"""What was remembered, as settings of a session, and back: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TypeVar

from app.preferences import Preferences
from app.window.painters import DEFAULT_STYLE_MODEL, PAINTERS, PainterFacts
from app.window.stops import POCKET_STOPS, RAIN_STOPS, STYLE_STOPS, Stop, find_stop
from engine.settings import (
    DEFAULT_AVATAR_NAME,
    SAMPLE_CLIP,
    BackdropKind,
    LossSettings,
    Model,
    Settings,
    StageSettings,
    TrackerChoice,
)
from engine.stylise.settings import Closeness, Painter, StyliseSettings

CAMERA_PREFIX = "camera:"
FILE_PREFIX = "file:"
OWN_PREFIX = "own:"
"""In the gallery, before the name of an avatar that the user added."""

PICTURE_SIZE = (1280, 720)
"""What the window shows, records and sends; the virtual camera has the same size and need not scale."""

DEFAULT_PROMPT = "oil painting, warm light, fine brush strokes"

ALIKE = 0.98
"""Frames more alike than this are not painted anew, where the user wants to skip them."""

STYLE_SUFFIX = ".safetensors"

Colour = tuple[int, int, int]
_Choice = TypeVar("_Choice")
_LIKENESS_LOSS = LossSettings(hold_s=0.0, ease_s=0.05)  # without a frame, the standby card at once


class Mode(Enum):
    """What stands in the user's place; the value is what is remembered."""

    AVATAR = "avatar"
    STYLISE = "stylise"


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What one session is built from. Each plan is its own: equal ones are two.

    Attributes:
        settings: The session's.
        stylise: The painting of the user's picture; None for an avatar.
    """

    settings: Settings
    stylise: StyliseSettings | None = None


def mode_from(preferences: Preferences) -> Mode:
    """Return the mode as remembered; the likeness is shown only to whom said yes to it."""
    wants_style = preferences.mode == Mode.STYLISE.value and preferences.is_likeness_confirmed
    return Mode.STYLISE if wants_style else Mode.AVATAR


def plan_from(preferences: Preferences) -> Plan:
    """Return what the session of the remembered mode is built from."""
    if mode_from(preferences) is Mode.AVATAR:
        return Plan(settings_from(preferences))
    settings = Settings(
        source=preferences.source or SAMPLE_CLIP,
        mirror=preferences.mirror,
        quality=chosen_stop(preferences).quality,
        loss=_LIKENESS_LOSS,
        seed=preferences.style_seed,
        picture_size=PICTURE_SIZE,
        loop=True,
    )
    return Plan(settings, stylise_from(preferences))


def settings_from(preferences: Preferences) -> Settings:
    """Return the settings of an avatar's session. The user's own avatar is set after it is built."""
    avatar = preferences.avatar
    return Settings(
        source=preferences.source or SAMPLE_CLIP,
        avatar=DEFAULT_AVATAR_NAME if not avatar or avatar.startswith(OWN_PREFIX) else avatar,
        mirror=preferences.mirror,
        model=model_from(preferences),
        weights=preferences.rain_weights if model_from(preferences) is Model.RAIN else "",
        guidance=preferences.rain_guidance,
        tracker=tracker_from(preferences),
        quality=chosen_stop(replace(preferences, mode=Mode.AVATAR.value)).quality,
        stage=stage_from(preferences),
        picture_size=PICTURE_SIZE,
        loop=True,
    )


def stylise_from(preferences: Preferences) -> StyliseSettings:
    """Return the stylise mode's settings; what is not remembered, or not known any more, is the default."""
    closeness = {each.name.lower(): each for each in Closeness}
    is_style = _is_style(preferences.style_model)
    painter = painter_from(preferences)
    facts = PAINTERS[painter]
    stylise = StyliseSettings(
        prompt=prompt_from(preferences),
        closeness=_known(closeness, preferences.closeness, Closeness.BALANCED),
        painter=painter,
        loras=preferences.style_loras,
        has_small_memory=facts.has_memory and preferences.has_small_memory,
        model=(preferences.style_base if is_style else preferences.style_model) or DEFAULT_STYLE_MODEL,
        style=preferences.style_model if is_style else "",
        similarity=ALIKE if preferences.is_skipping_alike else None,
    )
    return replace(stylise, guidance_scale=preferences.style_guidance) if facts.has_guidance else stylise


def painter_from(preferences: Preferences) -> Painter:
    """Return which system paints."""
    return _known({each.value: each for each in Painter}, preferences.painter, Painter.STREAM_DIFFUSION)


def painter_facts(preferences: Preferences) -> PainterFacts:
    """Return what is to be known of the system that paints."""
    return PAINTERS[painter_from(preferences)]


def prompt_from(preferences: Preferences) -> str:
    """Return the prompt; the default one where none was remembered."""
    return preferences.prompt if preferences.prompt.strip() else DEFAULT_PROMPT


def model_from(preferences: Preferences) -> Model:
    """Return the networks that move the avatar."""
    return _known({model.value: model for model in Model}, preferences.model, Model.POCKET)


def tracker_from(preferences: Preferences) -> TrackerChoice:
    """Return who reads the person: RAIN's may be chosen."""
    if model_from(preferences) is not Model.RAIN:
        return TrackerChoice.MEDIAPIPE
    return _known(
        {each.value: each for each in TrackerChoice}, preferences.rain_tracker, TrackerChoice.MEDIAPIPE
    )


def stops_from(preferences: Preferences) -> tuple[Stop, ...]:
    """Return the stops of the quality slider for what paints now."""
    if mode_from(preferences) is Mode.STYLISE:
        return STYLE_STOPS[painter_from(preferences)]
    return RAIN_STOPS if model_from(preferences) is Model.RAIN else POCKET_STOPS


def stop_field(preferences: Preferences) -> str:
    """Return the preferences' field that remembers the stop of what paints now."""
    if mode_from(preferences) is Mode.STYLISE:
        return "style_quality"
    return "rain_quality" if model_from(preferences) is Model.RAIN else "quality"


def chosen_stop(preferences: Preferences) -> Stop:
    """Return the stop as remembered: by default the pocket model's quickest, else what was published."""
    stops = stops_from(preferences)
    default = 0 if stops is POCKET_STOPS else len(stops) - 1
    return stops[find_stop(stops, getattr(preferences, stop_field(preferences)), default)]


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


def _is_style(model: str) -> bool:
    """Return whether a model is a file by itself, which paints in a published model's place.

    One with a tokenizer beside it is a whole model.
    """
    if not model.endswith(STYLE_SUFFIX):
        return False
    folder = Path(model).expanduser().parent
    return not any((place / "vocab.json").is_file() for place in (folder / "tokenizer", folder))


def _known(choices: Mapping[str, _Choice], name: str, default: _Choice) -> _Choice:
    return choices.get(name, default)


def _colour_from(text: str) -> Colour:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _hex_of(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
