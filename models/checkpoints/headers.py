"""What can be said of models before they are loaded: whether their files are whole, and whether LoRAs fit.

Only the ends and the headers of files are read. Importing this loads nothing heavy.
"""

from collections.abc import Callable
from pathlib import Path

from models.checkpoints.hub import lora_file, weights_file
from models.checkpoints.lora_keys import check_fits, layer_keys, text_word, unet_word, update_shape
from models.checkpoints.whole import SAFETENSORS, Shapes, check_whole, header_shapes

_UNET, _TEXT_ENCODER, _VAE = "unet", "text_encoder", "vae"
_LAYER_DIMS = (2, 4)
_WEIGHT = ".weight"


def check_parts(folder: Path, *, has_own_vae: bool) -> None:
    """Make sure that the weights in a diffusers folder are there and whole.

    Args:
        folder: Of a Stable Diffusion.
        has_own_vae: Whether its autoencoder is used.

    Raises:
        CheckpointError: One is missing, or seen to be damaged.
    """
    for part in (_UNET, _TEXT_ENCODER, *([_VAE] if has_own_vae else [])):
        check_whole(weights_file(folder / part))


def layer_shapes(folder: Path) -> Shapes | None:
    """Return the shapes of what a LoRA may change, by one-word names; None where no header tells them.

    Raises:
        CheckpointError: A file is missing, or seen to be damaged.
    """
    parts = {_UNET: unet_word, _TEXT_ENCODER: text_word}
    files = {weights_file(folder / part): word for part, word in parts.items()}
    if any(file.suffix != SAFETENSORS for file in files):
        return None
    return {name: shape for file, word in files.items() for name, shape in _layers(file, word).items()}


def check_lora(name: str, base: Shapes | None) -> None:
    """Make sure that a LoRA is there, whole, a LoRA, and for its base.

    Args:
        name: A file, a folder or a hub id.
        base: As ``layer_shapes`` gives it; None: not known, so that loading has to tell.

    Raises:
        CheckpointError: It is not.
    """
    path = lora_file(name)
    check_whole(path)
    if path.suffix != SAFETENSORS:
        return
    shapes = header_shapes(path)
    layers = layer_keys(shapes, str(path))
    if base is not None:
        check_fits(
            {keys.name: update_shape(shapes[keys.down], shapes[keys.up]) for keys in layers}, base, name
        )


def _layers(file: Path, word: Callable[[str], str]) -> Shapes:
    return {
        word(name.removesuffix(_WEIGHT)): shape
        for name, shape in header_shapes(file).items()
        if name.endswith(_WEIGHT) and len(shape) in _LAYER_DIMS
    }
