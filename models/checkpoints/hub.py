"""Folders of published models: the user's own, fetched ones, or those that other programs have fetched."""

from pathlib import Path

from huggingface_hub import snapshot_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

from models.checkpoints.catalogue import is_repository
from models.checkpoints.published import CheckpointError
from models.checkpoints.store import models_dir

# One format of weights is enough, and half precision where it is offered beside the full one is not needed.
_PATTERNS = ("*.json", "*.txt", "*.safetensors")
_NOT_NEEDED = ("safety_checker/*", "feature_extractor/*", "*.fp16.safetensors", "*non_ema*")


def local_folder(source: str, *, may_download: bool = False, revision: str | None = None) -> Path:
    """Return the folder of a model: itself, in the models folder, or in the hub's cache.

    Args:
        source: A folder's path, or a hub id such as "stabilityai/sd-turbo".
        may_download: Whether what is missing may be fetched; partial downloads are resumed.
        revision: Branch, tag or commit of a hub id.

    Raises:
        CheckpointError: There is no such folder, and the model is neither in the cache nor to be had.
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return folder
    if not is_repository(source):
        raise CheckpointError(f"there is no folder or file {source}")
    if (models_dir() / source).is_dir():
        return models_dir() / source
    try:
        return Path(
            snapshot_download(
                source,
                revision=revision,
                allow_patterns=list(_PATTERNS),
                ignore_patterns=list(_NOT_NEEDED),
                local_files_only=not may_download,
            )
        )
    except LocalEntryNotFoundError as error:
        way = "it could not be fetched" if may_download else "it has not been fetched"
        raise CheckpointError(f"the model {source} is not on this machine, and {way}") from error
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        raise CheckpointError(f"the model {source} cannot be fetched: {error}") from error
