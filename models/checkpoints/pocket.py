"""Reads and writes the project's own weights: one safetensors file (float16) with the sizes in its header."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.checkpoints.errors import CheckpointError
from models.checkpoints.whole import check_whole
from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.portrait import PortraitConfig, PortraitNet

N = TypeVar("N", bound=nn.Module)
_POCKET, _PORTRAIT = "understudy-pocket-1", "understudy-portrait-1"


class PocketWeightsError(ValueError):
    """The file is missing, truncated, or holds other weights; the message names it and says which."""


def save_pocket(networks: PocketNetworks, path: Path) -> None:
    """Write the pocket networks as float16, atomically."""
    _save(networks, path, {"format": _POCKET, "config": json.dumps(asdict(networks.config))})


def save_portrait(network: PortraitNet, path: Path) -> None:
    """Write the portrait network as float16, atomically."""
    _save(network, path, {"format": _PORTRAIT, "config": json.dumps(asdict(network.config))})


def load_pocket(path: Path) -> PocketNetworks:
    """Load the networks in float32, ready to run (evaluation mode, no gradients).

    Raises:
        PocketWeightsError: no such file, a damaged file, or weights of another model.
    """
    return _load(path, _POCKET, lambda fields: PocketNetworks(PocketConfig(**fields)))


def load_portrait(path: Path) -> PortraitNet:
    """Load the portrait network in float32, ready to run. Raises ``PocketWeightsError``."""
    return _load(path, _PORTRAIT, lambda fields: PortraitNet(PortraitConfig(**fields)))


def _save(network: nn.Module, path: Path, metadata: dict[str, str]) -> None:
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in network.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a dict
            return file.metadata() or {}, tensors
    except (OSError, SafetensorError) as error:
        raise PocketWeightsError(_reason(path)) from error


def _reason(path: Path) -> str:
    """Return in our own words why a file cannot be read."""
    try:
        check_whole(path)
    except CheckpointError as error:
        return str(error)
    return f"{path} is damaged"


def _load(path: Path, wanted: str, build: Callable[[dict[str, Any]], N]) -> N:
    metadata, tensors = _read(path)
    if metadata.get("format") != wanted:
        raise PocketWeightsError(f"{path} is {metadata.get('format')!r}, expected {wanted!r}")
    try:
        config = json.loads(metadata["config"])
        network = build({key: tuple(v) if isinstance(v, list) else v for key, v in config.items()})
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PocketWeightsError(f"{path} does not say what it holds: config is missing or odd") from error
    wanted_shapes = {name: value.shape for name, value in network.state_dict().items()}
    shapes = {name: value.shape for name, value in tensors.items()}
    different = {name for name, _ in wanted_shapes.items() ^ shapes.items()}
    if different:
        raise PocketWeightsError(f"{path} does not fit: {sorted(different)[:4]} differ in name or shape")
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(requires_grad=False)
