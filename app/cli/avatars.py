"""`understudy avatars`: who can be put on stage."""

import argparse

from app.cli.console import Console
from app.own_avatars import OwnAvatars
from engine.session import avatar_names, load_avatar
from engine.settings import DEFAULT_AVATAR_NAME
from engine.types import Avatar


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


def own_avatar(name: str) -> Avatar | None:
    """Return an avatar that the user added in the window, or None when ``name`` is none of them.

    Raises:
        AvatarError: its file is damaged.
    """
    own = OwnAvatars()
    return own.load(name) if name in own.names() else None
