"""Puts a file's tensors into a network that was built without memory, with every key accounted for."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from models.checkpoints.errors import CheckpointError

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
    fault = misfit(shapes_of(network.state_dict()), shapes_of(tensors))
    if fault:
        raise CheckpointError(f"{source} does not fit: {fault}")
    network.load_state_dict({name: value.to(dtype) for name, value in tensors.items()}, assign=True)
    for part in network.modules():
        for name, buffer in part.named_buffers(recurse=False):
            if buffer.is_meta and name == _POSITION_IDS:
                setattr(part, name, torch.arange(buffer.shape[-1])[None])
    return network.eval().requires_grad_(requires_grad=False)


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each tensor."""
    return {name: tuple(value.shape) for name, value in tensors.items()}


def misfit(wanted: Mapping[str, tuple[int, ...]], got: Mapping[str, tuple[int, ...]]) -> str:
    """Return in words how names and shapes differ from what is wanted, or nothing."""
    differing = (
        f"{name} {got[name]} instead of {wanted[name]}"
        for name in wanted.keys() & got.keys()
        if got[name] != wanted[name]
    )
    faults = (
        listed("missing", wanted.keys() - got.keys()),
        listed("unexpected", got.keys() - wanted.keys()),
        listed("of another shape", differing),
    )
    return "; ".join(fault for fault in faults if fault)


def listed(what: str, names: Iterable[str]) -> str:
    """Return what is wrong and the first names that it is wrong with, or nothing without any."""
    ordered = sorted(names)
    if not ordered:
        return ""
    more = len(ordered) - _NAMES_SHOWN
    return f"{what}: {', '.join(ordered[:_NAMES_SHOWN])}" + (f" and {more} more" if more > 0 else "")
