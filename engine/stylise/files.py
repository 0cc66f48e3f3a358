"""Which files a painting is made of, where they lie, and what to do where they do not.

Importing this loads nothing heavy, so that what is missing is said at once.
"""

from pathlib import Path

from engine.errors import WeightsError
from engine.paths import models_dir
from engine.stylise.settings import (
    DEPTH_FROM_POINTS,
    LIVE2DIFF_FILE,
    PUBLISHED_MODELS,
    Painter,
    StyliseSettings,
)
from models.checkpoints.catalogue import read_catalogue
from models.checkpoints.errors import CheckpointError
from models.checkpoints.headers import check_lora, check_parts, layer_shapes
from models.checkpoints.hub import TAESD, folder_of, local_folder, tokenizer_folder, weights_file
from models.checkpoints.whole import SAFETENSORS, Shapes, check_whole

_LIVE2DIFF = "live2diff"
_DEPTH_NETWORKS = ("dpt-hybrid", "depth-anything-small")  # the one it was trained with first
_AVATAR_INSTEAD = "The avatar mode needs none: `understudy live`."
_OTHER_LORA = "Leave that LoRA out, or give the file of one that was made for this model."
DEPTH_HINT = (
    "Fetch one with `understudy models fetch dpt-hybrid`, or a smaller one with `understudy models fetch "
    f"depth-anything-small`; or choose {DEPTH_FROM_POINTS}, which needs no network."
)


def check_files(stylise: StyliseSettings) -> None:
    """Make sure that what a painting is made of is on this machine and whole; only ends of files are read.

    Raises:
        WeightsError: Something is missing, damaged, of a kind that is never read, or a LoRA for another base;
            the hint says its size and licence, and what works without it.
    """
    if stylise.painter is Painter.LIVE2DIFF:
        _check_motion(stylise)
        _check_depth(stylise)
    try:
        _check_base(stylise)
        base = _base_layers(stylise)
    except CheckpointError as error:
        raise model_fault(error, stylise) from error
    _check_tokenizer(stylise)
    for name in stylise.all_loras:
        _check_lora(name, base, stylise)


def motion_file(stylise: StyliseSettings) -> Path:
    """Return where ``live2diff.ckpt`` lies. Raises ``WeightsError`` when it is not there."""
    entry = read_catalogue()[_LIVE2DIFF]
    fetched = models_dir() / entry.folder / entry.files[0].path
    file = Path(stylise.motion).expanduser() if stylise.motion else fetched
    if not file.is_file():
        raise WeightsError(f"There is no file {file}.", hint=motion_hint())
    return file


def depth_network(stylise: StyliseSettings) -> str | None:
    """Return folder or hub id of the depth network that is used, or None: depth comes from points."""
    if stylise.depth:
        return None if stylise.depth == DEPTH_FROM_POINTS else stylise.depth
    catalogue = read_catalogue()
    found = (folder_of(catalogue[name]) for name in _DEPTH_NETWORKS)
    return next((str(folder) for folder in found if folder is not None), None)


def tokenizer_place(stylise: StyliseSettings) -> Path:
    """Return the folder in which the prompt's tokenizer is looked for. Raises ``CheckpointError``."""
    if stylise.tokenizer:
        return Path(stylise.tokenizer).expanduser()
    # a style's file has no tokenizer: that of the model reads the prompt
    model = Path(stylise.model).expanduser()
    return model.parent if model.is_file() else local_folder(stylise.model)


def model_fault(error: CheckpointError, stylise: StyliseSettings) -> WeightsError:
    """Return what to tell where the base model or its style cannot be loaded."""
    return _fault("The model", error, base_hint(stylise))


def lora_fault(error: CheckpointError, name: str, stylise: StyliseSettings) -> WeightsError:
    """Return what to tell where a LoRA cannot be loaded: the user's, or one that belongs to the model."""
    hint = _OTHER_LORA if name in dict(stylise.loras) else base_hint(stylise)
    return _fault("The LoRA", error, hint)


def base_hint(stylise: StyliseSettings) -> str:
    """Return what to do without a base model: its size and licence, and what works without it."""
    published = PUBLISHED_MODELS.get(stylise.model)
    if published is not None:
        return (
            f"The stylise mode needs a model such as {published.text}: add --download to fetch it, or "
            f"--model for one that you have. {_AVATAR_INSTEAD}"
        )
    default = next(iter(PUBLISHED_MODELS.values()))
    return (
        "Give a whole folder or .safetensors file of Stable Diffusion 1 or 2; or leave --model out, and add "
        f"--download to fetch {default.text}. {_AVATAR_INSTEAD}"
    )


def motion_hint() -> str:
    """Return what to do without Live2Diff's own file."""
    entry = read_catalogue()[_LIVE2DIFF]
    return (
        f"Live2Diff needs {entry.files[0].path} ({entry.num_bytes / 1e9:.2f} GB, licence {entry.licence}, "
        f"{entry.address}) over a Stable Diffusion 1.5: `{LIVE2DIFF_FILE.command}` fetches both, --motion "
        f"names one that you have. {_AVATAR_INSTEAD}"
    )


def no_tokenizer(stylise: StyliseSettings) -> WeightsError:
    """Return what to tell where nothing can read the prompt."""
    place = f"in {stylise.tokenizer}" if stylise.tokenizer else f"beside {stylise.style or stylise.model}"
    return WeightsError(
        f"There is no tokenizer {place}.",
        hint="Give a folder with vocab.json and merges.txt as --tokenizer, or a whole folder of Stable "
        "Diffusion as --model, and the file as --style.",
    )


def _fault(what: str, error: CheckpointError, hint: str) -> WeightsError:
    """Return what to tell: in the sentence what a user has to know, names of tensors after the way out."""
    message = error.sentence or f"{what} cannot be loaded: {error}."
    return WeightsError(message, hint=f"{hint} ({error.detail}.)" if error.detail else hint)


def _check_base(stylise: StyliseSettings) -> None:
    """Look at model, style and small autoencoder. Raises ``CheckpointError``."""
    model = Path(stylise.model).expanduser()
    if stylise.style:
        _check_single(Path(stylise.style).expanduser())
    if model.is_file():
        _check_single(model)
    elif not (stylise.style and stylise.tokenizer):  # with both, nothing of the model is used
        folder = local_folder(stylise.model)
        if not stylise.style:
            check_parts(folder, has_own_vae=stylise.model not in PUBLISHED_MODELS)
    if stylise.model in PUBLISHED_MODELS:
        check_whole(weights_file(local_folder(TAESD)))


def _base_layers(stylise: StyliseSettings) -> Shapes | None:
    """Return the shapes of what LoRAs change, where that is a folder. Raises ``CheckpointError``."""
    is_file = bool(stylise.style) or Path(stylise.model).expanduser().is_file()
    return layer_shapes(local_folder(stylise.model)) if stylise.all_loras and not is_file else None


def _check_single(file: Path) -> None:
    if file.is_file() and file.suffix != SAFETENSORS:
        raise CheckpointError(f"{file} is a {file.suffix or 'file without ending'}, expected {SAFETENSORS}")
    check_whole(file)


def _check_motion(stylise: StyliseSettings) -> None:
    try:
        check_whole(motion_file(stylise), read_catalogue()[_LIVE2DIFF].num_bytes)
    except CheckpointError as error:
        raise _fault("Live2Diff", error, motion_hint()) from error


def _check_tokenizer(stylise: StyliseSettings) -> None:
    if tokenizer_folder(tokenizer_place(stylise)) is None:
        raise no_tokenizer(stylise)


def _check_depth(stylise: StyliseSettings) -> None:
    network = depth_network(stylise)
    try:
        if network is not None:
            check_whole(weights_file(local_folder(network)))
    except CheckpointError as error:
        raise _fault("The depth network", error, DEPTH_HINT) from error


def _check_lora(name: str, base: Shapes | None, stylise: StyliseSettings) -> None:
    try:
        check_lora(name, base)
    except CheckpointError as error:
        raise lora_fault(error, name, stylise) from error
