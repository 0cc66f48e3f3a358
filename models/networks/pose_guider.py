"""A picture-like condition to features that are added to the output of a UNet's ``conv_in``.

RAIN's pose guider halves a canvas of the picture's size three times (arXiv:2412.19489); Live2Diff's depth
mapper keeps the size of depth latents (arXiv:2407.08701). One class: the strides differ. Frames are
independent, so each is encoded once and its features travel through the buffer.
"""

import itertools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class PoseGuiderConfig:
    """Sizes; the defaults are RAIN's.

    Attributes:
        in_channels: Channels of the condition.
        widths: Channels of the first convolution and after each pair.
        out_channels: Channels of the UNet's first level.
        stride: Of the second convolution of each pair: 2 from pixels, 1 from latents.
    """

    in_channels: int = 3
    widths: tuple[int, ...] = (16, 32, 96, 256)
    out_channels: int = 320
    stride: int = 2


class PoseGuider(nn.Module):
    """3x3 convolutions with SiLU after each but the last, which starts at zero."""

    def __init__(self, config: PoseGuiderConfig) -> None:
        super().__init__()
        self.config = config
        widths = config.widths
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        pairs = itertools.pairwise(widths)
        self.blocks = nn.ModuleList(
            conv
            for narrow, wide in pairs
            for conv in (
                nn.Conv2d(narrow, narrow, 3, padding=1),
                nn.Conv2d(narrow, wide, 3, padding=1, stride=config.stride),
            )
        )
        self.conv_out = nn.Conv2d(widths[-1], config.out_channels, 3, padding=1)
        for parameter in self.conv_out.parameters():
            nn.init.zeros_(parameter)

    def forward(self, condition: Tensor) -> Tensor:
        """Return the features, ``(F, out_channels, h, w)``.

        Args:
            condition: ``(F, in_channels, H, W)``; RAIN's canvas is RGB 0..1 with H = 8 h.
        """
        x = functional.silu(self.conv_in(condition))
        for conv in self.blocks:
            x = functional.silu(conv(x))
        out: Tensor = self.conv_out(x)
        return out
