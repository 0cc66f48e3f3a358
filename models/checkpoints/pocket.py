"""Reads and writes the pocket weights: one safetensors file (float16) with the sizes in its header."""

import json
from dataclasses import asdict
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from models.networks.pocket import PocketConfig, PocketNetworks

_FORMAT = "understudy-pocket-1"


class PocketWeightsError(ValueError):
    """The file is missing, truncated, or holds other weights; the message names it and says which."""


def save_pocket(networks: PocketNetworks, path: Path) -> None:
    """Write the weights as float16, atomically."""
    tensors = {name: value.detach().cpu().half().contiguous() for name, value in networks.state_dict().items()}
    metadata = {"format": _FORMAT, "config": json.dumps(asdict(networks.config))}
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata=metadata)
    partial.replace(path)


def load_pocket(path: Path) -> PocketNetworks:
    """Load the networks in float32, ready to run (evaluation mode, no gradients).

    Raises:
        PocketWeightsError: no such file, a damaged file, or weights of another model.
    """
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise PocketWeightsError(f"cannot read the pocket weights {path}: {error}") from error
    if metadata.get("format") != _FORMAT:
        raise PocketWeightsError(f"{path} is {metadata.get('format')!r}, expected {_FORMAT!r}")
    fields = {key: tuple(v) if isinstance(v, list) else v for key, v in json.loads(metadata["config"]).items()}
    networks = PocketNetworks(PocketConfig(**fields))
    different = set(networks.state_dict()) ^ set(tensors)
    if different:
        raise PocketWeightsError(f"{path} does not fit: keys {sorted(different)[:4]} differ")
    networks.load_state_dict(tensors)
    return networks.eval().requires_grad_(requires_grad=False)
