"""Tells a cut from a movement, so that what a stream remembers of the scene before can be renewed.

Each frame is shrunk to a few cells of colour. A cut changes most cells at once, and more of them than the
frames before it did; a hand or a turn changes some; a lamp changes all by the same amount, which is taken
out. In: pictures, -1..1, on the CPU. Thread: the worker's.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneSettings:
    """When a change is a cut.

    Attributes:
        share: Share of the cells that a cut changes, 0..1; 1 and above: never a cut.
        change: How much a cell changes at least, in -1..1.
        ratio: How many times the usual share of this clip it must be.
        cells: Cells along each side.
    """

    share: float = 0.5
    change: float = 0.2
    ratio: float = 1.5
    cells: int = 12


_FORGETTING = 0.1


class SceneCut:
    """Says of each frame whether it begins another scene.

    Args:
        settings: When.
    """

    def __init__(self, settings: SceneSettings | None = None) -> None:
        self._settings = SceneSettings() if settings is None else settings
        self._before: Tensor | None = None
        self._usual = 0.0

    def reset(self) -> None:
        """Forget the scene: the next frame begins one without a cut."""
        self._before = None
        self._usual = 0.0

    @torch.no_grad()
    def __call__(self, pixels: Tensor) -> bool:
        """Return whether ``pixels (1, 3, H, W)`` are of another scene than the frame before."""
        cells = functional.adaptive_avg_pool2d(pixels.float(), self._settings.cells)
        before, self._before = self._before, cells
        if before is None:
            return False
        difference = (cells - before).flatten(2)  # (1, 3, n)
        # light that goes on or off moves most cells alike: the scene is the same
        difference = difference - difference.median(dim=2, keepdim=True).values
        share = float((difference.abs().amax(dim=1) > self._settings.change).float().mean())
        is_cut = share > max(self._settings.share, self._settings.ratio * self._usual)
        self._usual = 0.0 if is_cut else self._usual + _FORGETTING * (share - self._usual)
        return is_cut
