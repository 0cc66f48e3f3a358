"""Reads published checkpoints and fits them to our networks, with every key accounted for.

Nothing in a file is run: pickles are read as weights only. A file that does not fit is an error that names
what is missing, what nobody asked for, and which shapes differ.
"""

import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.checkpoints.errors import CheckpointError
from models.checkpoints.fitting import listed, misfit, shapes_of
from models.checkpoints.unet_keys import is_sinusoidal, published_name, published_positions
from models.checkpoints.whole import SAFETENSORS, check_whole, refused, unreadable
from models.networks.attention import TemporalAttention, sinusoidal_positions

__all__ = [
    "CheckpointError",
    "fill_positions",
    "own_state",
    "published_shapes",
    "read_nested",
    "read_published",
]

_DAMAGED = (  # what the libraries raise over bytes that are not what they take them for
    EOFError,
    RuntimeError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    struct.error,
    SafetensorError,
)


def read_published(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a ``.safetensors`` file or of a pickled state dictionary, on the CPU.

    Pickles in the current format are mapped, not read: tensors come from disk when they are used.

    Raises:
        CheckpointError: no such file, half a download, or something else than tensors by name in it.
    """
    return _tensors(_content(path), path)


def read_nested(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a training checkpoint: as ``read_published``, or under ``state_dict``.

    Raises:
        CheckpointError: as ``read_published``.
    """
    content = _content(path)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    return _tensors(content, path)


def _content(path: Path) -> object:
    check_whole(path)
    try:
        if path.suffix == SAFETENSORS:
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as error:
        # torch's own words advise to read it without this protection
        raise CheckpointError(f"{path} is damaged or holds more than weights") from error
    except OSError as error:
        raise refused(path, error) from error
    except _DAMAGED as error:
        raise unreadable(path) from error


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise CheckpointError(f"{path} holds no state dictionary but {type(content).__name__}")
    return dict(content)


def published_shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return name and shape of everything that the published checkpoint of ``network`` holds."""
    shapes = {published_name(name): tuple(value.shape) for name, value in network.state_dict().items()}
    for name, part in network.named_modules():
        if isinstance(part, TemporalAttention):
            positions = published_positions(f"{name}.to_q.weight")
            if positions is not None:
                shapes[positions] = (1, part.max_frames, part.to_q.in_features)
    return shapes


def own_state(network: nn.Module, published: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """Return ``network``'s state dictionary from a published one; tensors are not copied.

    Args:
        network: May live on the meta device: only names and shapes count.
        published: As read.
        source: What to call the file in errors.

    Raises:
        CheckpointError: keys are missing or left over, shapes differ, or a table of positions is not the
            sinusoidal one that we compute.
    """
    wanted = published_shapes(network)
    fault = misfit(wanted, shapes_of(published))
    if fault:
        raise CheckpointError(f"{source} does not fit: {fault}")
    own = {name: published[published_name(name)] for name in network.state_dict()}
    tables = wanted.keys() - {published_name(name) for name in own}
    strange = [name for name in tables if not is_sinusoidal(published[name])]
    if strange:
        raise CheckpointError(f"{source} does not fit: {listed('not sinusoidal', strange)}")
    return own


def fill_positions(network: nn.Module) -> None:
    """Compute the tables of positions of a network that was built on the meta device and then loaded."""
    for part in network.modules():
        if isinstance(part, TemporalAttention):
            weight = part.to_q.weight
            part.positions = sinusoidal_positions(part.max_frames, part.to_q.in_features).to(weight)
