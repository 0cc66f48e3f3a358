"""Attention across frames and to a reference picture, shared by every network of this project.

``TemporalAttention`` is one class with two ways of looking: over all frames of the buffer in both
directions (RAIN, arXiv:2412.19489; PersonaLive, arXiv:2512.11253), or from the newest frames back into a
ring of remembered keys and values, one ring per noise level (Live2Diff, arXiv:2407.08701).
``ReferenceAttention`` looks at the features of a reference picture, whose keys and values are projected
once per avatar and handed in as tensors afterwards.

Both return the branch alone: the caller normalises before and adds the residual after,
``x = x + attention(norm(x))``. Frames lead: ``(F, L, D)`` is F frames of L tokens of width D.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


def sinusoidal_positions(num_positions: int, dim: int) -> Tensor:
    """Return the table of sinusoidal positions: sine on even, cosine on odd channels.

    Vaswani et al., arXiv:1706.03762, section 3.5, base 10000.

    Args:
        num_positions: Rows of the table.
        dim: Width, even.

    Returns:
        ``(num_positions, dim)`` float32, new memory.
    """
    position = torch.arange(num_positions, dtype=torch.float32)[:, None]
    frequency = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    table = torch.empty(num_positions, dim)
    table[:, 0::2] = torch.sin(position * frequency)
    table[:, 1::2] = torch.cos(position * frequency)
    return table


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KvCache:
    """What one attention remembers of each noise level; written in place.

    Attributes:
        keys, values: ``(N, W, L, D)``: noise level, slot, token, channel (before the split into heads).
            They carry no positional term, so a slot's position can change while the ring turns.
    """

    keys: Tensor
    values: Tensor

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], layer: str) -> "KvCache":
        """Return the cache that is named after ``layer``: ``"{layer}.keys"``, ``"{layer}.values"``."""
        return cls(keys=tensors[f"{layer}.keys"], values=tensors[f"{layer}.values"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RingSlots:
    """Where the newest frames go and what they may see; shared by all attentions of a network.

    Attributes:
        write_index: ``(N, c)`` int64, the slots that the c newest frames of each level are written to.
        position_index: ``(N, W)`` int64, the position of each slot, 0 = oldest.
        bias: ``(N, W)`` float, 0 for an open slot and -inf for a closed one.
    """

    write_index: Tensor
    position_index: Tensor
    bias: Tensor

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "RingSlots":
        """Return the tables named ``ring.write_index``, ``ring.position_index``, ``ring.bias``."""
        return cls(
            write_index=tensors["ring.write_index"],
            position_index=tensors["ring.position_index"],
            bias=tensors["ring.bias"],
        )


def _check_heads(dim: int, heads: int) -> None:
    if heads < 1 or dim % heads:
        raise ValueError(f"dim {dim} is not a multiple of heads {heads}")


class TemporalAttention(nn.Module):
    """Self-attention over frames, at each token's place on its own.

    The positional term is added before all three projections, as in AnimateDiff (arXiv:2307.04725), and
    belongs to the slot in the buffer, not to the frame. The output projection starts at zero, so a network
    that adds the branch to its input starts as if the branch were not there.

    Args:
        dim: Width D, even, a multiple of ``heads``.
        heads: Number of heads.
        max_frames: Slots of the buffer, or of the ring, at most.

    Raises:
        ValueError: ``dim`` is odd or not a multiple of ``heads``, or ``max_frames`` is below 1.
    """

    positions: Tensor

    def __init__(self, dim: int, heads: int, max_frames: int) -> None:
        super().__init__()
        _check_heads(dim, heads)
        if dim % 2 or max_frames < 1:
            raise ValueError(f"expected an even dim and max_frames >= 1, got {dim} and {max_frames}")
        self.heads = heads
        self.max_frames = max_frames
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(dim, dim, bias=False)
        self.to_v = nn.Linear(dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)
        nn.init.zeros_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)
        # Not in the state dictionary: the published tables equal the formula.
        self.register_buffer("positions", sinusoidal_positions(max_frames, dim), persistent=False)

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        """Let every frame see every other one, at each token's place.

        Args:
            x: ``(F, L, D)``, slot 0 (oldest) first, F <= ``max_frames``.
            bias: ``(F, F)`` float added to the scores, 0 = may see, -inf = may not (row: who looks);
                None lets all see all.

        Returns:
            The branch, ``(F, L, D)``, new memory.
        """
        frames = x.shape[0]
        x = x + self.positions[:frames, None]
        q, k, v = (self._by_place(project(x)[None]) for project in (self.to_q, self.to_k, self.to_v))
        out = functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)  # (1, L, heads, F, d)
        return self._merge(out)

    def stream(self, x: Tensor, cache: KvCache, slots: RingSlots) -> Tensor:
        """Let the newest frames of each noise level see themselves and what that level remembers.

        Writes their keys and values into ``cache`` first, then attends over the open slots. The frames of
        one level see each other in both directions; levels do not see each other.

        Args:
            x: ``(N * c, L, D)``, level by level in the order of the cache.
            cache: This attention's own memory; written in place.
            slots: The ring's tables, the same for every attention of the network.

        Returns:
            The branch, ``(N * c, L, D)``, new memory.
        """
        num_levels, chunk = slots.write_index.shape
        level = torch.arange(num_levels, device=x.device)[:, None]
        rows = x.reshape(num_levels, chunk, *x.shape[1:])  # (N, c, L, D)
        cache.keys.index_put_((level, slots.write_index), self.to_k(rows))
        cache.values.index_put_((level, slots.write_index), self.to_v(rows))
        position = self.positions[slots.position_index]  # (N, W, D)
        newest = position[level, slots.write_index]  # (N, c, D)
        q = self._by_place(self.to_q(rows + newest[:, :, None]))
        k = self._by_place(cache.keys + self.to_k(position)[:, :, None])
        v = self._by_place(cache.values + self.to_v(position)[:, :, None])
        mask = slots.bias[:, None, None, None]  # (N, 1, 1, 1, W)
        return self._merge(functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))

    def _by_place(self, x: Tensor) -> Tensor:
        # (N, F, L, D) -> (N, L, heads, F, d)
        return x.reshape(*x.shape[:3], self.heads, -1).permute(0, 2, 3, 1, 4)

    def _merge(self, out: Tensor) -> Tensor:
        # (N, L, heads, F, d) -> (N * F, L, D)
        merged: Tensor = self.to_out(out.permute(0, 3, 1, 2, 4).flatten(3).flatten(0, 1))
        return merged


class ReferenceAttention(nn.Module):
    """Attention from the tokens of each frame to the features of a reference picture.

    Args:
        dim: Width D of the tokens, a multiple of ``heads``.
        heads: Number of heads.
        reference_dim: Width Dr of the reference features.
        own_tokens: Whether a frame's own tokens stand beside the reference in keys and values, through the
            same projections (RAIN, arXiv:2412.19489); needs ``reference_dim == dim``.

    Raises:
        ValueError: The widths do not divide, or ``own_tokens`` is asked for with two widths.
    """

    def __init__(self, dim: int, heads: int, reference_dim: int, *, own_tokens: bool = False) -> None:
        super().__init__()
        _check_heads(dim, heads)
        if own_tokens and reference_dim != dim:
            raise ValueError(f"own tokens need reference_dim == dim, got {reference_dim} and {dim}")
        self.heads = heads
        self.own_tokens = own_tokens
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(reference_dim, dim, bias=False)
        self.to_v = nn.Linear(reference_dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)

    def project(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Project the reference once; the result serves every frame until the avatar changes.

        Args:
            features: ``(B, Lr, Dr)``, one per sequence; several references are joined along Lr.

        Returns:
            Keys and values, each ``(B, heads, Lr, D / heads)``, contiguous, new memory.
        """
        k = self._split(self.to_k(features)).contiguous()
        v = self._split(self.to_v(features)).contiguous()
        return k, v

    def forward(self, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Look from every frame at the reference.

        Args:
            x: ``(F, L, D)``; with B sequences ``F = B * frames``, sequence by sequence.
            k: ``(B, heads, Lr, D / heads)`` from ``project``; B is 1 outside training.
            v: The same shape, from the same call.

        Returns:
            The branch, ``(F, L, D)``, new memory.
        """
        if self.own_tokens:
            k = torch.cat([self._split(self.to_k(x)), _for_each_frame(k, x.shape[0])], dim=2)
            v = torch.cat([self._split(self.to_v(x)), _for_each_frame(v, x.shape[0])], dim=2)
            return self._attend(x, k, v)
        # One reference for the frames of a sequence: their tokens become one long list of queries.
        return self._attend(x.reshape(k.shape[0], -1, x.shape[-1]), k, v).view_as(x)

    def alone(self, x: Tensor) -> Tensor:
        """Look from every frame at its own tokens only (plain self-attention); needs ``own_tokens``.

        Args:
            x: ``(F, L, D)``.

        Returns:
            The branch, ``(F, L, D)``, new memory.
        """
        return self._attend(x, self._split(self.to_k(x)), self._split(self.to_v(x)))

    def _attend(self, x: Tensor, k: Tensor, v: Tensor) -> Tensor:
        out = functional.scaled_dot_product_attention(self._split(self.to_q(x)), k, v)
        merged: Tensor = self.to_out(out.transpose(1, 2).flatten(2))
        return merged

    def _split(self, x: Tensor) -> Tensor:
        # (B, L, D) -> (B, heads, L, d)
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(1, 2)


def _for_each_frame(projected: Tensor, num_frames: int) -> Tensor:
    # (B, heads, Lr, d) -> (F, heads, Lr, d), sequence by sequence
    sequences = projected.shape[0]
    return projected[:, None].expand(-1, num_frames // sequences, -1, -1, -1).flatten(0, 1)
