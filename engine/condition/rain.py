"""An avatar and a control to the tensors RAIN wants.

In: ``types.Avatar`` once, ``types.Control`` per frame. Out: the reference, projected once (constant until the
avatar changes), and one frame's pose features, which travel through the rolling buffer with their frame. The
pose guider sees a canvas of coloured discs; drawing it belongs to ``engine.retarget`` and is handed in, since
rooms do not know each other. Thread: the worker's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.types import Avatar, Control, RgbImage
from models.checkpoints.rain import RainNetworks
from models.checkpoints.rain_encoders import RainEncoders
from models.networks.reference_net import read_banks
from models.runtimes.protocol import Network

Canvas = Callable[[Control, int], NDArray[np.uint8]]
"""Draws the discs of one control on a square of so many pixels, ``(S, S, 3)``."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guide:
    """A picture-like condition at work.

    Attributes:
        network: A guider for one canvas of the conditioner's size; gives ``pose``.
        draw: Draws the canvas.
    """

    network: Network
    draw: Canvas


class RainConditioner:
    """Conditions of one avatar at one size. Build a new one to change the avatar.

    Args:
        networks: RAIN's networks; the reference network runs here, once.
        encoders: What the avatar's picture is read with, once.
        guides: Name of the condition ("pose", "depth") -> how it is made.
        avatar: Who is put on stage.
        size: Side of the generated picture in pixels, a multiple of 8.

    Attributes:
        picture: The avatar's picture, ``(1, 4, S, S)`` RGBA 0..1, opaque.
        plate: The same as bytes, ``(S, S, 3)``: RAIN paints the background with the avatar.

    Raises:
        ValueError: ``size`` is not a multiple of 8.
    """

    def __init__(
        self,
        *,
        networks: RainNetworks,
        encoders: RainEncoders,
        guides: Mapping[str, Guide],
        avatar: Avatar,
        size: int,
    ) -> None:
        if size % 8 or size <= 0:
            raise ValueError(f"size must be a positive multiple of 8, got {size}")
        self._guides = dict(guides)
        self._size = size
        self._device = device_of(networks.pose_guider)
        rgb = _stretched(avatar.rgb, size)
        self.picture = torch.cat([rgb, torch.ones(1, 1, size, size)], dim=1)
        self.plate: RgbImage = (rgb[0].permute(1, 2, 0) * 255.0 + 0.5).byte().contiguous().numpy()
        self._reference = read_reference(networks, encoders, rgb)

    @property
    def reference(self) -> Mapping[str, Tensor]:
        """What ``project_reference`` and ``project_prompt`` gave; the same tensors every time."""
        return self._reference

    @torch.inference_mode()
    def row(self, control: Control) -> dict[str, Tensor]:
        """Return the conditions of one frame.

        Args:
            control: Where the avatar's points should be.

        Returns:
            Name of each condition -> features ``(1, C, S/8, S/8)`` float32; new memory.
        """
        return {name: self._features(guide, control) for name, guide in self._guides.items()}

    def _features(self, guide: Guide, control: Control) -> Tensor:
        canvas = torch.from_numpy(guide.draw(control, self._size))
        pixels = canvas.to(self._device).permute(2, 0, 1)[None].float() / 255.0
        return guide.network.run({"condition": pixels})["pose"].clone()


@torch.inference_mode()
def read_reference(networks: RainNetworks, encoders: RainEncoders, rgb: Tensor) -> dict[str, Tensor]:
    """Read a reference picture and project it through the denoiser: once per avatar.

    Args:
        networks: Reference network and denoiser.
        encoders: Of the picture.
        rgb: ``(1, 3, S, S)`` RGB 0..1.

    Returns:
        Name -> tensor, float32, new memory.
    """
    weight = next(networks.denoiser.parameters())
    token = encoders.token(rgb).to(weight)
    banks = read_banks(networks.reference, encoders.latents(rgb).to(weight), token)
    projected = networks.denoiser.project_reference(banks) | networks.denoiser.project_prompt(token)
    return {name: value.float() for name, value in projected.items()}


def device_of(network: nn.Module) -> str:
    """Return where a network lives."""
    return str(next(network.parameters()).device)


def _stretched(rgb: RgbImage, size: int) -> Tensor:
    """Return a picture as ``(1, 3, size, size)`` 0..1; another aspect is squashed, as RAIN does it."""
    picture = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None].float() / 255.0
    if picture.shape[2:] == (size, size):
        return picture
    resized = F.interpolate(picture, size=(size, size), mode="bicubic", antialias=True, align_corners=False)
    return resized.clamp(0.0, 1.0)
