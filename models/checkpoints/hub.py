"""Folders of published models: the user's own, fetched ones, or those that other programs have fetched.

Whoever lists what is here and whoever loads it ask the same functions. Importing this loads nothing heavy,
and nothing here reaches a network.
"""

from pathlib import Path

from models.checkpoints.catalogue import CatalogueEntry, is_repository
from models.checkpoints.errors import CheckpointError
from models.checkpoints.store import models_dir

LCM_LORA = "latent-consistency/lcm-lora-sdv1-5"
TAESD = "madebyollin/taesd"
_WEIGHTS = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "model.safetensors",
    "model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
    "pytorch_model.bin",
)
_LORA_FILES = ("pytorch_lora_weights.safetensors", "adapter_model.safetensors")


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
        raise _absent(f"there is no folder or file {source}")
    if (models_dir() / source).is_dir():
        return models_dir() / source
    # Any part of it: another program needs other files, and the loaders say which they miss.
    cached = cached_folder(source)
    if cached is None:
        raise _absent(f"the model {source} is not on this machine")
    return cached


def folder_of(entry: CatalogueEntry) -> Path | None:
    """Return where all files of a listed model lie, in the place where its loader looks; None: nowhere."""
    fetched = models_dir() / entry.folder
    if entry.is_whole_in(fetched):
        return fetched
    # Only what is known by its hub id is looked for in the cache, and a folder of ours comes before it.
    is_by_id = entry.folder == entry.repository and not fetched.is_dir()
    cached = cached_folder(entry.repository) if is_by_id else None
    return cached if cached is not None and entry.is_whole_in(cached) else None


def cached_folder(repository: str) -> Path | None:
    """Return what another program has fetched of a repository into the hub's cache, whole or not.

    The cache holds a folder for each repository: ``refs/main`` names the newest commit that was fetched, and
    ``snapshots/<commit>`` has its files.
    """
    from huggingface_hub import constants  # noqa: PLC0415 - it looks at once whether it is switched offline

    cached = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        commit = (cached / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    folder = cached / "snapshots" / commit
    return folder if commit and folder.is_dir() else None


def lora_file(name: str) -> Path:
    """Return the weights file of a LoRA that is given as a file, a folder or a hub id.

    Raises:
        CheckpointError: There is none.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return path
    if path.suffix == ".safetensors":
        raise _absent(f"there is no file {path}")
    folder = local_folder(name)
    found = [folder / file for file in _LORA_FILES if (folder / file).is_file()]
    found += sorted(folder.glob("*.safetensors"))
    if not found:
        raise CheckpointError(f"there is no LoRA in {folder}: expected {_LORA_FILES[0]}")
    return found[0]


def weights_file(folder: Path) -> Path:
    """Return the file that holds a part's weights. Raises ``CheckpointError`` where there is none."""
    for name in _WEIGHTS:
        if (folder / name).is_file():
            return folder / name
    raise _absent(f"there are no weights in {folder}: expected {_WEIGHTS[0]} or {_WEIGHTS[2]}")


def tokenizer_folder(folder: Path) -> Path | None:
    """Return where the tokenizer of a model's folder lies, or None: it has none."""
    return next((place for place in (folder / "tokenizer", folder) if (place / "vocab.json").is_file()), None)


def _absent(clause: str) -> CheckpointError:
    return CheckpointError(clause, sentence=f"{clause[0].upper()}{clause[1:]}.")
