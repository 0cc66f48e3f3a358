"""Folders of published models: the user's own, fetched ones, or those that other programs have fetched."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

from models.checkpoints.catalogue import is_repository
from models.checkpoints.published import CheckpointError
from models.checkpoints.store import models_dir


def local_folder(source: str) -> Path:
    """Return the folder of a model: itself, in the models folder, or in the hub's cache. Nothing is fetched.

    Args:
        source: A folder's path, or a hub id such as "stabilityai/sd-turbo".

    Raises:
        CheckpointError: It is not on this machine.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not is_repository(source):
        raise CheckpointError(f"there is no folder or file {source}")
    if (models_dir() / source).is_dir():
        return models_dir() / source
    try:
        # Any part of it: another program needs other files, and the loaders say which they miss.
        return Path(snapshot_download(source, allow_patterns=[], local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError) as error:
        raise CheckpointError(
            f"the model {source} is not on this machine, and it has not been fetched"
        ) from error
