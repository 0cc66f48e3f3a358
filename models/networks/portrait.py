"""Reads a drawn portrait: where its control points are, how sure that is, depth, and who is not background.

A small U-Net with soft-argmax heat maps (Nibali et al., arXiv:1801.07372, "DSNT") and a Laplace scale per
point (Kendall & Gal, arXiv:1703.04977, with the L1 norm), which becomes the confidence. Run once per picture
that a user adds, on any thread.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.networks.geometry import NUM_POINTS
from models.networks.pocket import PlainBlock, Upsample

INPUT_SIZE = 128
NUM_FACE_POINTS = 51  # contour, brows, nose, eyes, pupils and lips come first


@dataclass(frozen=True, slots=True, kw_only=True)
class PortraitConfig:
    """Sizes of the network: channels at 1/2, 1/4, 1/8 and 1/16 of the input."""

    widths: tuple[int, int, int, int] = (16, 48, 96, 128)


@dataclass(frozen=True, slots=True, eq=False)
class PortraitReading:
    """What the network says about B pictures.

    Attributes:
        points: ``(B, 61, 2)`` fractions of the input.
        spread: ``(B, 61)`` expected error of each point (Laplace scale), fractions, > 0.
        depth: ``(B, 61)`` as ``engine.types.Avatar.depth``, fractions of the input.
        visible: ``(B, 61)`` logits.
        alpha: ``(B, 1, 64, 64)`` logits of the character's matte.
    """

    points: Tensor
    spread: Tensor
    depth: Tensor
    visible: Tensor
    alpha: Tensor

    @property
    def presence(self) -> Tensor:
        """How sure it is that there is a face, ``(B,)`` 0..1: the mean chance that its points are seen."""
        return self.visible[:, :NUM_FACE_POINTS].sigmoid().mean(1)


class PortraitNet(nn.Module):
    """Square RGB picture, 128x128, 0..1, to a ``PortraitReading``."""

    def __init__(self, config: PortraitConfig) -> None:
        super().__init__()
        self.config = config
        half, quarter, eighth, sixteenth = config.widths
        self.stem = nn.Conv2d(3, half, 5, stride=2, padding=2)
        self.block_half = PlainBlock(half)
        self.down1 = nn.Conv2d(half, quarter, 3, stride=2, padding=1)
        self.block_quarter = PlainBlock(quarter)
        self.down2 = nn.Conv2d(quarter, eighth, 3, stride=2, padding=1)
        self.block_eighth = PlainBlock(eighth)
        self.down3 = nn.Conv2d(eighth, sixteenth, 3, stride=2, padding=1)
        self.block_sixteenth = nn.Sequential(PlainBlock(sixteenth), PlainBlock(sixteenth))
        self.up3 = Upsample(sixteenth, eighth)
        self.up_eighth = PlainBlock(eighth)
        self.up2 = Upsample(eighth, quarter)
        self.up_quarter = nn.Sequential(PlainBlock(quarter), PlainBlock(quarter))
        self.heat = nn.Conv2d(quarter, NUM_POINTS, 1)
        self.up1 = Upsample(quarter, half)
        self.up_half = PlainBlock(half)
        self.alpha = nn.Conv2d(half, 1, 3, padding=1)
        self.about = nn.Sequential(nn.Linear(2 * sixteenth, 128), nn.ReLU(), nn.Linear(128, 3 * NUM_POINTS))

    def forward(self, rgb: Tensor) -> PortraitReading:
        """Read pictures ``(B, 3, 128, 128)``."""
        half = self.block_half(functional.relu(self.stem(rgb - 0.5)))
        quarter = self.block_quarter(functional.relu(self.down1(half)))
        eighth = self.block_eighth(functional.relu(self.down2(quarter)))
        deep = self.block_sixteenth(functional.relu(self.down3(eighth)))
        x = self.up_eighth(functional.relu(self.up3(deep) + eighth))
        x = self.up_quarter(functional.relu(self.up2(x) + quarter))
        matte = self.up_half(functional.relu(self.up1(x) + half))
        pooled = torch.cat([deep.mean((2, 3)), deep.amax((2, 3))], dim=1)
        spread, depth, visible = self.about(pooled).float().chunk(3, dim=1)
        return PortraitReading(
            points=_soft_argmax(self.heat(x).float()),
            spread=functional.softplus(spread - 4.0) + 1e-3,
            depth=depth * 0.1,
            visible=visible,
            alpha=self.alpha(matte).float(),
        )


def _soft_argmax(logits: Tensor) -> Tensor:
    # (B, K, h, w) -> (B, K, 2): the mean place under the softmax of each map
    height, width = logits.shape[-2:]
    weights = torch.softmax(logits.flatten(2), dim=-1).view(*logits.shape)
    # The centres reach a little past the border, so that a point on it can be reached.
    x = (torch.arange(width, device=logits.device) + 0.5) / width * 1.1 - 0.05
    y = (torch.arange(height, device=logits.device) + 0.5) / height * 1.1 - 0.05
    return torch.stack([(weights.sum(2) * x).sum(-1), (weights.sum(3) * y).sum(-1)], dim=-1)
