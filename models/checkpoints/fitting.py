"""Puts a file's tensors into a network that was built without memory, with every key accounted for."""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.checkpoints.published import CheckpointError

N = TypeVar("N", bound=nn.Module)
_NAMES_SHOWN = 3
_POSITION_IDS = "position_ids"


def fitted(network: N, tensors: Mapping[str, Tensor], source: str, dtype: torch.dtype = torch.float32) -> N:
    """Return ``network`` with the tensors as its weights, ready to run (evaluation mode, no gradients).

    Args:
        network: Built on the meta device.
        tensors: Its state dictionary; numbers are converted to ``dtype``.
        source: What to call the file in errors.
        dtype: Of the weights.

    Raises:
        CheckpointError: Keys are missing or left over, or shapes differ.
    """
    fault = misfit({name: tuple(value.shape) for name, value in network.state_dict().items()}, tensors)
    if fault:
        raise CheckpointError(f"{source} does not fit: {fault}")
    network.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)
    for part in network.modules():
        for name, buffer in part.named_buffers(recurse=False):
            if buffer.is_meta and name == _POSITION_IDS:
                setattr(part, name, torch.arange(buffer.shape[-1])[None])
    return network.eval().requires_grad_(requires_grad=False)


def misfit(wanted: Mapping[str, tuple[int, ...]], tensors: Mapping[str, Tensor]) -> str:
    """Return in words how tensors differ from what is wanted, or nothing."""
    missing, unexpected = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    differing = [
        f"{name} {tuple(tensors[name].shape)} instead of {wanted[name]}"
        for name in sorted(wanted.keys() & tensors.keys())
        if tuple(tensors[name].shape) != wanted[name]
    ]
    lists = {"missing": missing, "unexpected": unexpected, "of another shape": differing}
    return "; ".join(f"{what}: {_shown(names)}" for what, names in lists.items() if names)


def _shown(names: list[str]) -> str:
    more = len(names) - _NAMES_SHOWN
    return ", ".join(names[:_NAMES_SHOWN]) + (f" and {more} more" if more > 0 else "")
