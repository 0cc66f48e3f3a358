"""What the virtual camera shows at each tick: the avatar, or the standby card. Decisions only, no I/O.

It fails closed: the avatar is shown only while every sign says that the engine is well.
"""

from dataclasses import dataclass
from enum import Enum

SILENCE_S = 0.3
"""After the engine's last heartbeat, the avatar is on the air for this long at most."""

LINGER_S = 60.0
"""For how long the card stays on after the program was killed: time to notice and to start it again."""


class Show(Enum):
    """What to send."""

    AVATAR = "avatar"  # the newest picture; the same one again when the engine is late
    CARD = "card"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is known about the engine at one tick.

    Attributes:
        heartbeat_at_s: When the engine last said that it is alive (monotonic); 0 = never.
        has_picture: Whether any avatar picture has arrived.
        is_panicked: Whether the panic key is on.
        is_parent_alive: Whether the program that owns the engine still runs.
        has_successor: Whether another program has claimed the camera since.
    """

    heartbeat_at_s: float
    has_picture: bool
    is_panicked: bool = False
    is_parent_alive: bool = True
    has_successor: bool = False


class OutputGate:
    """Chooses between avatar and card, and says when it is over. Thread: one caller.

    Args:
        period_s: Time between two ticks: a picture sent now stays visible for that long.
        silence_s: See ``SILENCE_S``.
        linger_s: See ``LINGER_S``.

    Raises:
        ValueError: a picture would outlast the silence.
    """

    def __init__(self, *, period_s: float, silence_s: float = SILENCE_S, linger_s: float = LINGER_S) -> None:
        if not 0 < period_s < silence_s:
            raise ValueError(f"A period of {period_s} s does not fit into a silence of {silence_s} s.")
        self._period_s = period_s
        self._silence_s = silence_s
        self._linger_s = linger_s
        self._orphaned_at_s: float | None = None

    def show(self, now_s: float, signs: Signs) -> Show:
        """Return what to send at ``now_s``.

        A picture sent now is seen until the next tick, so it is allowed only when that one still lies within
        the silence. A heartbeat from the future means broken memory, and NaN compares false: both the card.
        """
        is_fresh = now_s + self._period_s <= signs.heartbeat_at_s + self._silence_s
        is_possible = signs.heartbeat_at_s <= now_s + self._period_s
        is_well = signs.has_picture and signs.is_parent_alive and not signs.is_panicked
        return Show.AVATAR if is_fresh and is_possible and is_well else Show.CARD

    def is_over(self, now_s: float, signs: Signs) -> bool:
        """Whether the program is gone, and the card has lingered long enough or another one takes over."""
        if signs.is_parent_alive:
            self._orphaned_at_s = None
            return False
        if self._orphaned_at_s is None:
            self._orphaned_at_s = now_s
        return signs.has_successor or now_s - self._orphaned_at_s >= self._linger_s


def next_tick_s(due_s: float, now_s: float, period_s: float) -> float:
    """Return when the tick after ``due_s`` is due: on the same grid, without catching up what was missed."""
    missed = max(0.0, (now_s - due_s) // period_s)
    return due_s + (missed + 1.0) * period_s
