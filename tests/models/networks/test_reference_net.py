"""What is read from the reference network, and that its output layers do not matter."""

from dataclasses import replace

import torch

from models.networks.reference_net import read_banks
from models.networks.unet import UNet, UNetConfig

TINY = UNetConfig(widths=(8, 16, 24, 24), heads=2, prompt_dim=12, groups=4)
NAMES = ["d00", "d01", "d10", "d11", "d20", "d21", "m", *(f"u{i}{j}" for i in (1, 2, 3) for j in range(3))]


def test_sixteen_banks_with_the_tokens_of_their_level() -> None:
    torch.manual_seed(0)
    whole = UNet(TINY).eval().requires_grad_(False)
    tail_less = UNet(replace(TINY, has_output=False)).eval().requires_grad_(False)
    tail_less.load_state_dict(
        {
            name: value
            for name, value in whole.state_dict().items()
            if not name.startswith("conv_") or "in" in name
        }
    )
    latents, token = torch.randn(1, 4, 8, 16), torch.randn(1, 1, 12)
    banks, same = read_banks(tail_less, latents, token), read_banks(whole, latents, token)
    assert list(banks) == NAMES
    assert banks["d00"].shape == (1, 128, 8)
    assert banks["m"].shape == (1, 2, 24)
    assert banks["u32"].shape == (1, 128, 8)
    for name, bank in banks.items():
        torch.testing.assert_close(bank, same[name], rtol=0, atol=0)
        torch.testing.assert_close(bank.mean(-1), torch.zeros(bank.shape[:2]), rtol=0, atol=1e-5)
