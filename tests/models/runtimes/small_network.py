"""A network of the pocket family's operations, small enough to compile in a blink."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SmallNetwork(nn.Module):
    """Convolution, group norm, scale-and-shift, grid sampling, attention to a reference, up-sampling."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.warm = nn.Conv2d(7, width, 3, padding=1)
        self.norm = nn.GroupNorm(4, width)
        self.level = nn.Linear(1, 2 * width)
        self.down = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.query = nn.Linear(width, width)
        self.up = nn.Conv2d(width, 4 * 4, 1)
        self.out = nn.Conv2d(4, 4, 3, padding=1)

    def forward(
        self, latents: Tensor, levels: Tensor, picture: Tensor, grid: Tensor, tokens: Tensor
    ) -> dict[str, Tensor]:
        rows = latents.shape[0]
        warped = functional.grid_sample(picture.expand(rows, -1, -1, -1), grid, align_corners=False)
        scale, shift = self.level(levels[:, None])[:, :, None, None].chunk(2, dim=1)
        hidden = self.norm(self.warm(torch.cat([latents, warped], 1))) * (1 + scale) + shift
        hidden = self.down(functional.silu(hidden))
        query = self.query(hidden.flatten(2).transpose(1, 2)).unflatten(2, (2, -1)).transpose(1, 2)
        key = tokens.expand(rows, -1, -1).unflatten(2, (2, -1)).transpose(1, 2)
        seen = functional.scaled_dot_product_attention(query, key, key)
        hidden = hidden + seen.transpose(1, 2).flatten(2).transpose(1, 2).reshape(hidden.shape)
        painted = self.out(functional.pixel_shuffle(self.up(hidden), 2))
        return {"noise_pred": painted, "mask": torch.sigmoid(painted[:, :1])}


OUTPUTS = ("noise_pred", "mask")


def small_network(seed: int = 0) -> SmallNetwork:
    torch.manual_seed(seed)
    return SmallNetwork().eval()


def small_inputs(rows: int = 2, size: int = 16, seed: int = 1) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "latents": torch.randn(rows, 4, size, size, generator=generator),
        "levels": torch.rand(rows, generator=generator),
        "picture": torch.rand(1, 3, 24, 24, generator=generator),
        "grid": torch.rand(rows, size, size, 2, generator=generator) * 2 - 1,
        "tokens": torch.randn(1, 9, 16, generator=generator),
    }
