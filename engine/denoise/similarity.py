"""The stochastic similarity filter: frames that resemble the last accepted one are skipped by chance.

Skipping by chance rather than by a threshold lets a slow change through in time (arXiv:2312.12491,
section 3.4): the more alike, the likelier the skip, and still scenes cost nothing. Thread: the worker's.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import torch
from torch import Tensor
from torch.nn import functional

_EPS = 1e-6


class SkipCount(Enum):
    """What ``max_skip_frame`` counts."""

    CONSECUTIVE = "consecutive"
    """Skips in a row."""
    CUMULATIVE = "cumulative"
    """All skips since a frame was last let through for this reason, as the published code does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilaritySettings:
    """When to skip.

    Attributes:
        threshold: Cosine similarity from which a skip is possible, up to 1, where it is certain; 1 or more
            switches the filter off. 0.98 is the published default; a still camera wants 0.99 and more.
        max_skip_frame: A frame passes whatever it looks like when more than so many were skipped, >= 0.
        count: What is counted.
    """

    threshold: float = 0.98
    max_skip_frame: int = 10
    count: SkipCount = SkipCount.CONSECUTIVE

    def __post_init__(self) -> None:
        """Refuse a threshold below 0 and a count below 0. Raises ``ValueError``."""
        if not self.threshold >= 0.0:
            raise ValueError(f"expected a threshold of at least 0, got {self.threshold}")
        if self.max_skip_frame < 0:
            raise ValueError(f"expected a max_skip_frame of at least 0, got {self.max_skip_frame}")


class SimilarityFilter:
    """Says of each frame whether it is worth painting.

    Args:
        settings: When to skip.
        draw: Gives a number from 0 to 1 for each frame but the first; None: from ``seed``.
        seed: Of the draws.

    Attributes:
        similarity: Cosine of the newest frame with the last accepted one, -1..1; NaN for the first.
        skip_probability: Of the newest frame.
        was_forced: Whether the newest frame passed only because too many were skipped.
    """

    def __init__(
        self, settings: SimilaritySettings, *, draw: Callable[[], float] | None = None, seed: int = 0
    ) -> None:
        self._settings = settings
        self._seed = seed
        self._random = random.Random(seed)
        self._draw = self._random.random if draw is None else draw
        self._accepted: Tensor | None = None
        self._num_skipped = 0
        self.similarity = float("nan")
        self.skip_probability = 0.0
        self.was_forced = False

    def reset(self) -> None:
        """Forget the accepted frame and start the draws again: the next frame passes."""
        self._accepted = None
        self._num_skipped = 0
        self._random.seed(self._seed)
        self.similarity, self.skip_probability, self.was_forced = float("nan"), 0.0, False

    def admits(self, pixels: Tensor) -> bool:
        """Return whether to paint a frame.

        Args:
            pixels: ``(..., H, W)`` float32 in -1..1, on the CPU, where looking at the result waits for
                nothing; all frames of a row together.
        """
        flat = pixels.reshape(-1)
        if self._accepted is None or self._accepted.shape != flat.shape:
            self._accepted = flat.clone()
            return True
        self.similarity = float(functional.cosine_similarity(self._accepted, flat, dim=0, eps=_EPS))
        self.skip_probability = _skip_probability(self.similarity, self._settings.threshold)
        is_alike = self.skip_probability >= self._draw() and self.skip_probability > 0.0
        self.was_forced = is_alike and self._num_skipped > self._settings.max_skip_frame
        if is_alike and not self.was_forced:
            self._num_skipped += 1
            return False
        if self.was_forced or self._settings.count is SkipCount.CONSECUTIVE:
            self._num_skipped = 0
        with torch.no_grad():
            self._accepted.copy_(flat)
        return True


def _skip_probability(similarity: float, threshold: float) -> float:
    """``max(0, 1 - (1 - cos) / (1 - threshold))``; 0 where the threshold switches the filter off."""
    if threshold >= 1.0:
        return 0.0
    return max(0.0, 1.0 - (1.0 - similarity) / (1.0 - threshold))
