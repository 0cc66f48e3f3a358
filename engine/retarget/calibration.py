"""The performer's neutral: how this head, face and body look at rest, learned from the first second.

In: ``Performance`` of frames in which the face was found. Out: ``Neutral``, at any time: medians, so that a
blink, a word or a lost frame does not count; before the second is over, the medians blend in over what was
there before (a person of ordinary proportions, or the neutral before a second calibration), so the avatar
never jumps. Thread: one caller.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from engine.retarget.settings import HUMAN, PerformerGeometry
from engine.types import Expression, HeadPose, Performance, Points, TrackState

Array = NDArray[np.float64]
_T = TypeVar("_T", HeadPose, Expression, "Proportions")

FACE_WIDTH_UNITS = 1.98
"""Width of a face between the ears (iBUG 0 to 16) in head units, by definition."""

_BODY_SEEN = 0.5  # body_score from which shoulders count
_BODY_SHARE = 0.3  # of the calibration time is enough for the body: it is measured less often
_LONGEST_STEP_S = 0.25  # a longer gap between found frames counts as this much
_MOST_SAMPLES = 240
_FRONTAL_DEG = 25.0  # proportions are read from faces turned less than this
_TINY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Proportions:
    """Proportions of a face at rest, in distances of its outer eye corners.

    Attributes:
        face_width: Between the ears (iBUG 0 to 16).
        eye_width: Mean width of an eye.
    """

    face_width: float
    eye_width: float = 0.34

    @classmethod
    def measure(cls, points: Array) -> "Proportions | None":
        """Return the proportions of 68 points ``(68, 2)``, or None where they are missing (all alike)."""
        eyes = float(np.linalg.norm(points[45] - points[36]))
        if eyes < _TINY:
            return None
        widths = [np.linalg.norm(points[start + 3] - points[start]) for start in (36, 42)]
        return cls(
            face_width=float(np.linalg.norm(points[16] - points[0])) / eyes,
            eye_width=float(np.mean(widths)) / eyes,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neutral:
    """A performer at rest.

    Attributes:
        head, expression: At rest.
        proportions: Of the face.
        shoulders: ``(2, 2)`` picture heights, or None when no body was seen.
    """

    head: HeadPose
    expression: Expression
    proportions: Proportions
    shoulders: Array | None = None

    @property
    def eye_distance(self) -> float:
        """Distance of the outer eye corners in head units."""
        return FACE_WIDTH_UNITS / self.proportions.face_width

    @property
    def head_unit(self) -> float:
        """One head unit in picture heights."""
        return self.head.scale / self.eye_distance


def default_neutral(geometry: PerformerGeometry = HUMAN) -> Neutral:
    """Return an ordinary face in the middle of the picture."""
    return Neutral(
        head=HeadPose(), expression=Expression(), proportions=Proportions(face_width=geometry.face_width)
    )


@dataclass(slots=True)
class _Samples:
    """What was seen so far, and for how long."""

    heads: list[tuple[float, ...]] = field(default_factory=list)
    expressions: list[tuple[float, ...]] = field(default_factory=list)
    proportions: list[tuple[float, ...]] = field(default_factory=list)
    shoulders: list[Array] = field(default_factory=list)
    face_s: float = 0.0
    body_s: float = 0.0


def in_heights(points: Points, aspect: float) -> Array:
    """Return points given in fractions of width and height in picture heights, float64, a new array."""
    return np.asarray(points, np.float64) * (aspect, 1.0)


class Calibration:
    """Learns a ``Neutral`` from successive performances.

    Args:
        duration_s: Seconds of found frames that make a calibration.
        geometry: What kind of performer, for the time before anything was seen.
    """

    def __init__(self, duration_s: float, geometry: PerformerGeometry = HUMAN) -> None:
        self._duration_s = duration_s
        self._before = default_neutral(geometry)
        self._has_place = False  # whether ``_before`` holds this performer's place in the picture
        self._samples = _Samples()
        self._last_at_s: float | None = None
        self.neutral = self._before

    @property
    def is_complete(self) -> bool:
        """Whether the face was seen for long enough."""
        return self._samples.face_s >= self._duration_s

    def restart(self) -> None:
        """Learn again; the present neutral holds on and gives way to the new one bit by bit."""
        self._before = self.neutral
        self._has_place = bool(self._samples.heads) or self._has_place
        self._samples = _Samples()
        self._last_at_s = None

    def set_neutral(self, performances: Sequence[Performance]) -> None:
        """Take the medians of these as the neutral, at once.

        Raises:
            ValueError: In none of them a face was found.
        """
        found = [one for one in performances if one.state is TrackState.FOUND]
        if not found:
            raise ValueError(f"expected a performance with a face, got {len(performances)} without")
        self._samples = _Samples()
        for performance in found:
            self._collect(performance)
        self._samples.face_s = self._samples.body_s = self._duration_s
        self.neutral = self._estimate()

    def add(self, performance: Performance) -> None:
        """Learn from one frame; frames without a face, and all after the end, change nothing."""
        if performance.state is not TrackState.FOUND or (self.is_complete and self._is_body_complete):
            return
        step_s = self._step_s(performance.captured_at_s)
        self._collect(performance)
        self._samples.face_s += step_s
        if performance.body_score >= _BODY_SEEN:
            self._samples.body_s += step_s
        self.neutral = self._estimate()

    @property
    def _is_body_complete(self) -> bool:
        return self._samples.body_s >= self._duration_s * _BODY_SHARE

    def _step_s(self, at_s: float) -> float:
        last = self._last_at_s
        self._last_at_s = at_s
        return 0.0 if last is None else min(max(at_s - last, 0.0), _LONGEST_STEP_S)

    def _collect(self, performance: Performance) -> None:
        samples = self._samples
        if performance.body_score >= _BODY_SEEN and not self._is_body_complete:
            samples.shoulders.append(in_heights(performance.shoulders, performance.aspect))
        if self.is_complete or len(samples.heads) >= _MOST_SAMPLES:
            return
        samples.heads.append(astuple(performance.head))
        samples.expressions.append(astuple(performance.expression))
        proportions = Proportions.measure(in_heights(performance.face, performance.aspect))
        if proportions is not None and abs(performance.head.yaw_deg) < _FRONTAL_DEG:
            samples.proportions.append(astuple(proportions))

    def _estimate(self) -> Neutral:
        samples, before = self._samples, self._before
        share = min(samples.face_s / self._duration_s, 1.0)
        head = _blend(before.head, samples.heads, share)
        if not self._has_place:
            # Nothing is known about the place before the first frame, so the first frame is the place.
            place = _blend(before.head, samples.heads, 1.0)
            head = replace(head, x=place.x, y=place.y, scale=place.scale)
        return Neutral(
            head=head,
            expression=_blend(before.expression, samples.expressions, share),
            proportions=_blend(before.proportions, samples.proportions, share),
            shoulders=_median_shoulders(samples.shoulders, before.shoulders),
        )


def _blend(before: _T, samples: list[tuple[float, ...]], share: float) -> _T:
    """Return ``before`` (a dataclass of numbers) moved by ``share`` towards the median of ``samples``."""
    if not samples:
        return before
    median = np.median(np.array(samples), axis=0)
    values = np.array(astuple(before)) * (1.0 - share) + median * share
    names = (each.name for each in fields(before))
    return replace(before, **dict(zip(names, values.tolist(), strict=True)))


def _median_shoulders(samples: list[Array], before: Array | None) -> Array | None:
    return np.median(np.stack(samples), axis=0) if samples else before
