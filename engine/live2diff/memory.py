"""What a Live2Diff stream needs in memory, said before it starts; what does not fit is refused."""

from dataclasses import dataclass, replace

import torch

from engine.denoise.memory import LIVE2DIFF_RING, KvFormat, RingSettings, ring_bytes
from engine.errors import MemoryTooSmallError
from engine.settings import SIZES
from models.networks.stable_diffusion import LATENT_STRIDE
from models.networks.unet import UNet, UNetConfig

_GB, _MB = 1e9, 1e6
_SMALL = 0.1 * _GB  # said in megabytes below this
_WORKING_SHARE = 0.25  # activations of a tick and of a warm-up beside the weights; a rough share of them
_CELL = 64  # pixels: of the coarsest level


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSize:
    """What decides a stream's memory.

    Attributes:
        width, height: Of the pictures in pixels, multiples of 8.
        levels: N.
        dtype: Of weights, keys and values.
        ring: The rings.
    """

    width: int
    height: int
    levels: int
    dtype: torch.dtype = torch.float16
    ring: RingSettings = LIVE2DIFF_RING


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryPlan:
    """Bytes by purpose.

    Attributes:
        size: Whose they are.
        rings: Keys and values of all levels.
        renewal: Sinks under way while a change is warmed up.
        weights: Of the UNet.
        working: Everything else, roughly.
    """

    size: StreamSize
    rings: int
    renewal: int
    weights: int
    working: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.rings + self.renewal + self.weights + self.working

    @property
    def text(self) -> str:
        """One sentence for the log and the window."""
        return (
            f"{self.size.width} x {self.size.height} at {_levels(self.size.levels)} needs {_gb(self.total)}: "
            f"{self._rings_text}, "
            f"{_gb(self.renewal)} while a change is warmed up, {_gb(self.weights)} of weights, "
            f"about {_gb(self.working)} to work in."
        )

    @property
    def _rings_text(self) -> str:
        levels = self.size.levels
        each = f" ({_gb(self.rings // levels)} a level)" if levels > 1 else ""
        return f"{_gb(self.rings)} of keys and values{each}"


def plan_memory(config: UNetConfig, size: StreamSize) -> MemoryPlan:
    """Return what a stream needs, without taking any of it.

    Args:
        config: The UNet, motion modules included.
        size: The stream.
    """
    with torch.device("meta"):
        unet = UNet(config)
    layers = unet.temporal_layers(size.height // LATENT_STRIDE, size.width // LATENT_STRIDE)
    weights = sum(parameter.numel() for parameter in unet.parameters()) * size.dtype.itemsize
    # a warm-up hands its sinks out as they were computed, before they are put into the rings
    handed_out = replace(size.ring, window=max(size.ring.sinks, 1), sinks=0, format=KvFormat.NATIVE)
    return MemoryPlan(
        size=size,
        rings=ring_bytes(layers, size.ring, size.levels, size.dtype),
        renewal=ring_bytes(layers, handed_out, size.levels, size.dtype),
        weights=weights,
        working=int(_WORKING_SHARE * weights),
    )


def check_memory(config: UNetConfig, size: StreamSize, free_bytes: int | None) -> MemoryPlan:
    """Return the plan of a stream that fits.

    Args:
        config: The UNet.
        size: The stream.
        free_bytes: What the device has free, or None where that is unknown: then nothing is refused.

    Raises:
        MemoryTooSmallError: It does not fit; the hint names what would.
    """
    plan = plan_memory(config, size)
    if free_bytes is None or plan.total <= free_bytes:
        return plan
    raise MemoryTooSmallError(
        f"{plan.text[:-1]}, and {_gb(free_bytes)} are free.", hint=_way_out(config, size, free_bytes)
    )


def _way_out(config: UNetConfig, size: StreamSize, free_bytes: int) -> str:
    """Return in words which smaller streams fit, the least change first."""
    fitting = [words for words, smaller in _smaller(size) if plan_memory(config, smaller).total <= free_bytes]
    if not fitting:
        return "Free some memory, or use another device: no smaller stream fits either."
    return f"Choose {' or '.join(fitting)}."


def _smaller(size: StreamSize) -> list[tuple[str, StreamSize]]:
    small_ring = replace(size.ring, format=KvFormat.INT8)
    smaller = []
    if size.ring.format is not KvFormat.INT8:
        smaller.append(("8-bit keys and values (--kv-format 8bit)", replace(size, ring=small_ring)))
    smaller += [
        (f"{_levels(levels)} (--levels {levels})", replace(size, levels=levels))
        for levels in range(size.levels - 1, 0, -1)
    ]
    pictures = [_shrunk(size, side) for side in reversed(SIZES) if side < max(size.width, size.height)]
    smaller += [(f"{each.width} x {each.height} pixels (--size {each.width})", each) for each in pictures]
    least = replace(pictures[-1] if pictures else size, levels=1, ring=small_ring)
    smaller.append((f"all of it: {least.width} x {least.height}, 1 level, 8 bits", least))
    return smaller


def _shrunk(size: StreamSize, side: int) -> StreamSize:
    """Return the same shape with ``side`` as its longer side, in whole cells of every level."""
    longer = max(size.width, size.height)
    width, height = (
        max(length * side // longer // _CELL * _CELL, _CELL) for length in (size.width, size.height)
    )
    return replace(size, width=width, height=height)


def _levels(number: int) -> str:
    return f"{number} level{'' if number == 1 else 's'}"


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / _MB:.1f} MB" if num_bytes < _SMALL else f"{num_bytes / _GB:.2f} GB"
