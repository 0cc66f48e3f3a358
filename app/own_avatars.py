"""The avatars that the user added: one file each, in the data folder. No Qt. Thread: any, one at a time."""

import os
import re
import tempfile
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from engine.errors import AvatarError
from engine.paths import data_dir
from engine.types import NUM_CONTROLS, Avatar

SUFFIX = ".avatar.npz"


class OwnAvatars:
    """A folder of avatars.

    Args:
        folder: Where they are kept; made when the first one is.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = data_dir() / "avatars" if folder is None else folder

    def names(self) -> tuple[str, ...]:
        """Return the names, sorted."""
        found = self._folder.glob(f"*{SUFFIX}") if self._folder.is_dir() else ()
        return tuple(sorted(path.name.removesuffix(SUFFIX) for path in found))

    def load(self, name: str) -> Avatar:
        """Return an avatar as it was kept.

        Raises:
            AvatarError: there is none of that name, or its file is damaged.
        """
        try:
            with self._path(name).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return Avatar(
                    name=name,
                    rgb=np.ascontiguousarray(stored["rgb"]),
                    points=_checked(stored["points"], (NUM_CONTROLS, 2)),
                    depth=_checked(stored["depth"], (NUM_CONTROLS,)),
                    scores=_checked(stored["scores"], (NUM_CONTROLS,)),
                    matte=stored["matte"] if stored["matte"].size else None,
                    confidence=float(stored["confidence"]),
                )
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            message = f"Your avatar {name!r} cannot be read: {error}."
            raise AvatarError(
                message, hint="Remove it from the gallery and add its picture again."
            ) from error

    def keep(self, avatar: Avatar) -> str:
        """Write an avatar, replacing one of the same name; return the name that it got.

        Raises:
            AvatarError: the folder cannot be written.
        """
        name = safe_name(avatar.name)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=self._folder)
            with os.fdopen(handle, "wb") as file:
                np.savez_compressed(
                    file,
                    rgb=avatar.rgb,
                    points=avatar.points,
                    depth=avatar.depth,
                    scores=avatar.scores,
                    matte=np.zeros((0, 0), np.float32) if avatar.matte is None else avatar.matte,
                    confidence=np.float64(avatar.confidence),
                )
            Path(temporary).replace(self._path(name))
        except OSError as error:
            message = f"The avatar {name!r} cannot be kept in {self._folder}: {error.strerror}."
            raise AvatarError(message, hint="Free some disk space, or make the folder writable.") from error
        return name

    def remove(self, name: str) -> None:
        """Delete an avatar; one that is not there is fine."""
        self._path(name).unlink(missing_ok=True)

    def free_name(self, stem: str) -> str:
        """Return a name made from a file's stem that no avatar has yet."""
        wanted, taken = safe_name(stem), set(self.names())
        if wanted not in taken:
            return wanted
        return next(f"{wanted}_{n}" for n in range(2, len(taken) + 3) if f"{wanted}_{n}" not in taken)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}{SUFFIX}"


def safe_name(text: str) -> str:
    """Return ``text`` as a file name that every system takes."""
    kept = re.sub(r"[^\w-]+", "_", text, flags=re.UNICODE).strip("_")
    return kept[:60] or "avatar"


def _checked(array: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if array.shape != shape:
        raise ValueError(f"expected {shape}, got {array.shape}")
    return array.astype(np.float32)
