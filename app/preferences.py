"""What the window remembers between two starts: one small JSON file in the user's configuration folder.

It is read once at the start and written whenever something changes, through a temporary file that replaces
the old one in one step, so that a crash leaves either the old or the new file. A damaged file never stops the
window: it is set aside, the defaults are used and a sentence says so. No Qt here. Thread: any, one at a time.
"""

import json
import logging
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import platformdirs

FILE_NAME = "window.json"
HOME_VARIABLE = "UNDERSTUDY_HOME"
logger = logging.getLogger(__name__)

LARGEST_SEED = 2**32 - 1
RAIN_GUIDANCE_RANGE = (1.0, 10.0)
STYLE_GUIDANCE_RANGE = (1.0, 5.0)

Loras = tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Preferences:
    """Everything that is remembered. Enumerations are stored by value, so this file knows nothing of engine.

    Attributes:
        source: ``camera:<index>``, ``file:<path>`` or ``sample``; empty before the first choice.
        avatar: Name in the gallery; empty for the default avatar.
        mirror: Whether the avatar moves like a mirror picture of the user.
        clip: Path of the clip that was chosen last, so that it stays in the list; empty for none.
        stage: Kind of backdrop (a ``BackdropKind`` value); empty for the default.
        stage_key: ``#rrggbb`` of the key colour.
        stage_colour: ``#rrggbb`` of the plain colour.
        stage_picture: Path of the backdrop that the user chose; empty for none.
        stage_blur: Its blur, 0..1.
        quality: Name of the pocket model's stop (``app.window.stops``); empty for the default.
        mode: ``avatar`` or ``stylise``; empty for avatar.
        is_likeness_confirmed: Whether the user agreed that the stylise mode shows their likeness.
        model: Which networks move the avatar (a ``Model`` value); empty for the default.
        rain_weights: Folder of RAIN's weights that the user chose; empty for the models folder.
        rain_guidance: How closely RAIN keeps to its conditions, 1..10.
        rain_quality: Name of RAIN's stop; empty for the default.
        rain_tracker: Who reads the person for RAIN (a ``TrackerChoice`` value); empty for the default.
        prompt: What the picture is painted as; empty for the default.
        closeness: Name of a ``Closeness`` in small letters; empty for the default.
        painter: Which system paints (a ``Painter`` value); empty for the default.
        style_model: A published model's name, or the path of the user's own; empty for the default.
        style_base: Folder of the user's own model that a style's file is painted over; empty for the default.
        style_quality: Name of the stylise mode's stop; empty for the default.
        is_skipping_alike: Whether frames that are like the one before are not painted anew.
        style_loras: Path of each LoRA, and how much of it, 0..1.
        style_guidance: How far the painting goes towards the prompt, 1..5.
        has_small_memory: Whether frames are remembered in 8 bits, where the painter remembers any.
        is_style_unfolded: Whether what is chosen less often is shown.
        style_seed: Seed of the painting's noise, 0..2**32 - 1.
        is_readout_shown: Whether fps and latency are shown.
        is_panel_folded: Whether the right panel is folded; None until the user folds or unfolds it.
        output_folder: Where recordings and snapshots go; empty for the default.
        window: x, y, width, height of the window; empty before the first close.
    """

    source: str = ""
    clip: str = ""
    avatar: str = ""
    mirror: bool = True
    stage: str = ""
    stage_key: str = "#00ff00"
    stage_colour: str = "#18191e"
    stage_picture: str = ""
    stage_blur: float = 0.0
    quality: str = ""
    mode: str = ""
    is_likeness_confirmed: bool = False
    model: str = ""
    rain_weights: str = ""
    rain_guidance: float = 2.5
    rain_quality: str = ""
    rain_tracker: str = ""
    prompt: str = ""
    closeness: str = ""
    painter: str = ""
    style_model: str = ""
    style_base: str = ""
    style_quality: str = ""
    is_skipping_alike: bool = False
    style_loras: Loras = ()
    style_guidance: float = 1.2
    has_small_memory: bool = False
    is_style_unfolded: bool = False
    style_seed: int = 2
    is_readout_shown: bool = True
    is_panel_folded: bool | None = None
    output_folder: str = ""
    window: tuple[int, ...] = ()


def config_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder of the preferences; ``UNDERSTUDY_HOME`` overrides the system's place for it."""
    home = (os.environ if environment is None else environment).get(HOME_VARIABLE, "")
    return Path(home) / "config" if home else Path(platformdirs.user_config_dir("understudy", False))


class PreferencesFile:
    """The file that holds ``Preferences``.

    Args:
        path: Where it is kept; the folder is made when it is first written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = config_folder() / FILE_NAME if path is None else path

    @property
    def path(self) -> Path:
        """Where the preferences are kept."""
        return self._path

    def load(self) -> tuple[Preferences, str]:
        """Return what was remembered, and a sentence for the user (empty when all is well).

        A missing file means a first start. A damaged file is renamed to ``*.damaged`` and the defaults are
        returned; a single field that makes no sense is replaced by its default.
        """
        try:
            stored = json.loads(self._path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return Preferences(), ""
        except (OSError, ValueError) as error:
            return Preferences(), self._set_aside(str(error))
        if not isinstance(stored, dict):
            return Preferences(), self._set_aside("it holds no settings")
        preferences, message = _from_stored(stored)
        if message:
            logger.warning("%s: %s", self._path, message)
        return preferences, message

    def save(self, preferences: Preferences) -> None:
        """Write ``preferences`` so that a crash leaves the old file or the new one, never half of it.

        Raises:
            OSError: the folder cannot be written (disk full, read-only).
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{FILE_NAME}.", dir=self._path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(asdict(preferences), file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _set_aside(self, why: str) -> str:
        logger.warning("The settings file %s is damaged: %s", self._path, why)
        damaged = self._path.with_suffix(".damaged")
        try:
            self._path.replace(damaged)
        except OSError:
            return f"The settings file {self._path} cannot be read; starting with the defaults."
        return f"The settings file was damaged and is kept as {damaged}; starting with the defaults."


def _is_window(value: object) -> bool:
    return isinstance(value, list) and len(value) in (0, 4) and all(type(number) is int for number in value)


def _is_colour(value: object) -> bool:
    return isinstance(value, str) and bool(re.fullmatch("#[0-9a-fA-F]{6}", value))


def _is_within(low: float, high: float) -> Callable[[object], bool]:
    """Return a check for a number from ``low`` to ``high``."""
    return lambda value: type(value) in (int, float) and low <= float(value) <= high  # type: ignore[arg-type]


_is_share = _is_within(0.0, 1.0)


def _is_loras(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(lora, list) and len(lora) == 2 for lora in value):  # noqa: PLR2004 - path, scale
        return False
    paths = [path for path, _scale in value]
    is_known = all(isinstance(path, str) and path for path in paths) and len(set(paths)) == len(paths)
    return is_known and all(_is_share(scale) for _path, scale in value)


def _is_seed(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_SEED


_CHECKS: dict[str, Callable[[object], bool]] = {
    "is_panel_folded": lambda value: value is None or isinstance(value, bool),
    "window": _is_window,
    "stage_key": _is_colour,
    "stage_colour": _is_colour,
    "stage_blur": _is_share,
    "style_seed": _is_seed,
    "rain_guidance": _is_within(*RAIN_GUIDANCE_RANGE),
    "style_guidance": _is_within(*STYLE_GUIDANCE_RANGE),
    "style_loras": _is_loras,
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "window": tuple,
    "style_loras": lambda stored: tuple((path, float(scale)) for path, scale in stored),
}
"""How what JSON knows only as a list is read."""


def _is_valid(name: str, default: object, value: object) -> bool:
    check = _CHECKS.get(name)
    return check(value) if check else type(value) is type(default)


def _from_stored(stored: dict[str, Any]) -> tuple[Preferences, str]:
    defaults = Preferences()
    known: dict[str, Any] = {}
    wrong: list[str] = []
    for field in fields(Preferences):
        if field.name not in stored:
            continue
        value = stored[field.name]
        if _is_valid(field.name, getattr(defaults, field.name), value):
            known[field.name] = _READERS.get(field.name, lambda kept: kept)(value)
        else:
            wrong.append(field.name)
    message = f"Some remembered settings made no sense and were reset: {', '.join(wrong)}." if wrong else ""
    return replace(defaults, **known), message
