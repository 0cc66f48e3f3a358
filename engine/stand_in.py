"""Who moves the avatar: the person, the person's last pose (held), or the avatar at rest.

It works in media time, so that a clip that is painted faster or slower than it was filmed behaves alike.
Thread: the worker's.
"""

from enum import Enum
from typing import Protocol

from engine.settings import LossSettings
from engine.types import Control, Origin, Performance, TrackState

FROM_START_S = 0.2
"""A tracker wants a few frames before it is sure; a face found this early was there from the start."""


class Performer(Protocol):
    """Brings a performance into the avatar's proportions (``engine.retarget``)."""

    def control(self, performance: Performance) -> Control:
        """Return where the avatar's points should be; ``performance.state`` is ``FOUND``."""
        ...


class RestingActor(Protocol):
    """The avatar by itself: breathing, blinking (``engine.retarget``)."""

    def control(self, time_s: float, /) -> Control:
        """Return where the avatar's points are ``time_s`` (>= 0) after it came to rest."""
        ...


class Ease(Protocol):
    """Goes from one control to another."""

    def __call__(self, start: Control, end: Control, fraction: float, /) -> Control:
        """Return ``start`` at 0, ``end`` at 1; it starts and ends gently."""
        ...


class Presence(Enum):
    """Who is moving the avatar."""

    NOBODY = "nobody"  # the avatar rests
    PERSON = "person"
    HELD = "held"  # lost a moment ago: the last pose, or on the way to rest


class StandIn:
    """Chooses each frame's control, and goes smoothly from one mover to the next.

    The person's share goes from 0 to 1 over ``ease_s`` after a face is found and back after it was lost for
    ``hold_s``; a face that is there from the start is followed at once.

    Args:
        performer: The person's way to the avatar.
        resting: The avatar by itself.
        ease: Between the two.
        loss: How long to hold and to ease.
    """

    def __init__(self, performer: Performer, resting: RestingActor, ease: Ease, loss: LossSettings) -> None:
        self._performer = performer
        self._resting = resting
        self._ease = ease
        self._loss = loss
        self._share = 0.0
        self._pose: Control | None = None  # the person's last one
        self._found_at_s = 0.0
        self._rest_at_s: float | None = None  # since when it comes to rest
        self._at_s: float | None = None
        self._first_at_s: float | None = None
        self.presence = Presence.NOBODY

    def recast(self, performer: Performer, resting: RestingActor) -> None:
        """Take over another avatar; a pose of the old one is forgotten, the person's share is kept."""
        self._performer, self._resting, self._pose = performer, resting, None

    def reset(self) -> None:
        """Forget the person (another source)."""
        self._share, self._pose, self._rest_at_s = 0.0, None, None
        self._at_s = self._first_at_s = None
        self.presence = Presence.NOBODY

    def control(self, performance: Performance | None, at_s: float) -> tuple[Control, Origin]:
        """Return the control of one frame, and on whose behalf.

        Args:
            performance: What the tracker saw, or None when there is no frame.
            at_s: The frame's media time in seconds; going back counts as standing still.
        """
        elapsed_s = 0.0 if self._at_s is None else max(0.0, at_s - self._at_s)
        self._at_s = at_s
        if performance is None:
            self._first_at_s = float("-inf")  # the resting avatar was shown already: no jump from it
        elif self._first_at_s is None:
            self._first_at_s = at_s
        if performance is not None and performance.state is TrackState.FOUND:
            self._pose = self._performer.control(performance)
            self._found_at_s = at_s
            is_from_start = self._first_at_s is not None and at_s - self._first_at_s <= FROM_START_S
            self._share = 1.0 if is_from_start else min(1.0, self._share + elapsed_s / self._loss.ease_s)
            self.presence = Presence.PERSON
            if self._share >= 1.0:
                self._rest_at_s = None
        else:
            self._fade(at_s, elapsed_s)
        return self._blend(at_s), Origin.IDLE if self.presence is Presence.NOBODY else Origin.AVATAR

    def _fade(self, at_s: float, elapsed_s: float) -> None:
        fading_s = min(elapsed_s, max(0.0, at_s - self._found_at_s - self._loss.hold_s))
        self._share = max(0.0, self._share - fading_s / self._loss.ease_s)
        is_held = self._share > 0 and self._pose is not None
        self.presence = Presence.HELD if is_held else Presence.NOBODY

    def _blend(self, at_s: float) -> Control:
        if self._share >= 1.0 and self._pose is not None:
            return self._pose
        if self._rest_at_s is None:
            self._rest_at_s = at_s
        resting = self._resting.control(max(0.0, at_s - self._rest_at_s))
        if self._pose is None or self._share <= 0.0:
            return resting
        return self._ease(resting, self._pose, self._share)
