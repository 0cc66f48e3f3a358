"""Where RAIN's files lie, and what to do where they do not. Importing this loads nothing heavy."""

from pathlib import Path

from engine.errors import WeightsError
from engine.paths import models_dir
from engine.settings import Settings
from models.checkpoints.catalogue import read_catalogue, with_needs
from models.checkpoints.errors import CheckpointError
from models.checkpoints.whole import check_whole

_NAME, _CONFIG = "rain", ".json"


def rain_folder(settings: Settings) -> Path:
    """Return where RAIN's files lie, or should."""
    return Path(settings.weights).expanduser() if settings.weights else models_dir() / _NAME


def check_rain_files(folder: Path) -> None:
    """Make sure that everything is there and whole; only ends of files are read. Raises ``WeightsError``."""
    if not folder.is_dir():
        raise _missing(folder, f"there is no folder {folder}")
    lacking = [paths[0] for paths in _files() if not any((folder / path).is_file() for path in paths)]
    if lacking:
        raise _missing(folder, f"{folder} lacks {', '.join(lacking)}")
    try:
        for paths in _files():
            _check_whole(next(folder / path for path in paths if (folder / path).is_file()))
    except CheckpointError as error:
        raise _missing(folder, str(error)) from error


def rain_hint(folder: Path) -> str:
    """Return what to do without RAIN's files in ``folder``."""
    names = dict.fromkeys(f"{top}/" if below else top for top, _, below in _split())
    return (
        f"Fetch it with `understudy models fetch rain`, which says size and licence first, or put "
        f"{', '.join(names)} into {folder}; or choose the pocket model."
    )


def _check_whole(file: Path) -> None:
    if file.suffix != _CONFIG:
        check_whole(file)


def _missing(folder: Path, reason: str) -> WeightsError:
    return WeightsError(f"RAIN cannot be loaded: {reason}.", hint=rain_hint(folder))


def _split() -> list[tuple[str, str, str]]:
    return [paths[0].partition("/") for paths in _files()]


def _files() -> list[tuple[str, ...]]:
    """Return the paths of every file below RAIN's folder; any one path of a file will do."""
    return [
        tuple((Path(entry.folder).relative_to(_NAME) / path).as_posix() for path in file.paths)
        for entry in with_needs(_NAME, read_catalogue())
        for file in entry.files
    ]
