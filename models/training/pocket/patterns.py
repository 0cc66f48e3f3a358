"""Which rows of the rolling buffer a training step shows: full ones, and the short ones of boot and drain."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

# (levels N, chunk c, share). N = 1 has half of all steps: it is the default live setting.
_MIX: tuple[tuple[int, int, float], ...] = (
    (1, 1, 0.50),
    (2, 1, 0.16),
    (4, 1, 0.12),
    (1, 2, 0.05),
    (1, 4, 0.05),
    (2, 2, 0.05),
    (2, 4, 0.03),
    (4, 2, 0.02),
    (4, 4, 0.02),
)
_SHORT_SHARE = 0.3  # of the steps with N > 1: buffers that are still filling or already draining
_BOOT_SHARE = 0.7  # of these: filling


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One shape of the buffer.

    Attributes:
        levels: Noise level of each frame that see each other, oldest (cleanest) first.
        sequences: Independent buffers in the step.
        frames: Successive frames drawn per sequence; more than ``len(levels)`` only for N = c = 1, where two
            frames are decoded one after the other so that the painter learns to use its memory.
        chunk: Frames of a row.
    """

    levels: tuple[float, ...]
    sequences: int
    frames: int
    chunk: int = 1


def buffer_levels(num_levels: int, chunk: int, first: int = 0, last: int | None = None) -> tuple[float, ...]:
    """Return the levels of rows ``first..last - 1`` of N rows of c frames: row i is at (i + 1) / N."""
    rows = range(first, num_levels if last is None else last)
    return tuple((row + 1) / num_levels for row in rows for _ in range(chunk))


def sample_pattern(
    rng: np.random.Generator, batch_frames: int, points: Sequence[tuple[int, int]] = ()
) -> Pattern:
    """Draw a pattern of about ``batch_frames`` frames in all.

    Args:
        rng: Source of the draws.
        batch_frames: Frames of a step.
        points: Operating points ``(N, c)`` that are shown, each as often; none: the mix of the shipped model.
    """
    mix = tuple((*point, 1.0) for point in points) or _MIX
    shares = np.array([share for _, _, share in mix])
    num_levels, chunk, _ = mix[rng.choice(len(mix), p=shares / shares.sum())]
    first, last = 0, num_levels
    if num_levels > 1 and rng.random() < _SHORT_SHARE:
        rows = int(rng.integers(1, num_levels))
        # Boot holds the noisiest rows, drain the cleanest.
        first, last = (num_levels - rows, num_levels) if rng.random() < _BOOT_SHARE else (0, rows)
    levels = buffer_levels(num_levels, chunk, first, last)
    frames = max(len(levels), 2) if num_levels == 1 else len(levels)
    return Pattern(levels=levels, sequences=max(1, batch_frames // frames), frames=frames, chunk=chunk)


def on_one_level(pattern: Pattern, rng: np.random.Generator) -> Pattern:
    """Return the pattern with all frames on one of its levels: successive frames of one ring."""
    level = pattern.levels[int(rng.integers(len(pattern.levels)))]
    return replace(pattern, levels=(level,) * len(pattern.levels))
