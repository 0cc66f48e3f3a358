"""A picture in which no face was found, made ready for points that a person places."""

from pathlib import Path

from engine.capture.avatars import DEFAULT_AVATAR, load_built_in
from engine.capture.picture import read_picture
from engine.condition.portrait import avatar_by_hand
from engine.types import Avatar


def avatar_to_place(path: Path) -> Avatar:
    """Return the picture as an avatar with the default avatar's points on it; confidence 0. Thread: any.

    Raises:
        AvatarError: the picture cannot be used.
    """
    return avatar_by_hand(path.stem, read_picture(path), load_built_in(DEFAULT_AVATAR))
