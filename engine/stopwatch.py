"""Whether the engine is quick enough to be shown live, measured while it runs; if not, the user is told why.

The watchdog shows the standby card whenever the engine is silent for too long. An engine that is too slow for
this machine is silent in every turn: nothing but the card is ever seen. Here its turns are timed.
"""

from collections.abc import Callable
from statistics import median

from engine.clock import Clock
from engine.errors import TooSlowError
from engine.watchdog import SILENCE_S

_TURNS = 5  # the newest ones; one turn that had to wait for the machine is no verdict
_ANOTHER = 2.0  # a pace that has changed by this factor is told anew


class Stopwatch:
    """Times the worker's turns. Thread: the worker's; ``notice`` from any.

    Args:
        clock: Whose seconds.
        way_out: Says what to do about it, in a sentence.
    """

    def __init__(self, clock: Clock, way_out: Callable[[], str]) -> None:
        self._clock = clock
        self._way_out = way_out
        self._beat_at_s: float | None = None
        self._turn_at_s: float | None = None
        self._silence_s = 0.0
        self._turns: list[tuple[float, float, int]] = []  # longest silence, seconds, pictures
        self._notice: TooSlowError | None = None
        self._told_s = 0.0

    @property
    def notice(self) -> TooSlowError | None:
        """Why only the card is shown, or None; the same object until the pace is quite another one."""
        return self._notice

    def beat(self) -> None:
        """The engine lives."""
        now_s = self._clock.now_s()
        if self._beat_at_s is not None:
            self._silence_s = max(self._silence_s, now_s - self._beat_at_s)
        self._beat_at_s = now_s

    def end_turn(self, num_pictures: int) -> None:
        """A turn is over. One that was quick and gave no picture counts for nothing.

        Args:
            num_pictures: Pictures that became ready in it.
        """
        silence_s, self._silence_s = self._silence_s, 0.0
        now_s = self._clock.now_s()
        if num_pictures == 0 and silence_s < SILENCE_S:
            return
        if self._turn_at_s is not None:
            self._turns = [*self._turns[1 - _TURNS :], (silence_s, now_s - self._turn_at_s, num_pictures)]
        self._turn_at_s = now_s
        self._judge()

    def _judge(self) -> None:
        if len(self._turns) < _TURNS:
            return
        turn_s = median(turn_s for _, turn_s, _ in self._turns)
        if median(silence_s for silence_s, _, _ in self._turns) < SILENCE_S:
            self._notice = None
        elif self._notice is None or not 1 / _ANOTHER < turn_s / self._told_s < _ANOTHER:
            self._told_s = turn_s
            self._notice = self._too_slow(turn_s)

    def _too_slow(self, turn_s: float) -> TooSlowError:
        num_pictures = max(1, round(median(number for _, _, number in self._turns)))
        what = "A picture takes" if num_pictures == 1 else f"A row of {num_pictures} pictures takes"
        return TooSlowError(
            f"{what} {turn_s:.1f} s here, and live it may take at most {SILENCE_S} s: so the standby card is "
            "shown.",
            hint=self._way_out(),
        )
