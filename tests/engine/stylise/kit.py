"""What tests of the stylise mode with Live2Diff share: its settings, and depth that is no work."""

from pathlib import Path

import numpy as np

from engine.settings import LossSettings, Precision, Quality, RuntimeChoice, Settings
from engine.stylise.parts import DepthMap
from engine.stylise.settings import Painter, StyliseSettings
from engine.types import Frame

SIDE = 64
"""Of the pictures; no user has so small ones."""


def live2diff_settings(files: Path, **more: object) -> StyliseSettings:
    """A pirate by Live2Diff, from what ``tests.engine.live2diff.kit.write_files`` wrote."""
    return StyliseSettings(
        prompt="a pirate",
        painter=Painter.LIVE2DIFF,
        model=str(files / "base"),
        motion=str(files / "live2diff.ckpt"),
        **more,  # type: ignore[arg-type]
    )


def session_settings(**more: object) -> Settings:
    """Small pictures on torch, and patience that ends soon."""
    return Settings(
        quality=Quality(size=SIDE, levels=2),
        loss=LossSettings(hold_s=0.0, ease_s=0.05),
        runtime=RuntimeChoice.TORCH,
        precision=Precision.F32,
        **more,  # type: ignore[arg-type]
    )


class SlopingEye:
    """Depth that slopes, or is the same everywhere."""

    def __init__(self, *, is_flat: bool = False) -> None:
        self.is_flat = is_flat
        self.is_closed = False

    def read(self, frame: Frame) -> DepthMap:
        height, width, _ = frame.rgb.shape
        slope = np.linspace(0.0, 1.0, width, dtype=np.float32)[None].repeat(height, 0)
        return np.full_like(slope, 0.4) if self.is_flat else slope

    def reset(self) -> None:
        pass

    def close(self) -> None:
        self.is_closed = True
