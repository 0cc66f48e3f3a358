"""How the attentions of a UNet look beyond one frame: strategies that are handed into its forward pass.

The network itself only knows *that* each self-attention and each temporal attention asks its look. So one
UNet reads a reference (RAIN), writes one down (the reference network), sees the whole buffer in both
directions (RAIN) or its own level's past through a ring (Live2Diff). A look holds tensors, never weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models.networks.attention import KvCache, NewKv, ReferenceAttention, RingSlots, TemporalAttention

Tensors = Mapping[str, Tensor]


class SpatialLook(Protocol):
    """What the self-attention inside each frame sees."""

    def __call__(self, attention: ReferenceAttention, x: Tensor, layer: str, /) -> Tensor:
        """Return the branch ``(F, L, D)`` of tokens ``x (F, L, D)``, normed, at ``layer``: "d00", "m"."""
        ...


class TemporalLook(Protocol):
    """What an attention across frames sees."""

    def __call__(self, attention: TemporalAttention, x: Tensor, layer: str, /) -> Tensor:
        """Return the branch ``(F, L, D)`` of tokens ``x (F, L, D)``, normed, at ``layer``: "d00.0"."""
        ...


class OwnTokens:
    """A frame sees itself: plain Stable Diffusion."""

    def __call__(self, attention: ReferenceAttention, x: Tensor, _layer: str) -> Tensor:
        """Return the branch of plain self-attention."""
        return attention.alone(x)


@dataclass(frozen=True, slots=True, eq=False)
class WithReference:
    """A frame sees itself and the reference picture (RAIN).

    Attributes:
        tensors: ``"{layer}.reference_k"`` and ``"{layer}.reference_v"``, from ``UNet.project_reference``.
    """

    tensors: Tensors

    def __call__(self, attention: ReferenceAttention, x: Tensor, layer: str) -> Tensor:
        """Return the branch over own and reference tokens."""
        keys, values = self.tensors[f"{layer}.reference_k"], self.tensors[f"{layer}.reference_v"]
        out: Tensor = attention(x, keys, values)
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A frame sees itself, and what it showed the attention is written down (the reference network).

    Attributes:
        banks: Written: layer -> ``(F, L, D)``, the normed tokens.
    """

    banks: dict[str, Tensor]

    def __call__(self, attention: ReferenceAttention, x: Tensor, layer: str) -> Tensor:
        """Write ``x`` down and return the branch of plain self-attention."""
        self.banks[layer] = x
        return attention.alone(x)


@dataclass(frozen=True, slots=True)
class BothWays:
    """All frames of the buffer see each other; a frame's position is its slot."""

    def __call__(self, attention: TemporalAttention, x: Tensor, _layer: str) -> Tensor:
        """Return the branch over all frames."""
        out: Tensor = attention(x)
        return out


@dataclass(frozen=True, slots=True)
class EachAlone:
    """A frame sees itself only (StreamDiffusion); its position is its slot, as in ``BothWays``."""

    def __call__(self, attention: TemporalAttention, x: Tensor, _layer: str) -> Tensor:
        """Return the branch of each frame by itself."""
        return attention.alone(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderRows:
    """A frame sees its own row and the rows that entered before it, which are cleaner; never a newer one.

    Attributes:
        chunk: Frames c of a row.
    """

    chunk: int = 1

    def __call__(self, attention: TemporalAttention, x: Tensor, _layer: str) -> Tensor:
        """Return the branch under a block-triangular mask."""
        row = torch.arange(x.shape[0], device=x.device) // self.chunk
        bias = torch.where(row[:, None] >= row, 0.0, float("-inf")).to(x.dtype)
        out: Tensor = attention(x, bias)
        return out


class IntoRing:
    """The newest frames of each level see what that level remembers, and are remembered (Live2Diff).

    Args:
        tensors: ``"{layer}.keys"`` and ``"{layer}.values"`` of every temporal layer, written in place, and
            the tables ``ring.write_index``, ``ring.position_index`` and ``ring.bias``: see
            ``attention.KvCache`` and ``attention.RingSlots``.
    """

    def __init__(self, tensors: Tensors) -> None:
        self._tensors = tensors
        self._slots = RingSlots.from_tensors(tensors)

    def __call__(self, attention: TemporalAttention, x: Tensor, layer: str) -> Tensor:
        """Return the branch over the open slots of each level."""
        cache, write_index = KvCache.from_tensors(self._tensors, layer), self._tensors["ring.write_index"]
        return attention.stream(x, cache, self._slots, write_index)


class BesideRing:
    """As ``IntoRing``, but what is to be remembered is handed out instead of written (compiled networks).

    Args:
        tensors: As for ``IntoRing``, without ``ring.write_index``; None: nothing is remembered yet.
        slots: The ring's tables.
        newest: Written: layer -> keys and values of the newest frames.
    """

    def __init__(self, tensors: Tensors | None, slots: RingSlots, newest: dict[str, NewKv]) -> None:
        self._tensors = tensors
        self._slots = slots
        self._newest = newest

    def __call__(self, attention: TemporalAttention, x: Tensor, layer: str) -> Tensor:
        """Return the branch over the open slots of each level, and note what is new."""
        cache = None if self._tensors is None else KvCache.from_tensors(self._tensors, layer)
        branch, self._newest[layer] = attention.look_back(x, cache, self._slots)
        return branch
