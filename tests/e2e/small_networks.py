"""Networks of the real kind and the smallest size, and small pictures: what they show does not matter."""

from functools import cache
from pathlib import Path

import pytest
import torch

from models.networks.pocket import PocketConfig, PocketNetworks


@cache
def small_networks() -> PocketNetworks:
    """Return the pocket model's, untrained and ready to run; the same ones every time."""
    torch.manual_seed(0)
    config = PocketConfig(widths=(32, 32, 32), painter_widths=(32, 16, 16))
    return PocketNetworks(config).eval().requires_grad_(requires_grad=False)


def offer_small_sizes(monkeypatch: pytest.MonkeyPatch, folder: Path, sizes: tuple[int, ...]) -> None:
    """Let settings and command line take these sizes, on one thread, with caches and models in ``folder``."""
    monkeypatch.setattr("engine.settings.SIZES", sizes)
    monkeypatch.setattr("app.cli.arguments.SIZES", sizes)
    monkeypatch.setattr("models.runtimes.choose.MAX_THREADS", 1)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(folder / "home"))
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(folder / "models"))
