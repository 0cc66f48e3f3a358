"""How far an eye is open, against its own rest and its own closed state. One object an eye; one caller."""

_REOPENED = 0.7  # shares of the neutral openness: a dip below the second and back above the first is a blink
_DIPPED = 0.5
_LONGEST_BLINK_S = 0.5  # a longer dip is a squint or a nap, and says nothing about where the lids meet
_MARGIN = 0.05  # of the neutral: lids count as closed a little above the lowest value
_MOST_CLOSED = 0.5  # of the neutral: the closed level is never above this
_LEARN = 0.5  # share by which one blink moves the closed level
_SNAP_SHUT = 0.1  # relative openings below this are shut
_SNAP_FADE = 0.35  # and from here on unchanged
_TINY = 1e-3


class EyelidReader:
    """Turns measured openness into 0 (closed) .. 1 (neutral) .. above.

    The closed level is learned from blinks, because trackers differ in what they call closed.

    Args:
        closed: Openness of a closed eye to begin with, in the unit of ``Expression.eye_open_left``.
    """

    def __init__(self, closed: float) -> None:
        self.closed = closed
        self._lowest: float | None = None  # of the present dip
        self._dip_at_s = 0.0

    def read(self, opening: float, neutral: float, at_s: float) -> float:
        """Return the relative opening, >= 0; 0 is shut.

        Args:
            opening: Measured now.
            neutral: At rest.
            at_s: Time of the frame in seconds.
        """
        self._learn(opening, neutral, at_s)
        closed = min(self.closed, _MOST_CLOSED * neutral)
        relative = (opening - closed) / max(neutral - closed, _TINY)
        return _snap(max(relative, 0.0))

    def _learn(self, opening: float, neutral: float, at_s: float) -> None:
        if opening < _DIPPED * neutral:
            if self._lowest is None:
                self._lowest, self._dip_at_s = opening, at_s
            self._lowest = min(self._lowest, opening)
        elif opening > _REOPENED * neutral and self._lowest is not None:
            level = self._lowest + _MARGIN * neutral
            is_blink = at_s - self._dip_at_s <= _LONGEST_BLINK_S
            if is_blink or level < self.closed:
                self.closed += _LEARN * (min(level, _MOST_CLOSED * neutral) - self.closed)
            self._lowest = None


def _snap(relative: float) -> float:
    """Shut what is nearly shut, and leave no step: 0 below ``_SNAP_SHUT``, unchanged above ``_SNAP_FADE``."""
    if relative >= _SNAP_FADE:
        return relative
    return max(relative - _SNAP_SHUT, 0.0) * _SNAP_FADE / (_SNAP_FADE - _SNAP_SHUT)
