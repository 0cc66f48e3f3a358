"""How a performance is carried over to an avatar: gains, limits, and what kind of face performs. Frozen."""

from dataclasses import dataclass, field

from engine.errors import SettingsError


@dataclass(frozen=True, slots=True, kw_only=True)
class PerformerGeometry:
    """What cannot be read from a performer's face, but differs between people and drawn characters.

    Lengths are head units: half the width of the face between the ears (iBUG 0 to 16), over 0.99.

    Attributes:
        pivot_drop, pivot_depth: How far the joint about which the head turns lies below and behind the
            midpoint of the outer eye corners. A turn moves the eyes about it; the rest of their movement is
            a shift of the head.
        closed_eye: ``eye_open`` of a closed eye before a blink was seen.
        blink_level: Share of the openness at rest that counts as shut while the lids fall fast: trackers see
            only part of a blink. 0 = what is measured is the truth.
        face_width: Face width over the distance of the outer eye corners, used when no face points came.
        smile_gain: Smiles of an avatar for the performer's: people's mouths lift less than they widen.
        centre_sinks: Share of its gap by which the middle of an open mouth sinks below its corners.
        jaw_at_rest: Inner lip gap at rest that still counts as a closed mouth, head units.
        shift_gain: How far a drawn character moves, in its head units, for one head unit of the performer.
            Drawn heads are large against their shoulders, so people's movements look too far unscaled.
    """

    pivot_drop: float
    pivot_depth: float
    closed_eye: float
    face_width: float = 1.5
    blink_level: float = 0.0
    smile_gain: float = 1.0
    centre_sinks: float = 0.2
    jaw_at_rest: float = 0.0
    shift_gain: float = 1.0


HUMAN = PerformerGeometry(
    pivot_drop=0.9,
    pivot_depth=1.0,
    closed_eye=0.11,
    blink_level=0.6,
    smile_gain=1.5,
    centre_sinks=0.28,
    jaw_at_rest=0.02,
    shift_gain=0.66,
)
"""A person before a camera: the skull turns about a joint well behind and below the eyes."""

DRAWN = PerformerGeometry(pivot_drop=0.35, pivot_depth=0.4, closed_eye=0.0)
"""A character of this project's renderer."""


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} is {value:g}.", hint=f"Choose a value from {low:g} to {high:g}.")


def _tip(text: str) -> dict[str, str]:
    return {"tip": text}


@dataclass(frozen=True, slots=True, kw_only=True)
class RetargetSettings:
    """What a user may choose about how the avatar follows. No setting here costs speed."""

    mirror: bool = field(
        default=True,
        metadata=_tip("Whether the avatar moves like a mirror: you lean left, it leans to your left."),
    )
    head_gain: float = field(
        default=1.0, metadata=_tip("How far the head turns and moves, 0 to 2; 1 = as far as yours.")
    )
    eye_gain: float = field(
        default=1.0, metadata=_tip("How far gaze and brows move, 0 to 2. Eyes close fully at any value.")
    )
    mouth_gain: float = field(
        default=1.0, metadata=_tip("How far the mouth opens, widens and smiles, 0 to 2; 1 = as far as yours.")
    )
    body_gain: float = field(
        default=1.0, metadata=_tip("How far shoulders and arms move, 0 to 2; 0 keeps the body still.")
    )
    body_smoothing_s: float = field(
        default=0.04,
        metadata=_tip("Seconds by which shoulders and arms are smoothed, 0 to 1. Longer is calmer."),
    )
    max_yaw_deg: float = field(
        default=38.0,
        metadata=_tip("Farthest turn to the side in degrees, 5 to 60. A drawn picture shows no more."),
    )
    max_pitch_deg: float = field(
        default=26.0, metadata=_tip("Farthest nod in degrees, 5 to 45. A drawn picture shows no more.")
    )
    max_roll_deg: float = field(
        default=30.0, metadata=_tip("Farthest tilt to the shoulder in degrees, 5 to 60.")
    )
    max_shift: float = field(
        default=0.12,
        metadata=_tip("Farthest head and shoulders move from their place, 0 to 0.4 of the picture."),
    )
    calibration_s: float = field(
        default=1.0,
        metadata=_tip("Seconds of a seen face from which your neutral face is learned, 0.2 to 10."),
    )
    performer: PerformerGeometry = HUMAN

    def __post_init__(self) -> None:
        for name in ("head_gain", "eye_gain", "mouth_gain", "body_gain"):
            _check(f"The {name.replace('_', ' ')}", getattr(self, name), 0.0, 2.0)
        _check("The body smoothing", self.body_smoothing_s, 0.0, 1.0)
        _check("The largest yaw", self.max_yaw_deg, 5.0, 60.0)
        _check("The largest pitch", self.max_pitch_deg, 5.0, 45.0)
        _check("The largest roll", self.max_roll_deg, 5.0, 60.0)
        _check("The largest shift", self.max_shift, 0.0, 0.4)
        _check("The calibration time", self.calibration_s, 0.2, 10.0)
