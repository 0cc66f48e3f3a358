"""What the tracker reads and how often. No heavy import: the window shows these."""

from dataclasses import dataclass

from engine.errors import SettingsError

FASTEST_EXTRA_HZ = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackSettings:
    """Settings of the tracker. The face is read on every frame; the rest in turn, held in between.

    Attributes:
        use_body: Read shoulders, elbows and wrists (20 ms a reading on two cores).
        use_hands: Read hands, to place the wrists better (13 ms a reading).
        use_matte: Cut the person out of the background (3 ms a reading).
        body_hz, hands_hz, matte_hz: Readings a second of media time, 0.5..30; more is quicker and costs more.
        smooth: Calm the jitter of the points with a one-euro filter (about 10 ms late on slow moves).
        found_after: Good frames in a row after which somebody is there, 1..30.
        lost_after_s: Time without a face after which nobody is there, 0..5 s.
    """

    use_body: bool = True
    use_hands: bool = False
    use_matte: bool = False
    body_hz: float = 6.0
    hands_hz: float = 6.0
    matte_hz: float = 5.0
    smooth: bool = True
    found_after: int = 2
    lost_after_s: float = 0.15

    def __post_init__(self) -> None:
        """Raise ``SettingsError`` for a value out of its range."""
        for name in ("body_hz", "hands_hz", "matte_hz"):
            _check(name, getattr(self, name), 0.5, FASTEST_EXTRA_HZ)
        _check("found_after", self.found_after, 1, 30)
        _check("lost_after_s", self.lost_after_s, 0.0, 5.0)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value}.", hint=f"Choose a value from {low} to {high}.")
