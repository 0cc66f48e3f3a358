"""How far an eye is open, against its own rest and its own closed state. One object an eye; one caller.

Trackers differ in what they call closed, and blur a blink: it lasts three or four frames, and their filters
see half of it. So the closed level is learned from blinks, and while lids fall fast, less counts as shut.
"""

_REOPENED = 0.7  # shares of the neutral openness: a dip below the second and back above the first is a blink
_DIPPED = 0.65
_LONGEST_BLINK_S = 0.5  # a longer dip is a squint or a nap, and says nothing about where the lids meet
_MARGIN = 0.05  # of the neutral: lids count as closed a little above the lowest value
_MOST_CLOSED = 0.55  # of the neutral: the closed level is never above this
_LEARN = 0.5  # share by which one blink moves the closed level
_SNAP_SHUT = 0.13  # relative openings below this are shut
_SNAP_FADE = 0.4  # and from here on unchanged
_FAST_PER_S = 3.5  # openings (of the neutral) a second at which lids fall in a blink; a squint is slower
_FALLING = 0.85  # of the neutral: above this, jitter is no blink
_HOLD_S, _FADE_S = 0.12, 0.2  # how long a fast fall counts
_TINY = 1e-3


class EyelidReader:
    """Turns measured openness into 0 (closed) .. 1 (neutral) .. above.

    Args:
        closed: Openness of a closed eye to begin with, in the unit of ``Expression.eye_open_left``.
        blink_level: Share of the neutral openness that counts as shut while the lids fall fast; 0 = none.
    """

    def __init__(self, closed: float, blink_level: float = 0.0) -> None:
        self.closed = closed
        self._blink_level = blink_level
        self._lowest: float | None = None  # of the present dip
        self._dip_at_s = 0.0
        self._before: tuple[float, float] | None = None  # openness and time of the last frame
        self._fell_at_s: float | None = None

    def read(self, opening: float, neutral: float, at_s: float) -> float:
        """Return the relative opening, >= 0; 0 is shut.

        Args:
            opening: Measured now.
            neutral: At rest.
            at_s: Time of the frame in seconds.
        """
        self._learn(opening, neutral, at_s)
        closed = min(self.closed, _MOST_CLOSED * neutral)
        closed += self._blinking(opening, neutral, at_s) * max(self._blink_level * neutral - closed, 0.0)
        self._before = (opening, at_s)
        relative = (opening - closed) / max(neutral - closed, _TINY)
        return _snap(max(relative, 0.0))

    def _learn(self, opening: float, neutral: float, at_s: float) -> None:
        if opening < _DIPPED * neutral:
            if self._lowest is None:
                self._lowest, self._dip_at_s = opening, at_s
            self._lowest = min(self._lowest, opening)
        elif opening > _REOPENED * neutral and self._lowest is not None:
            level = min(self._lowest + _MARGIN * neutral, _MOST_CLOSED * neutral)
            is_blink = at_s - self._dip_at_s <= _LONGEST_BLINK_S
            if is_blink or level < self.closed:
                self.closed += _LEARN * (level - self.closed)
            self._lowest = None

    def _blinking(self, opening: float, neutral: float, at_s: float) -> float:
        """Return 1 while the lids fall fast and shortly after, then down to 0."""
        if self._before is not None:
            before, before_at_s = self._before
            fall = (before - opening) / max(neutral, _TINY)
            is_low = opening < _FALLING * neutral
            if is_low and fall > _FAST_PER_S * max(at_s - before_at_s, _TINY):
                self._fell_at_s = at_s
        if self._fell_at_s is None:
            return 0.0
        return min(max(1.0 - (at_s - self._fell_at_s - _HOLD_S) / _FADE_S, 0.0), 1.0)


def _snap(relative: float) -> float:
    """Shut what is nearly shut, and leave no step: 0 below ``_SNAP_SHUT``, unchanged above ``_SNAP_FADE``."""
    if relative >= _SNAP_FADE:
        return relative
    return max(relative - _SNAP_SHUT, 0.0) * _SNAP_FADE / (_SNAP_FADE - _SNAP_SHUT)
