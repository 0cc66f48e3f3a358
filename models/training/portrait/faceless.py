"""Pictures without a face, made of pictures with one: what the portrait network must not see a face in.

A network that has only ever been shown faces finds one in a page of text, and is sure of it.
"""

import torch
from torch import Tensor
from torch.nn import functional

_GRID = 8  # tiles a side
_ZOOM = 4  # how much a corner is enlarged
_SCALES = (1, 2, 4, 8, 16, 32)  # pixels of one grain of noise


def faceless(rgb: Tensor, generator: torch.Generator) -> Tensor:
    """Return a picture without a face for each picture, by one of five ways that chance picks.

    Args:
        rgb: ``(B, 3, S, S)`` 0..1, S a multiple of 32.
        generator: Source of chance.

    Returns:
        ``(B, 3, S, S)`` 0..1, new memory: upside down, its tiles in another order, one of its corners
        enlarged, noise, or blots of two colours.
    """
    ways = (_upside_down, _shuffled, _corner, _noise, _blots)
    picked = torch.randint(0, len(ways), (rgb.shape[0],), generator=generator).tolist()
    return torch.cat([ways[way](one[None], generator) for way, one in zip(picked, rgb, strict=True)])


def _upside_down(rgb: Tensor, _: torch.Generator) -> Tensor:
    return rgb.flip(-2)


def _shuffled(rgb: Tensor, generator: torch.Generator) -> Tensor:
    side = rgb.shape[-1] // _GRID
    tiles = functional.unfold(rgb, side, stride=side)
    order = torch.randperm(_GRID**2, generator=generator)
    return functional.fold(tiles[..., order], rgb.shape[-2:], side, stride=side)


def _corner(rgb: Tensor, generator: torch.Generator) -> Tensor:
    size = rgb.shape[-1]
    side = size // _ZOOM
    down, across = (int(x) * (size - side) for x in torch.randint(0, 2, (2,), generator=generator))
    corner = rgb[..., down : down + side, across : across + side]
    return functional.interpolate(corner, size=(size, size), mode="bilinear", align_corners=False)


def _grain(rgb: Tensor, generator: torch.Generator, channels: int) -> Tensor:
    # Noise of two scales, so that letters, coins and stripes are among it.
    size = rgb.shape[-1]
    total = rgb.new_zeros(1, channels, size, size)
    for _ in range(2):
        tall, wide = (_SCALES[int(x)] for x in torch.randint(0, len(_SCALES), (2,), generator=generator))
        noise = torch.rand(1, channels, size // tall, size // wide, generator=generator)
        total = total + functional.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)
    return total / 2


def _noise(rgb: Tensor, generator: torch.Generator) -> Tensor:
    return _grain(rgb, generator, channels=3)


def _blots(rgb: Tensor, generator: torch.Generator) -> Tensor:
    level = 0.35 + 0.3 * torch.rand(1, generator=generator)
    ink, paper = torch.rand(2, 1, 3, 1, 1, generator=generator)
    return torch.where(_grain(rgb, generator, channels=1) < level, ink, paper)
