"""The built-in avatars: pictures with their points, read from ``assets/avatars``.

Out: ``types.Avatar``. Thread: any.
"""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import AvatarError
from engine.types import NUM_CONTROLS, Avatar

DEFAULT_AVATAR = "mika"
"""Name of the avatar that is on stage at the first start."""

SCHEMA_VERSION = 1
"""Version of the JSON files beside the pictures."""

_FOLDER = "avatars"


@lru_cache(maxsize=1)
def built_in_names() -> tuple[str, ...]:
    """Return the names of the built-in avatars, the default first, then by name."""
    found = {
        item.name[: -len(".json")]
        for item in (files("assets") / _FOLDER).iterdir()
        if item.name.endswith(".json")
    }
    return tuple(sorted(found, key=lambda name: (name != DEFAULT_AVATAR, name)))


def load_built_in(name: str) -> Avatar:
    """Return a built-in avatar.

    Args:
        name: One of ``built_in_names()``.

    Raises:
        AvatarError: There is no such avatar, or its files are damaged.
    """
    if name not in built_in_names():
        raise AvatarError(
            f"There is no built-in avatar named {name!r}.",
            hint=f"Choose one of {', '.join(built_in_names())}.",
        )
    about = _about(name)
    return Avatar(
        name=name,
        rgb=np.ascontiguousarray(_picture(f"{name}.png", cv2.IMREAD_COLOR)[..., ::-1]),
        points=_numbers(about, name, "points", (NUM_CONTROLS, 2)),
        depth=_numbers(about, name, "depth", (NUM_CONTROLS,)),
        scores=_numbers(about, name, "scores", (NUM_CONTROLS,)),
        matte=_picture(f"{name}.matte.png", cv2.IMREAD_GRAYSCALE).astype(np.float32) / np.float32(255),
        confidence=float(about.get("confidence", 1.0)),
    )


def built_in_title(name: str) -> str:
    """Return what to call a built-in avatar in front of people. Raises ``AvatarError``."""
    return str(_about(name).get("title", name))


def _damaged(file: str, why: str) -> AvatarError:
    return AvatarError(f"The built-in avatar file {file} {why}.", hint="Install the program again.")


def _about(name: str) -> dict[str, Any]:
    file = f"{name}.json"
    try:
        about = json.loads((files("assets") / _FOLDER / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(file, f"cannot be read ({error})") from error
    if not isinstance(about, dict) or about.get("schema_version") != SCHEMA_VERSION:
        raise _damaged(file, f"is not of version {SCHEMA_VERSION}")
    return about


def _numbers(about: dict[str, Any], name: str, key: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values = np.array(about.get(key, ()), np.float32)
    if values.shape != shape:
        raise _damaged(f"{name}.json", f"has {key} of shape {values.shape} in place of {shape}")
    return values


def _picture(file: str, mode: int) -> NDArray[np.uint8]:
    try:
        data = (files("assets") / _FOLDER / file).read_bytes()
    except OSError as error:
        raise _damaged(file, f"cannot be read ({error})") from error
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), mode)
    if picture is None:
        raise _damaged(file, "is no picture")
    return np.asarray(picture, np.uint8)
