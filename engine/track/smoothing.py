"""One-euro filter: calm when still, quick when moving.

Casiez, Roussel, Vogel: "1 Euro Filter", CHI 2012, doi:10.1145/2207676.2208639.
Deviation: the time step comes from each sample's own time stamp, so that a variable frame rate and dropped
frames are filtered right. In: noisy points. Out: calm points. Pure numpy; any one thread.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class OneEuroSettings:
    """How calm and how quick.

    Attributes:
        min_cutoff_hz: Cut-off at rest; lower is calmer and later.
        beta: Rise of the cut-off with speed, Hz per unit/s; higher is quicker when moving.
        derivative_cutoff_hz: Cut-off of the speed estimate.
    """

    min_cutoff_hz: float = 1.0
    beta: float = 0.0
    derivative_cutoff_hz: float = 1.0


class OneEuroFilter:
    """Filters an array, each element for itself.

    Args:
        min_cutoff_hz: As in ``OneEuroSettings``, one number or an array that broadcasts to the samples.
        beta: The same.
        derivative_cutoff_hz: One number.
    """

    def __init__(
        self, min_cutoff_hz: float | Array, beta: float | Array, derivative_cutoff_hz: float = 1.0
    ) -> None:
        self._min_cutoff_hz = min_cutoff_hz
        self._beta = beta
        self._derivative_cutoff_hz = derivative_cutoff_hz
        self._value: Array | None = None
        self._speed: Array | None = None
        self._last_s = 0.0

    @classmethod
    def from_settings(cls, settings: OneEuroSettings) -> "OneEuroFilter":
        """Return a filter with the same settings for every element."""
        return cls(settings.min_cutoff_hz, settings.beta, settings.derivative_cutoff_hz)

    def reset(self) -> None:
        """Forget the past: the next sample comes out as it went in."""
        self._value = self._speed = None

    def filter(self, sample: NDArray[np.floating], at_s: float) -> Array:
        """Return the calm value of ``sample``, a new array of its shape.

        A sample that is not later than the last one starts anew.
        """
        value = np.asarray(sample, np.float64)
        step_s = at_s - self._last_s
        self._last_s = at_s
        if self._value is None or self._speed is None or step_s <= 0:
            self._value, self._speed = value.copy(), np.zeros_like(value)
            return value.copy()
        speed = (value - self._value) / step_s
        self._speed = self._speed + smoothing_factor(self._derivative_cutoff_hz, step_s) * (
            speed - self._speed
        )
        cutoff_hz = self._min_cutoff_hz + self._beta * np.abs(self._speed)
        self._value = self._value + smoothing_factor(cutoff_hz, step_s) * (value - self._value)
        return self._value.copy()


def smoothing_factor(cutoff_hz: float | Array, step_s: float) -> float | Array:
    """Return alpha of an exponential filter, ``1 / (1 + tau / Te)`` with ``tau = 1 / (2 pi fc)``."""
    turn = 2 * math.pi * cutoff_hz * step_s
    return turn / (turn + 1)
