"""The parts that a Stable Diffusion 1.5 UNet is built of. Frames lead: ``(F, C, h, w)``.

Names of the submodules are those of diffusers' checkpoints, so that published files map onto them with few
rules (``models/checkpoints``). Every norm works per frame.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.attention import ReferenceAttention, TemporalAttention
from models.networks.looks import SpatialLook, TemporalLook

_TRANSFORMER_EPS = 1e-6
_FEED_FORWARD_RATIO = 4


class ResnetBlock(nn.Module):
    """Two 3x3 convolutions; each frame's time embedding is added between them."""

    def __init__(self, in_width: int, width: int, embed_dim: int, groups: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, in_width)
        self.conv1 = nn.Conv2d(in_width, width, 3, padding=1)
        self.time_emb_proj = nn.Linear(embed_dim, width)
        self.norm2 = nn.GroupNorm(groups, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(in_width, width, 1) if in_width != width else None

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """Return ``(F, width, h, w)``.

        Args:
            x: ``(F, in_width, h, w)``.
            embedding: ``(F, embed_dim)``, after its activation.
        """
        hidden = self.conv1(functional.silu(self.norm1(x)))
        hidden = hidden + self.time_emb_proj(embedding)[:, :, None, None]
        hidden = self.conv2(functional.silu(self.norm2(hidden)))
        shortcut = x if self.conv_shortcut is None else self.conv_shortcut(x)
        out: Tensor = shortcut + hidden
        return out


class _Geglu(nn.Module):
    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, 2 * inner)

    def forward(self, x: Tensor) -> Tensor:
        value, gate = self.proj(x).chunk(2, dim=-1)
        out: Tensor = value * functional.gelu(gate)
        return out


class FeedForward(nn.Module):
    """GEGLU (Shazeer, arXiv:2002.05202) with an inner width of four."""

    def __init__(self, width: int) -> None:
        super().__init__()
        inner = _FEED_FORWARD_RATIO * width
        # index 1 is dropout in the published layout, which inference never runs
        self.net = nn.ModuleList([_Geglu(width, inner), nn.Identity(), nn.Linear(inner, width)])

    def forward(self, x: Tensor) -> Tensor:
        """``(..., width)`` -> the branch, same shape."""
        for part in self.net:
            x = part(x)
        return x


class TransformerBlock(nn.Module):
    """Self-attention (and the reference), the prompt, feed-forward; each with its norm and residual.

    Args:
        width: Width D of the tokens.
        heads: Heads of both attentions.
        prompt_dim: Width of the prompt's tokens.
    """

    def __init__(self, width: int, heads: int, prompt_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = ReferenceAttention(width, heads, width, own_tokens=True)
        self.norm2 = nn.LayerNorm(width)
        self.attn2 = ReferenceAttention(width, heads, prompt_dim)
        self.norm3 = nn.LayerNorm(width)
        self.ff = FeedForward(width)

    def project_prompt(self, embeds: Tensor) -> dict[str, Tensor]:
        """Return what does not change between ticks: ``prompt_k``, ``prompt_v``, or ``prompt_out``.

        A prompt of one token weighs 1 whoever looks at it, so its branch is one constant vector: no queries,
        no keys, no norm. Exact, and RAIN's prompt is always one token.

        Args:
            embeds: ``(1, L, prompt_dim)``.
        """
        if embeds.shape[1] == 1:
            return {"prompt_out": self.attn2.to_out(self.attn2.to_v(embeds))}  # (1, 1, D)
        k, v = self.attn2.project(embeds)
        return {"prompt_k": k, "prompt_v": v}

    def forward(self, x: Tensor, look: SpatialLook, prompt: Mapping[str, Tensor], layer: str) -> Tensor:
        """Return ``x (F, L, D)`` refined; ``prompt`` holds ``"{layer}.prompt_*"``."""
        x = x + look(self.attn1, self.norm1(x), layer)
        constant = prompt.get(f"{layer}.prompt_out")
        if constant is None:
            keys, values = prompt[f"{layer}.prompt_k"], prompt[f"{layer}.prompt_v"]
            constant = self.attn2(self.norm2(x), keys, values)
        x = x + constant
        out: Tensor = x + self.ff(self.norm3(x))
        return out


class SpatialTransformer(nn.Module):
    """A transformer block over the cells of each frame.

    Args:
        width: Channels C.
        heads: Heads of both attentions.
        prompt_dim: Width of the prompt's tokens.
        groups: Groups of the norm.
        layer: Name by which its attention asks the look: "d00", "m", "u12".
    """

    def __init__(self, width: int, heads: int, prompt_dim: int, groups: int, layer: str) -> None:
        super().__init__()
        self.layer = layer
        self.norm = nn.GroupNorm(groups, width, eps=_TRANSFORMER_EPS)
        self.proj_in = nn.Conv2d(width, width, 1)
        self.transformer_blocks = nn.ModuleList([TransformerBlock(width, heads, prompt_dim)])
        self.proj_out = nn.Conv2d(width, width, 1)

    @property
    def block(self) -> TransformerBlock:
        """The one block."""
        block = self.transformer_blocks[0]
        assert isinstance(block, TransformerBlock)  # the list exists for the published names
        return block

    def forward(self, x: Tensor, look: SpatialLook, prompt: Mapping[str, Tensor]) -> Tensor:
        """Return ``x (F, C, h, w)`` refined."""
        tokens = self.proj_in(self.norm(x)).flatten(2).transpose(1, 2)  # (F, h * w, C)
        tokens = self.block(tokens, look, prompt, self.layer)
        out: Tensor = x + self.proj_out(tokens.transpose(1, 2).unflatten(2, x.shape[2:]))
        return out


class TemporalBlock(nn.Module):
    """Attentions across frames, one after the other, then feed-forward (AnimateDiff, arXiv:2307.04725)."""

    def __init__(self, width: int, heads: int, max_frames: int, num_attentions: int) -> None:
        super().__init__()
        self.attention_blocks = nn.ModuleList(
            TemporalAttention(width, heads, max_frames) for _ in range(num_attentions)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(num_attentions))
        self.ff = FeedForward(width)
        self.ff_norm = nn.LayerNorm(width)

    def forward(self, x: Tensor, look: TemporalLook, layer: str) -> Tensor:
        """Return ``x (F, L, D)`` refined."""
        for index, (attention, norm) in enumerate(zip(self.attention_blocks, self.norms, strict=True)):
            assert isinstance(attention, TemporalAttention)
            x = x + look(attention, norm(x), f"{layer}.{index}")
        out: Tensor = x + self.ff(self.ff_norm(x))
        return out


class TemporalTransformer(nn.Module):
    """A temporal block at every cell on its own ("motion module").

    Args:
        width: Channels C.
        heads: Heads of the attentions.
        max_frames: Slots of the buffer, or of the ring, at most.
        groups: Groups of the norm.
        num_attentions: Attentions in its block.
        layer: Name; its attentions ask the look as "{layer}.0", "{layer}.1".
    """

    def __init__(
        self, *, width: int, heads: int, max_frames: int, groups: int, num_attentions: int, layer: str
    ) -> None:
        super().__init__()
        self.layer = layer
        self.width = width
        self.heads = heads
        self.num_attentions = num_attentions
        self.norm = nn.GroupNorm(groups, width, eps=_TRANSFORMER_EPS)
        self.proj_in = nn.Linear(width, width)
        self.transformer_blocks = nn.ModuleList([TemporalBlock(width, heads, max_frames, num_attentions)])
        self.proj_out = nn.Linear(width, width)
        nn.init.zeros_(self.proj_out.weight)
        nn.init.zeros_(self.proj_out.bias)

    def forward(self, x: Tensor, look: TemporalLook) -> Tensor:
        """Return ``x (F, C, h, w)`` refined."""
        tokens = self.proj_in(self.norm(x).flatten(2).transpose(1, 2))  # (F, h * w, C)
        tokens = self.transformer_blocks[0](tokens, look, self.layer)
        out: Tensor = x + self.proj_out(tokens).transpose(1, 2).unflatten(2, x.shape[2:])
        return out


class Downsample(nn.Module):
    """Halves height and width (rounded up) by a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """``(F, C, h, w)`` -> ``(F, C, h / 2, w / 2)``."""
        out: Tensor = self.conv(x)
        return out


class Upsample(nn.Module):
    """Repeats cells up to a size, then a convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor, size: torch.Size) -> Tensor:
        """``(F, C, h, w)`` -> ``(F, C, *size)``; an odd size undoes a halving that was rounded up."""
        out: Tensor = self.conv(functional.interpolate(x, size=size, mode="nearest"))
        return out
