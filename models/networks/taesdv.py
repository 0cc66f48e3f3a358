"""TAESDV: the tiny autoencoder of Stable Diffusion whose decoder remembers the frame before.

After github.com/madebyollin/taesdv (layer indices are those of its checkpoint). Latents go in as the UNet
gives them, not divided by the scaling factor; pictures are RGB 0..1. All state is one tensor per memory
block, handed in and handed back, so decoding frame by frame, chunk by chunk or a whole clip gives the same
pictures.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.memory import MemBlock

LATENT_CHANNELS = 4
LATENT_STRIDE = 8
_SOFT_LIMIT = 3.0  # latents are squashed to -3..3


class _Squash(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.tanh(x / _SOFT_LIMIT) * _SOFT_LIMIT


class _Block(nn.Module):
    """``relu(conv(x) + x)`` with three 3x3 convolutions."""

    def __init__(self, width: int) -> None:
        super().__init__()
        convs = (nn.Conv2d(width, width, 3, padding=1) for _ in range(3))
        first, second, third = convs
        self.conv = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), third)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv(x) + x)


def _encoder(width: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, width, 3, padding=1), _Block(width)]
    for _ in range(3):
        layers.append(nn.Conv2d(width, width, 3, padding=1, stride=2, bias=False))
        layers += [_Block(width) for _ in range(3)]
    return nn.Sequential(*layers, nn.Conv2d(width, LATENT_CHANNELS, 3, padding=1))


def _decoder(width: int) -> nn.Sequential:
    layers: list[nn.Module] = [_Squash(), nn.Conv2d(LATENT_CHANNELS, width, 3, padding=1), nn.ReLU()]
    for _ in range(3):
        layers += [MemBlock(width) for _ in range(3)]
        layers += [nn.Upsample(scale_factor=2), nn.Conv2d(width, width, 3, padding=1, bias=False)]
    return nn.Sequential(*layers, MemBlock(width), nn.Conv2d(width, 3, 3, padding=1))


class Taesdv(nn.Module):
    """Encoder and remembering decoder.

    Args:
        width: Channels of every layer; 64 in the released weights.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.encoder = _encoder(width)
        self.decoder = _decoder(width)

    def encode(self, pictures: Tensor) -> Tensor:
        """Return latents ``(F, 4, H/8, W/8)`` of RGB pictures ``(F, 3, H, W)`` 0..1, frame by frame."""
        out: Tensor = self.encoder(pictures)
        return out

    def initial_memories(self, height: int, width: int) -> list[Tensor]:
        """Return what the decoder remembers at the start of a stream: zeros.

        Args:
            height: Rows h of the latents.
            width: Columns w of the latents.

        Returns:
            One tensor ``(1, C, h', w')`` for each memory block, in the order of the pass.
        """
        memories = []
        for layer in self.decoder:
            if isinstance(layer, nn.Upsample):
                height, width = 2 * height, 2 * width
            elif isinstance(layer, MemBlock):
                memories.append(layer.initial_memory(height, width))
        return memories

    def forward(self, latents: Tensor, memories: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Decode T successive frames.

        Args:
            latents: ``(T, 4, h, w)``, oldest first.
            memories: From the call before, or ``initial_memories``.

        Returns:
            Pictures ``(T, 3, 8h, 8w)``, about 0..1 (not clamped), and the memories for the next call.
        """
        remembered: Iterator[Tensor] = iter(memories)
        following = []
        x = latents
        for layer in self.decoder:
            if isinstance(layer, MemBlock):
                x, memory = layer(x, next(remembered))
                following.append(memory)
            else:
                x = layer(x)
        return x, following
