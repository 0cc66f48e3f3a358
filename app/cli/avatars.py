"""`understudy avatars`: who can be put on stage."""

import argparse

from app.cli.console import Console
from app.own_avatars import OwnAvatars
from engine.session import avatar_names, load_avatar
from engine.settings import DEFAULT_AVATAR_NAME
from engine.types import Avatar

SURE_CONFIDENCE = 0.85
"""Below this the user is told, here and in the window, that a picture is unlike what the model knows."""


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List the built-in avatars and the user's own."""
    built_in, own = avatar_names(), OwnAvatars().names()
    if arguments.json:
        console.json({"built_in": built_in, "own": own, "default": load_avatar(DEFAULT_AVATAR_NAME).name})
        return 0
    default = load_avatar(DEFAULT_AVATAR_NAME).name
    for name in built_in:
        console.result(f"{name}  (default)" if name == default else name)
    for name in own:
        console.result(f"{name}  (yours)")
    return 0


def shown_name(spec: str) -> str:
    """Return the name of the avatar that ``spec`` stands for, or the picture's path."""
    return avatar_names()[0] if spec == DEFAULT_AVATAR_NAME else spec


def chosen_avatar(spec: str, console: Console) -> Avatar | None:
    """Return an avatar that has to be read first; None for a built-in one, which the engine loads by name.

    Quick but for a picture, in which the portrait network looks for a face.

    Args:
        spec: What was given as ``--avatar``.
        console: Told when a picture is far from what the model knows.

    Raises:
        AvatarError: there is no such avatar, or the file cannot be used.
        NoFaceError: the picture shows no face.
    """
    own = OwnAvatars()
    if spec in own.names():
        return own.load(spec)
    if spec in (DEFAULT_AVATAR_NAME, *avatar_names()):
        return None
    avatar = load_avatar(spec)
    if avatar.confidence < SURE_CONFIDENCE:
        console.warn(
            f"{spec} is unlike the drawings that the model knows, and its points are only "
            f"{100 * avatar.confidence:.0f} % sure; the avatar may look odd. "
            "In the window the points can be dragged into place."
        )
    return avatar
