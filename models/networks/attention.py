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

_LARGEST_INT8 = 127


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
        keys, values: ``(N, heads, L, W, d)``: noise level, head, token, slot, channel. They carry no
            positional term, so a slot's position can change while the ring turns. int8 with scales.
        key_scales, value_scales: ``(N, heads, L, W, 1)``, what a whole number of the slot stands for; None
            where keys and values are floating-point numbers.
    """

    keys: Tensor
    values: Tensor
    key_scales: Tensor | None = None
    value_scales: Tensor | None = None

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], layer: str) -> "KvCache":
        """Return the cache that is named after ``layer``: ``"{layer}.keys"``, ``"{layer}.values"``."""
        return cls(
            keys=tensors[f"{layer}.keys"],
            values=tensors[f"{layer}.values"],
            key_scales=tensors.get(f"{layer}.key_scales"),
            value_scales=tensors.get(f"{layer}.value_scales"),
        )

    @property
    def num_slots(self) -> int:
        """W."""
        return self.keys.shape[3]

    def scores(self, q: Tensor) -> Tensor:
        """Return what queries ``(N, heads, L, c, d)`` make of each slot, ``(N, heads, L, c, W)``."""
        scores = q @ self.keys.to(q.dtype).transpose(-1, -2)
        return scores if self.key_scales is None else scores * self.key_scales.transpose(-1, -2)

    def mix(self, weights: Tensor) -> Tensor:
        """Return the values mixed by ``weights (N, heads, L, c, W)``, ``(N, heads, L, c, d)``."""
        if self.value_scales is not None:
            weights = weights * self.value_scales.transpose(-1, -2)
        return weights @ self.values.to(weights.dtype)

    def write(self, write_index: Tensor, newest: "NewKv") -> None:
        """Put the newest keys and values into their slots, in place; ``write_index`` is ``(N, c)``."""
        _write(self.keys, self.key_scales, write_index, newest.keys)
        _write(self.values, self.value_scales, write_index, newest.values)


@dataclass(frozen=True, slots=True, eq=False)
class NewKv:
    """Keys and values of the newest c frames of each level, ``(N, heads, L, c, d)`` each."""

    keys: Tensor
    values: Tensor


def _write(cache: Tensor, scales: Tensor | None, write_index: Tensor, newest: Tensor) -> None:
    slots = write_index[:, None, None, :, None]
    if scales is not None:
        largest = newest.abs().amax(dim=-1, keepdim=True).clamp_min(torch.finfo(newest.dtype).tiny)
        scale = (largest / _LARGEST_INT8).to(scales.dtype)
        scales.scatter_(3, slots.expand_as(scale), scale)
        newest = (newest / scale).round()
    cache.scatter_(3, slots.expand_as(newest), newest.to(cache.dtype))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RingSlots:
    """What the newest frames may see, and in which order; shared by all attentions of a network.

    The newest c frames stand behind the W slots of the past as slots W..W+c-1 while they attend, so that
    nothing has to be written before, and what they will overwrite is closed to them.

    Attributes:
        position_index: ``(N, W + c)`` int64, the position of each slot, 0 = oldest; the newest last.
        bias: ``(N, W + c)`` float, 0 for an open slot and -inf for a closed one.
    """

    position_index: Tensor
    bias: Tensor

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "RingSlots":
        """Return the tables named ``ring.position_index`` and ``ring.bias``."""
        return cls(position_index=tensors["ring.position_index"], bias=tensors["ring.bias"])

    @classmethod
    def without_past(cls, frames: int, like: Tensor) -> "RingSlots":
        """Return the tables of a warm-up: ``frames`` frames of one level that see each other alone."""
        index = torch.arange(frames, device=like.device)[None]
        return cls(position_index=index, bias=like.new_zeros(1, frames))


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

    def alone(self, x: Tensor) -> Tensor:
        """Let every frame see itself only: ``forward`` under a diagonal bias, without the scores.

        Args:
            x: ``(F, L, D)``, slot 0 (oldest) first, F <= ``max_frames``.

        Returns:
            The branch, ``(F, L, D)``, new memory.
        """
        out: Tensor = self.to_out(self.to_v(x + self.positions[: x.shape[0], None]))
        return out

    def stream(self, x: Tensor, cache: KvCache, slots: RingSlots, write_index: Tensor) -> Tensor:
        """Let the newest frames of each noise level see themselves and what that level remembers.

        Writes their keys and values into ``cache`` afterwards: nothing else of it moves.

        Args:
            x: ``(N * c, L, D)``, level by level in the order of the cache.
            cache: This attention's own memory; written in place.
            slots: The ring's tables, the same for every attention of the network.
            write_index: ``(N, c)`` int64, the slots that the c newest frames of each level are written to.

        Returns:
            The branch, ``(N * c, L, D)``, new memory.
        """
        branch, newest = self.look_back(x, cache, slots)
        cache.write(write_index, newest)
        return branch

    def look_back(self, x: Tensor, cache: KvCache | None, slots: RingSlots) -> tuple[Tensor, NewKv]:
        """Do as ``stream`` without writing.

        The frames of one level see each other in both directions; levels do not see each other. A positional
        term p reaches keys and values when they are looked at: ``q (K + to_k(p)) = q K + q to_k(p)``, so the
        cache is read once, where it lies, and never copied.

        Args:
            x: ``(N * c, L, D)``.
            cache: What is remembered; None: nothing (warm-up, with ``RingSlots.without_past``).
            slots: The ring's tables.

        Returns:
            The branch, ``(N * c, L, D)``, and what is to be written; new memory.
        """
        num_levels, tokens = slots.position_index.shape[0], x.shape[1]
        chunk = x.shape[0] // num_levels
        q, k, v = (
            self._by_level(project(x), num_levels, chunk) for project in (self.to_q, self.to_k, self.to_v)
        )
        # (N, heads, W + c, d) each: constants but for the look-up
        q_terms, k_terms, v_terms = (
            project(self.positions)[slots.position_index].unflatten(2, (self.heads, -1)).transpose(1, 2)
            for project in (self.to_q, self.to_k, self.to_v)
        )
        q = (q + q_terms[:, :, None, -chunk:]) * q.shape[-1] ** -0.5
        scores = _scores_of_newest(q, k)
        if cache is not None:
            scores = torch.cat([cache.scores(q), scores], dim=-1)  # (N, heads, L, c, W + c)
        of_positions = q.flatten(2, 3) @ k_terms.transpose(-1, -2)
        scores = scores + of_positions.unflatten(2, (tokens, chunk)) + slots.bias[:, None, None, None]
        weights = scores.softmax(dim=-1)
        newest = weights[..., -chunk:]
        # one frame alone: a product of numbers, where a product of 1 x 1 matrices costs a call for each
        out = newest * v if chunk == 1 else newest @ v
        out = out + (weights.flatten(2, 3) @ v_terms).unflatten(2, (tokens, chunk))
        if cache is not None:
            out = out + cache.mix(weights[..., :-chunk])
        branch: Tensor = self.to_out(out.permute(0, 3, 2, 1, 4).flatten(3).flatten(0, 1))
        return branch, NewKv(k, v)

    def _by_level(self, x: Tensor, num_levels: int, chunk: int) -> Tensor:
        # (N * c, L, D) -> (N, heads, L, c, d)
        return x.reshape(num_levels, chunk, x.shape[1], self.heads, -1).permute(0, 3, 2, 1, 4)

    def _by_place(self, x: Tensor) -> Tensor:
        # (N, F, L, D) -> (N, L, heads, F, d)
        return x.reshape(*x.shape[:3], self.heads, -1).permute(0, 2, 3, 1, 4)

    def _merge(self, out: Tensor) -> Tensor:
        # (N, L, heads, F, d) -> (N * F, L, D)
        merged: Tensor = self.to_out(out.permute(0, 3, 1, 2, 4).flatten(3).flatten(0, 1))
        return merged


def _scores_of_newest(q: Tensor, k: Tensor) -> Tensor:
    # (N, heads, L, c, d) twice -> (N, heads, L, c, c)
    if q.shape[3] == 1:
        return (q * k).sum(dim=-1, keepdim=True)
    return q @ k.transpose(-1, -2)


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
