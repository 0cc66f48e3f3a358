"""Camera pictures to depth pictures without flicker: what Live2Diff is told about space.

In: pictures, -1..1. Out: depth pictures, -1..1, near is bright. The published system stretches each frame by
its own extremes, so a hand that comes near darkens the whole room for a frame; here the range follows
slowly. Thread: the worker's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models.networks.depth import depth_picture, extremes

ReadDepth = Callable[[Tensor], Tensor]
"""``(F, 3, H, W)`` -1..1 to maps ``(F, h, w)``, near is large: ``models.networks.depth.DepthNetwork``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeSettings:
    """How fast the range follows.

    Attributes:
        widen: Share of the way that it goes in a frame towards extremes outside it, 0..1.
        narrow: The same towards extremes inside it, 0..1.
    """

    widen: float = 0.2
    narrow: float = 0.02

    def __post_init__(self) -> None:
        """Refuse shares outside 0..1. Raises ``ValueError``."""
        for name, share in (("widen", self.widen), ("narrow", self.narrow)):
            if not 0.0 <= share <= 1.0:
                raise ValueError(f"expected {name} from 0 to 1, got {share}")


PER_FRAME = RangeSettings(widen=1.0, narrow=1.0)
"""Each frame by its own extremes, as the published code does."""


class DepthRange:
    """The least and the greatest depth, followed over the frames. Cost: no synchronisation.

    Args:
        settings: How fast.
    """

    def __init__(self, settings: RangeSettings | None = None) -> None:
        self._settings = RangeSettings() if settings is None else settings
        self._range: tuple[Tensor, Tensor] | None = None

    def reset(self) -> None:
        """Forget the range: the next maps set it."""
        self._range = None

    def follow(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the range for ``maps (F, h, w)``, which are taken together: two scalars."""
        low, high = extremes(maps)
        if self._range is None:
            self._range = low, high
        else:
            old_low, old_high = self._range
            self._range = (
                self._nearer(old_low, low, low < old_low),
                self._nearer(old_high, high, high > old_high),
            )
        return self._range

    def _nearer(self, old: Tensor, new: Tensor, is_wider: Tensor) -> Tensor:
        share = torch.where(is_wider, self._settings.widen, self._settings.narrow).to(old)
        return torch.lerp(old, new, share)


class DepthReader:
    """Reads depth pictures off pictures.

    Args:
        read: The network, or what stands in for it; None: maps come with the pictures.
        size: ``(H, W)`` of the depth pictures.
        settings: How fast the range follows.
    """

    def __init__(
        self, read: ReadDepth | None, size: tuple[int, int], settings: RangeSettings | None = None
    ) -> None:
        self._read = read
        self._size = size
        self._range = DepthRange(settings)

    def reset(self) -> None:
        """Another clip or scene: the next pictures set the range."""
        self._range.reset()

    @torch.no_grad()
    def __call__(self, pixels: Tensor, maps: Tensor | None = None) -> Tensor:
        """Return depth pictures, ``(F, 3, H, W)`` -1..1; F frames share a range.

        Args:
            pixels: ``(F, 3, H, W)`` -1..1.
            maps: Their depth ``(F, h, w)``, near is large, where it is known already; None: it is read.

        Raises:
            ValueError: There are no maps, and nothing to read them with.
        """
        if maps is None:
            if self._read is None:
                raise ValueError("expected maps with the pictures, since nothing reads depth here")
            maps = self._read(pixels)
        return depth_picture(maps, *self._range.follow(maps), self._size)
