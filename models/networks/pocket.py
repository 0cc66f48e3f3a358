"""The pocket avatar model: a RAIN-family network small enough to run live on two processor cores.

As in RAIN (arXiv:2412.19489) a denoiser works on a rolling buffer of latents in which every frame has its
own noise level, sees the reference picture through keys and values that are projected once per avatar, sees
the other frames of the buffer through temporal attention, and takes the pose as a condition that travels with
the frame. Unlike RAIN the decoder refines a landmark-warped reference instead of repainting it: each output
pixel is a blend of two warps of the reference and of paint.

    reference picture ──> PocketReference ──> features, keys and values           (once per avatar)
    control points ──> pose maps ──┐
    latents, levels ──> PocketDenoiser ──> x0 latents ──> PocketPainter ──> layers ──> composite ──> RGBA

Pictures here are float32 ``(F, 4, H, W)``: straight (not premultiplied) RGB and alpha, 0..1. Latents are
``(F, 8, H/8, W/8)`` of about unit variance. When several sequences are trained at once they lead:
``F = B * frames``, and reference tensors carry B in front; live, B is 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.attention import ReferenceAttention, TemporalAttention
from models.networks.geometry import NUM_CURVE_MAPS, NUM_POINTS
from models.networks.looks import BothWays, TemporalLook
from models.networks.memory import MemBlock

RGBA = 4
LATENT_STRIDE = 8  # pixels of the picture per latent cell
NUM_SOURCES = 3  # what a pixel is blended from: layered warp, inner warp, paint
BOTH_WAYS = BothWays()  # who sees whom across frames in the shipped model
LAYERED_HEAD_START = 3.0  # of its logit: a new model shows the layered warp


@dataclass(frozen=True, slots=True, kw_only=True)
class PocketConfig:
    """Sizes of the pocket networks; stored beside the weights.

    Attributes:
        latent_channels: Channels of the latents.
        widths: Denoiser's channels at 1/8, 1/16 and 1/32 of the picture.
        heads: Attention heads at every level.
        max_frames: Frames the buffer can hold (N * c).
        painter_widths: Painter's channels at 1/8, 1/4 and 1/2 of the picture.
        max_flow: Largest residual flow, in half pictures.
    """

    latent_channels: int = 8
    widths: tuple[int, int, int] = (64, 96, 128)
    heads: int = 4
    max_frames: int = 16
    painter_widths: tuple[int, int, int] = (64, 48, 32)
    max_flow: float = 0.08


def level_embedding(levels: Tensor, dim: int) -> Tensor:
    """Return sinusoids of noise levels ``(F,)``, float32, 0..1, as ``(F, dim)``, [cos | sin], base 10000."""
    half = dim // 2
    frequency = torch.exp(torch.arange(half, device=levels.device) * (-math.log(10000.0) / half))
    angle = levels[:, None] * 1000.0 * frequency
    return torch.cat([angle.cos(), angle.sin()], dim=1)


class ResBlock(nn.Module):
    """Two 3x3 convolutions with group norm, scaled and shifted by the level's embedding."""

    def __init__(self, width: int, embed_dim: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.norm2 = nn.GroupNorm(8, width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.embed = nn.Linear(embed_dim, 2 * width)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)  # type: ignore[arg-type]  # Conv2d's bias is optional in its stub

    def forward(self, x: Tensor, embed: Tensor) -> Tensor:
        """Return ``x (F, C, h, w)`` refined under ``embed (F, embed_dim)``."""
        scale, shift = self.embed(embed)[:, :, None, None].chunk(2, dim=1)
        hidden = self.conv1(functional.silu(self.norm1(x)))
        hidden = self.norm2(hidden) * (1 + scale) + shift
        out: Tensor = x + self.conv2(functional.silu(hidden))
        return out


class PlainBlock(nn.Module):
    """Two 3x3 convolutions without a norm: cheap at high resolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.normal_(self.conv2.weight, std=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x (F, C, h, w)`` refined."""
        return functional.relu(x + self.conv2(functional.relu(self.conv1(x))))


class Upsample(nn.Module):
    """Doubles height and width by pixel shuffle of a 1x1 convolution."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width_in, 4 * width_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """``(F, C, h, w)`` -> ``(F, C', 2h, 2w)``."""
        return functional.pixel_shuffle(self.conv(x), 2)


class CrossFrame(nn.Module):
    """Attention to the reference and across the frames of the buffer, at one level of the denoiser."""

    def __init__(self, width: int, heads: int, max_frames: int) -> None:
        super().__init__()
        self.norm_reference = nn.LayerNorm(width)
        self.reference = ReferenceAttention(width, heads, width)
        self.norm_temporal = nn.LayerNorm(width)
        self.temporal = TemporalAttention(width, heads, max_frames)
        nn.init.zeros_(self.reference.to_out.weight)

    def forward(self, x: Tensor, k: Tensor, v: Tensor, across: TemporalLook, layer: str) -> Tensor:
        """``x (B * F, C, h, w)``; ``k``, ``v`` from ``ReferenceAttention.project``, B in front."""
        sequences, (count, _, height, _) = k.shape[0], x.shape
        tokens = x.flatten(2).transpose(1, 2)  # (B * F, L, C)
        tokens = tokens + self.reference(self.norm_reference(tokens), k, v)
        frames = count // sequences
        mixed = self.norm_temporal(tokens).unflatten(0, (sequences, frames)).transpose(0, 1)
        # (F, B * L, C): every place of every sequence on its own
        mixed = across(self.temporal, mixed.flatten(1, 2), layer)
        mixed = torch.unflatten(mixed, 1, (sequences, -1)).transpose(0, 1).flatten(0, 1)
        out: Tensor = (tokens + mixed).transpose(1, 2).unflatten(2, (height, -1))
        return out


class PocketEncoder(nn.Module):
    """RGBA picture to latents; used in training, and once per avatar for the reference."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        self.stem = nn.Conv2d(RGBA * 16, 48, 3, padding=1)
        self.block1 = PlainBlock(48)
        self.down = nn.Conv2d(48, 64, 3, stride=2, padding=1)
        self.block2 = PlainBlock(64)
        self.out = nn.Conv2d(64, config.latent_channels, 3, padding=1)
        nn.init.normal_(self.out.weight, std=1.0)  # about unit variance from the start

    def forward(self, rgba: Tensor) -> Tensor:
        """``(F, 4, H, W)`` 0..1 -> latents ``(F, 8, H/8, W/8)``."""
        colour = (rgba[:, :3] - 0.5) * rgba[:, 3:]
        x = functional.pixel_unshuffle(torch.cat([colour, rgba[:, 3:] - 0.5], dim=1), 4)
        x = self.block1(functional.relu(self.stem(x)))
        x = self.block2(functional.relu(self.down(x)))
        out: Tensor = self.out(x)
        return out


class PocketReference(nn.Module):
    """What the denoiser may know of the avatar: features at three levels, computed once."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.widths
        self.stem = nn.Conv2d(RGBA * 16, 48, 3, padding=1)
        self.down1 = nn.Conv2d(48, fine, 3, stride=2, padding=1)
        self.points = nn.Conv2d(NUM_POINTS, fine, 1)
        self.block1 = PlainBlock(fine)
        self.down2 = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.block2 = PlainBlock(middle)
        self.down3 = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.block3 = PlainBlock(coarse)

    def forward(self, rgba: Tensor, heat: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return features at 1/8, 1/16 and 1/32.

        Args:
            rgba: The reference ``(B, 4, H, W)``.
            heat: Its points' heat maps ``(B, 61, H/8, W/8)``.
        """
        colour = (rgba[:, :3] - 0.5) * rgba[:, 3:]
        x = functional.pixel_unshuffle(torch.cat([colour, rgba[:, 3:] - 0.5], dim=1), 4)
        x = self.down1(functional.relu(self.stem(x))) + self.points(heat)
        fine = self.block1(functional.relu(x))
        middle = self.block2(functional.relu(self.down2(fine)))
        coarse = self.block3(functional.relu(self.down3(middle)))
        return fine, middle, coarse


class PocketDenoiser(nn.Module):
    """Predicts clean latents from noisy ones, under the pose and the reference."""

    EMBED_DIM = 128

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        fine, middle, coarse = config.widths
        embed, heads, frames = self.EMBED_DIM, config.heads, config.max_frames
        self.latent_channels = config.latent_channels
        self.level = nn.Sequential(nn.Linear(64, embed), nn.SiLU(), nn.Linear(embed, embed), nn.SiLU())
        self.latents_in = nn.Conv2d(config.latent_channels, fine, 3, padding=1)
        self.heat_in = nn.Conv2d(NUM_POINTS, fine, 1)
        self.warped_in = nn.Conv2d(fine + config.latent_channels, fine, 1)
        self.fine_down = ResBlock(fine, embed)
        self.down1 = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_down = ResBlock(middle, embed)
        self.middle_cross = CrossFrame(middle, heads, frames)
        self.down2 = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = ResBlock(coarse, embed)
        self.coarse_cross = CrossFrame(coarse, heads, frames)
        self.coarse_out = ResBlock(coarse, embed)
        self.up2 = Upsample(coarse, middle)
        self.middle_up = ResBlock(middle, embed)
        self.up1 = Upsample(middle, fine)
        self.fine_up1 = ResBlock(fine, embed)
        self.fine_up2 = ResBlock(fine, embed)
        self.norm_out = nn.GroupNorm(8, fine)
        self.out = nn.Conv2d(fine, config.latent_channels, 3, padding=1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)  # type: ignore[arg-type]  # Conv2d's bias is optional in its stub

    def temporal_layers(self, height: int, width: int) -> dict[str, tuple[int, int, int]]:
        """Return heads, tokens and width of a head of each attention across frames, for latents of a size."""
        layers = {"middle": (self.middle_cross.temporal, 2), "coarse": (self.coarse_cross.temporal, 4)}
        return {
            name: (one.heads, (height // shrunk) * (width // shrunk), one.to_q.in_features // one.heads)
            for name, (one, shrunk) in layers.items()
        }

    def project(self, middle: Tensor, coarse: Tensor) -> dict[str, Tensor]:
        """Project the reference's features to keys and values, once per avatar.

        Args:
            middle: ``(B, C, H/16, W/16)`` of ``PocketReference``.
            coarse: ``(B, C, H/32, W/32)``.

        Returns:
            ``middle_k``, ``middle_v``, ``coarse_k``, ``coarse_v``: ``(B, heads, tokens, C / heads)``.
        """
        middle_k, middle_v = self.middle_cross.reference.project(middle.flatten(2).transpose(1, 2))
        coarse_k, coarse_v = self.coarse_cross.reference.project(coarse.flatten(2).transpose(1, 2))
        return {"middle_k": middle_k, "middle_v": middle_v, "coarse_k": coarse_k, "coarse_v": coarse_v}

    def forward(
        self,
        latents: Tensor,
        levels: Tensor,
        conditions: Mapping[str, Tensor],
        reference: Mapping[str, Tensor],
        across: TemporalLook = BOTH_WAYS,
    ) -> Tensor:
        """Predict the clean latents (x0) of every frame in the buffer.

        Args:
            latents: ``(F, 8, h, w)``, ``x_t = (1 - t) x0 + t noise``, oldest first.
            levels: ``(F,)`` t of each frame, 0..1.
            conditions: ``heat (F, 61, h, w)`` and ``warped (F, 8 + C, h, w)``: the reference's latents and
                fine features under the frame's warp.
            reference: Keys and values of ``project``.
            across: What the attentions across frames see; their layers are "middle" and "coarse".

        Returns:
            ``(F, 8, h, w)``, new memory.
        """
        embed = self.level(level_embedding(levels, 64).to(latents.dtype))
        warped = conditions["warped"]
        x = self.latents_in(latents) + self.heat_in(conditions["heat"]) + self.warped_in(warped)
        fine = self.fine_down(x, embed)
        middle = self.middle_down(self.down1(fine), embed)
        middle = self.middle_cross(middle, reference["middle_k"], reference["middle_v"], across, "middle")
        x = self.coarse(self.down2(middle), embed)
        x = self.coarse_cross(x, reference["coarse_k"], reference["coarse_v"], across, "coarse")
        x = self.coarse_out(x, embed)
        x = self.middle_up(self.up2(x) + middle, embed)
        x = self.fine_up2(self.fine_up1(self.up1(x) + fine, embed), embed)
        # The warped reference's latents are the first guess; the network adds what moved otherwise.
        out: Tensor = warped[:, : self.latent_channels] + self.out(functional.silu(self.norm_out(x)))
        return out


class PocketPainter(nn.Module):
    """Latents and warped reference to the layers of the picture; remembers the frame before."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        coarse, middle, fine = config.painter_widths
        self.max_flow = config.max_flow
        self.latents_in = nn.Conv2d(config.latent_channels, coarse, 3, padding=1)
        self.memory = MemBlock(coarse)
        self.up1 = Upsample(coarse, middle)
        self.side = nn.Conv2d(4 * RGBA + RGBA + NUM_CURVE_MAPS, fine, 1)
        self.side_middle = nn.Conv2d(fine, middle, 1)
        self.block1 = PlainBlock(middle)
        self.flow = nn.Conv2d(middle, 2, 3, padding=1)
        self.up2 = Upsample(middle, fine)
        self.block2 = PlainBlock(fine)
        self.block3 = PlainBlock(fine)
        self.out = nn.Conv2d(fine, 4 * (NUM_SOURCES + RGBA), 3, padding=1)
        nn.init.zeros_(self.flow.weight)
        nn.init.zeros_(self.flow.bias)  # type: ignore[arg-type]  # Conv2d's bias is optional in its stub
        nn.init.normal_(self.out.weight, std=2e-3)

    def forward(
        self, latents: Tensor, curves: Tensor, layered: Tensor, inner: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Paint.

        Args:
            latents: ``(F, 8, h, w)`` clean latents of successive frames.
            curves: ``(F, 37, 4h, 4w)`` of ``CurveMaps``.
            layered: ``(F, 4, 8h, 8w)``, the reference cut into layers and warped.
            inner: ``(F, 4, 4h, 4w)``, the reference under the warp of head and pupils alone.
            memory: ``(B, C, h, w)``: what the call before returned, zeros at the start.

        Returns:
            Layers ``(F, 7, 8h, 8w)`` (three logits of the sources, painted RGBA before clamping), the
            residual flow ``(F, 2, 2h, 2w)`` in half pictures, and the memory for the next call.
        """
        x, memory = self.memory(functional.relu(self.latents_in(latents)), memory)
        side = torch.cat([functional.pixel_unshuffle(layered, 2) - 0.5, inner - 0.5, curves], dim=1)
        side = functional.relu(self.side(side))
        x = self.up1(x) + self.side_middle(functional.avg_pool2d(side, 2))
        x = self.block1(functional.relu(x))
        flow = torch.tanh(self.flow(x)) * self.max_flow
        x = self.block3(self.block2(functional.relu(self.up2(x) + side)))
        return functional.pixel_shuffle(self.out(x), 2), flow, memory


def composite(layers: Tensor, layered: Tensor, inner: Tensor) -> Tensor:
    """Blend the sources of every pixel.

    Args:
        layers: ``(F, 7, H, W)`` of ``PocketPainter``.
        layered: ``(F, 4, H, W)``, the reference cut into layers and warped.
        inner: ``(F, 4, H, W)``, the reference under the warp of head and pupils plus the residual flow.

    Returns:
        Straight RGBA ``(F, 4, H, W)``, not clamped, new memory.
    """
    # Starts at the layered warp: its logit is raised by a constant.
    first, second, third = layers[:, :NUM_SOURCES].float().unbind(1)
    weights = torch.softmax(torch.stack([first + LAYERED_HEAD_START, second, third], dim=1), dim=1)
    paint = layers[:, NUM_SOURCES:].float() + 0.5
    return weights[:, :1] * layered + weights[:, 1:2] * inner + weights[:, 2:] * paint


class PocketNetworks(nn.Module):
    """All networks of the pocket avatar model, as they are trained and stored together."""

    def __init__(self, config: PocketConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = PocketEncoder(config)
        self.reference = PocketReference(config)
        self.denoiser = PocketDenoiser(config)
        self.painter = PocketPainter(config)

    def read_reference(self, rgba: Tensor, heat: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """Look at an avatar once.

        Args:
            rgba: ``(B, 4, H, W)``, colour continued beyond the character's edge.
            heat: Heat maps of its points ``(B, 61, H/8, W/8)``.

        Returns:
            The stack to warp per frame, ``(B, 8 + C, H/8, W/8)`` (latents, fine features), and the keys and
            values for the denoiser.
        """
        fine, middle, coarse = self.reference(rgba, heat)
        stack = torch.cat([self.encoder(rgba), fine], dim=1)
        return stack, self.denoiser.project(middle, coarse)
