"""Depth maps as a network is told them: normalised, as a picture in the range of the autoencoder.

Maps are inverse and relative, near is large (MiDaS, arXiv:1907.01341). Live2Diff (arXiv:2407.08701) stretches
each map to 0..1 by its own extremes, repeats it to three channels and encodes it like any picture. Who gives
the extremes (all maps of a warm-up together, a map alone, or a running range) is the caller's business.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

NETWORK_SIDE = 384
"""Side of the square picture that the published system shows its depth network, whatever the aspect."""


def network_input(pixels: Tensor, side: int = NETWORK_SIDE) -> Tensor:
    """Return pictures ``(F, 3, H, W)`` of -1..1 as ``(F, 3, side, side)``; MiDaS takes them as they are."""
    return functional.interpolate(pixels, size=(side, side), mode="bilinear", align_corners=False)


def extremes(maps: Tensor) -> tuple[Tensor, Tensor]:
    """Return the least and the greatest depth of maps ``(F, h, w)`` together, two scalars on their device."""
    low, high = torch.aminmax(maps)
    return low, high


def depth_picture(maps: Tensor, low: Tensor, high: Tensor, size: tuple[int, int]) -> Tensor:
    """Return maps as pictures, ``2 (d - low) / (high - low) - 1`` in three channels.

    A range without width (a constant map) gives the middle, 0, where the published code gives NaN. Depth
    outside the range is clamped.

    Args:
        maps: ``(F, h, w)``.
        low: Scalar.
        high: Scalar.
        size: ``(H, W)`` of the pictures.

    Returns:
        ``(F, 3, H, W)`` -1..1, resized bilinearly without antialiasing.
    """
    span = high - low
    is_flat = span <= torch.finfo(maps.dtype).eps * torch.maximum(low.abs(), high.abs())
    stretched = ((maps - low) / torch.where(is_flat, torch.ones_like(span), span)).clamp(0.0, 1.0)
    stretched = torch.where(is_flat, torch.full_like(stretched, 0.5), stretched)
    pictures = (2.0 * stretched - 1.0)[:, None].expand(-1, 3, -1, -1)
    return functional.interpolate(pictures, size=size, mode="bilinear", align_corners=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelScale:
    """How a network wants colours of 0..1: ``(colour - mean) / std``, channel by channel."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class DepthNetwork(nn.Module):
    """A depth network behind one call, whatever its size and scale of pixels.

    Args:
        network: transformers' ``DPTForDepthEstimation`` or ``DepthAnythingForDepthEstimation``.
        scale: Of its pixels.
        side: Of the square picture that it is shown.
    """

    weight: Tensor
    shift: Tensor

    def __init__(self, network: nn.Module, scale: PixelScale, side: int) -> None:
        super().__init__()
        self.network: Any = network
        self.side = side
        std, mean = torch.tensor(scale.std), torch.tensor(scale.mean)
        # from -1..1 in one step: colour = (pixel + 1) / 2
        self.register_buffer("weight", (0.5 / std)[:, None, None], persistent=False)
        self.register_buffer("shift", ((0.5 - mean) / std)[:, None, None], persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Return inverse relative depth, near is large.

        Args:
            pixels: ``(F, 3, H, W)`` -1..1.

        Returns:
            ``(F, side, side)``, at least 0, in the network's own scale.
        """
        shown = network_input(pixels, self.side) * self.weight + self.shift
        dtype = next(self.network.parameters()).dtype
        maps: Tensor = self.network(pixel_values=shown.to(dtype), return_dict=False)[0]
        return maps.float()
