"""Shoulders, elbows and wrists: readings a few times a second -> calm points on every frame.

Readings of the body and of the hands are held until the next one; a one-euro filter glides from one to
the next. Left and right are those of the picture: who faces the camera has the right arm on the left.
In: rows of the pose and hand graphs. Out: ``BodyReading``. Pure numpy; any one thread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.track.smoothing import OneEuroFilter
from engine.types import Points, Scores

Array = NDArray[np.float64]

# Rows of the pose model (the person's own sides), in the order left, right of the picture.
_SHOULDERS, _ELBOWS, _WRISTS = (12, 11), (14, 13), (16, 15)
_ROWS = (*_SHOULDERS, *_ELBOWS, *_WRISTS)
_HAND_REACH = 0.25  # a hand belongs to a wrist of the body within this many picture heights
_MIDDLE = 0.5
_CALM = (1.5, 1.0)  # readings come at 4 to 8 Hz: the filter's work is the glide between them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BodyReading:
    """Fields as in ``Performance``."""

    shoulders: Points
    elbows: Points
    wrists: Points
    body_score: float
    arm_scores: Scores


class BodyFollower:
    """Holds the newest reading of body and hands, and glides towards it.

    Args:
        smooth: Whether to glide; otherwise the held reading is given as it is.
    """

    def __init__(self, smooth: bool = True) -> None:
        self._filter = OneEuroFilter(*_CALM) if smooth else None
        self._points = np.zeros((6, 2))
        self._scores = np.zeros(6)
        self._hands = np.zeros((0, 3))

    def reset(self) -> None:
        """Forget the past."""
        self._points, self._scores = np.zeros((6, 2)), np.zeros(6)
        self._hands = np.zeros((0, 3))
        if self._filter is not None:
            self._filter.reset()

    def take_pose(self, pose: Array | None) -> None:
        """Take a reading of the pose graph, ``(33, 4)``, or None when it saw nobody."""
        if pose is None:
            self._scores = np.zeros(6)
            return
        if not self._scores.any() and self._filter is not None:
            self._filter.reset()  # glide from where the body is, not from where it was long ago
        self._points = pose[list(_ROWS), :2]
        self._scores = np.clip(pose[list(_ROWS), 2] * pose[list(_ROWS), 3], 0.0, 1.0)

    def take_hands(self, hands: Array) -> None:
        """Take a reading of the hand graph, ``(0..2, 3)``."""
        self._hands = hands

    def read(self, aspect: float, at_s: float) -> BodyReading:
        """Return the points at ``at_s``; ``aspect`` is width over height of the picture."""
        points, scores = refine_wrists(self._points, self._scores, self._hands, aspect)
        if self._filter is not None:
            points = self._filter.filter(points, at_s)
        flat = points.astype(np.float32)
        return BodyReading(
            shoulders=flat[:2],
            elbows=flat[2:4],
            wrists=flat[4:],
            body_score=float(scores[:2].mean()),
            arm_scores=scores[2:].astype(np.float32),
        )


def refine_wrists(points: Array, scores: Array, hands: Array, aspect: float) -> tuple[Array, Array]:
    """Move the wrists to the hands that were seen near them.

    Args:
        points: ``(6, 2)`` shoulders, elbows, wrists, each left and right, fractions.
        scores: ``(6,)`` 0..1.
        hands: ``(0..2, 3)`` wrist of each hand and its score.
        aspect: Width over height of the picture.

    Returns:
        New points and scores. Without a body, hands are sorted by their side of the picture.
    """
    points, scores = points.copy(), scores.copy()
    for side, hand in _sides(points[4:], hands, aspect) if scores[:2].any() else _halves(hands):
        points[4 + side] = hand[:2]
        scores[4 + side] = max(scores[4 + side], hand[2])
    return points, scores


def _halves(hands: Array) -> list[tuple[int, Array]]:
    """Sort hands by their place in the picture: two by each other, one by the picture's middle."""
    if len(hands) == 1:
        return [(int(hands[0, 0] > _MIDDLE), hands[0])]
    return list(enumerate(hands[np.argsort(hands[:, 0])]))


def _sides(wrists: Array, hands: Array, aspect: float) -> list[tuple[int, Array]]:
    """Give each hand to the nearest wrist of the body, nearest pair first; far ones are a stranger's."""
    distances = np.linalg.norm((wrists[:, None] - hands[None, :, :2]) * (aspect, 1.0), axis=2)  # (2, hands)
    pairs = []
    while distances.size and distances.min() < _HAND_REACH:
        side, index = (int(row) for row in np.unravel_index(distances.argmin(), distances.shape))
        pairs.append((side, hands[index]))
        distances[side, :] = distances[:, index] = np.inf
    return pairs
