"""Whether there is somebody to follow, with hysteresis, so that one bad frame does not flicker.

In: found or not, and when. Out: ``TrackState``. Pure; any one thread.
"""

from engine.types import TrackState


class Presence:
    """Counts good frames and times the gaps.

    Before the first frame nobody has been lost: a face in it was there from the start, and is believed at
    once. Else a clip would begin with one picture of the avatar at rest, and a jump.

    Args:
        found_after: Good frames in a row after which somebody has come (back).
        lost_after_s: Seconds without a good frame after which nobody is there; until then the last good
            values are to be held.
    """

    def __init__(self, found_after: int = 2, lost_after_s: float = 0.15) -> None:
        self._found_after = found_after
        self._lost_after_s = lost_after_s
        self._state = TrackState.SEARCHING
        self._num_good = found_after - 1
        self._last_good_s = 0.0

    @property
    def state(self) -> TrackState:
        """The state after the last update."""
        return self._state

    def reset(self) -> None:
        """Search anew."""
        self._state = TrackState.SEARCHING
        self._num_good = self._found_after - 1

    def update(self, is_good: bool, at_s: float) -> TrackState:
        """Take one frame's result at ``at_s`` (any one clock) and return the state."""
        if is_good:
            self._num_good += 1
            self._last_good_s = at_s
            if self._num_good >= self._found_after:
                self._state = TrackState.FOUND
        else:
            self._num_good = 0
            if self._state is TrackState.FOUND and at_s - self._last_good_s >= self._lost_after_s - 1e-9:
                self._state = TrackState.LOST
        return self._state
