"""What a drawn character is made of: frozen descriptions, no geometry and no pixels.

Lengths are in *head units* (half the width of the head at rest) unless a field says otherwise; the head's
origin is the middle of the skull, x to the right, y down, z towards the viewer. Colours are RGB, 0..255.
"""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from models.training.characters.kinds import (
    BackdropKind,
    BackHair,
    BeardKind,
    Collar,
    EarKind,
    Fringe,
    GlassesKind,
    HatKind,
    NoseKind,
    PinKind,
    Rendering,
)

Rgb = tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class Style:
    """How the character is drawn.

    Attributes:
        rendering: Flat, cel-shaded or painted.
        outline: Width of outlines in 1/256 of the picture; 0 = none.
        outline_tint: 0 = near black lines, 1 = lines in a dark shade of what they surround.
        shade: Strength of shadows, 0..1.
        gloss: Strength of highlights, 0..1.
        light: Side from which light comes: -1 picture left, 1 right.
        grain: Strength of paper grain, 0..1.
    """

    rendering: Rendering = Rendering.CEL
    outline: float = 1.2
    outline_tint: float = 0.8
    shade: float = 0.7
    gloss: float = 0.7
    light: int = -1
    grain: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Face:
    """Shape and colour of head and face.

    Attributes:
        top, chin: Distance of crown and chin from the head's origin.
        cheek, jaw, chin_width: Half widths at the cheekbones, the jaw corners and the chin.
        skin, blush: Colours.
        blush_strength: 0..1.
        freckles: 0..1, how many; 0 = none.
        nose: How the nose is drawn; nose_y is its tip, nose_size a factor.
        mole: -1 left, 1 right of the mouth, 0 none.
    """

    top: float = 1.12
    chin: float = 1.12
    cheek: float = 0.93
    jaw: float = 0.66
    chin_width: float = 0.18
    skin: Rgb = (250, 220, 200)
    blush: Rgb = (240, 140, 130)
    blush_strength: float = 0.4
    freckles: float = 0.0
    nose: NoseKind = NoseKind.DOT
    nose_y: float = 0.55
    nose_size: float = 1.0
    mole: int = 0


@dataclass(frozen=True, kw_only=True)
class Eyes:
    """Shape and colour of the eyes.

    Attributes:
        x, y: Centre of the right eye (the left is mirrored).
        width: Half width; upper, lower: height of the lids above and below the corners' line.
        tilt: Outer corner above (positive) or below the inner, in head units.
        peak: Where the upper lid is highest: -1 at the inner, 1 at the outer corner.
        boxy: 0 pointed almond, 1 round or boxy lids.
        iris: Iris radius; iris_tall its height over its width; pupil its pupil's share of the radius.
        colour_left, colour_right: Iris colours (two, so that they may differ).
        lash: Thickness of the upper lash line; wing: length of the outer flick; crease: 0 or 1.
        lashes: Number of drawn lashes at the outer corner.
        glints: Number of highlights (0..3).
        shadow: Eyeshadow colour or None.
    """

    x: float = 0.42
    y: float = 0.2
    width: float = 0.24
    upper: float = 0.22
    lower: float = 0.14
    tilt: float = 0.03
    peak: float = 0.0
    boxy: float = 0.5
    iris: float = 0.18
    iris_tall: float = 1.15
    pupil: float = 0.45
    colour_left: Rgb = (90, 130, 190)
    colour_right: Rgb = (90, 130, 190)
    lash: float = 0.05
    wing: float = 0.06
    crease: bool = True
    lashes: int = 0
    glints: int = 2
    shadow: Rgb | None = None


@dataclass(frozen=True, kw_only=True)
class Brows:
    """Brows: height of their middle above the eye's centre, half length, thickness, arch and slant."""

    height: float = 0.38
    length: float = 0.24
    thickness: float = 0.04
    arch: float = 0.06
    slant: float = 0.0
    colour: Rgb = (80, 60, 50)
    over_hair: bool = True


@dataclass(frozen=True, kw_only=True)
class Mouth:
    """Mouth: place, half width, lip thickness (0 = a line), corner lift at rest and colours."""

    y: float = 0.79
    width: float = 0.22
    upper_lip: float = 0.03
    lower_lip: float = 0.04
    painted_lips: float = 0.0
    curl: float = 0.02
    lip: Rgb = (214, 110, 110)
    fang: bool = False


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Hair.

    Attributes:
        back, fringe: Kinds.
        colour: Base colour; tips: colour of the ends or None.
        length: Lowest point of back hair below the chin; volume: thickness over the skull.
        fringe_y: Where the fringe ends (y of the tips); part: -1..1 where the hair parts.
        strands: Number of fringe strands; side_locks: length of the locks beside the face, 0 none.
        seed: Number for small irregularities.
        ahoge: Whether a hair stands up.
    """

    back: BackHair = BackHair.SHORT
    fringe: Fringe = Fringe.SWEPT
    colour: Rgb = (80, 60, 60)
    tips: Rgb | None = None
    length: float = 0.6
    volume: float = 0.14
    fringe_y: float = -0.1
    part: float = -0.2
    strands: int = 6
    side_locks: float = 0.5
    seed: int = 0
    ahoge: bool = False


@dataclass(frozen=True, kw_only=True)
class Clothes:
    """Body and clothes: shoulders' half width and height, neck's half width and length, colours."""

    collar: Collar = Collar.CREW
    shoulder_width: float = 1.65
    shoulder_drop: float = 0.42
    neck_width: float = 0.42
    neck_length: float = 0.32
    main: Rgb = (90, 110, 160)
    second: Rgb = (240, 240, 240)
    accent: Rgb = (200, 70, 70)
    pattern: int = 0


@dataclass(frozen=True, kw_only=True)
class Extras:
    """Things that are worn or grow on the head."""

    ears: EarKind = EarKind.HUMAN
    ear_size: float = 1.0
    glasses: GlassesKind = GlassesKind.NONE
    hat: HatKind = HatKind.NONE
    beard: BeardKind = BeardKind.NONE
    pin: PinKind = PinKind.NONE
    pin_side: int = 1
    earrings: bool = False
    scar: bool = False
    colour: Rgb = (220, 80, 90)
    second: Rgb = (250, 220, 120)


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What is behind: kind, two or three colours and a number for its details."""

    kind: BackdropKind = BackdropKind.GRADIENT
    first: Rgb = (200, 215, 235)
    second: Rgb = (150, 175, 215)
    third: Rgb = (240, 240, 250)
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Character:
    """A character at rest.

    Attributes:
        size: One head unit in fractions of the picture.
        x, y: Place of the head's origin in fractions of the picture.
        The others: see the classes.
    """

    size: float = 0.2
    x: float = 0.5
    y: float = 0.42
    style: Style = Style()
    face: Face = Face()
    eyes: Eyes = Eyes()
    brows: Brows = Brows()
    mouth: Mouth = Mouth()
    hair: Hair = Hair()
    clothes: Clothes = Clothes()
    extras: Extras = Extras()
    backdrop: Backdrop = Backdrop()

    @cached_property
    def _hash(self) -> int:
        return hash(tuple(getattr(self, item.name) for item in fields(self)))

    def __hash__(self) -> int:
        # Caches ask for it many times a frame, and a tree of some 90 fields is slow to hash.
        return self._hash

    def __getstate__(self) -> dict[str, Any]:
        # Hashes of strings differ between processes: do not carry one over.
        return {name: value for name, value in self.__dict__.items() if name != "_hash"}


@dataclass(frozen=True, kw_only=True)
class Act:
    """What a character does in one frame; the defaults are its neutral pose.

    Attributes:
        yaw_deg, pitch_deg, roll_deg: Head turn, signs as in ``engine.types.HeadPose``; within 40, 25, 25.
        x, y: Head shift in fractions of the picture, within 0.08.
        scale: Size of the head over its size at rest, 0.85..1.15.
        eye_open_left, eye_open_right: 0 closed, 1 the character's rest, up to 1.25; sides of the picture.
        gaze_x, gaze_y: -1..1, right and down positive.
        brow_left, brow_right: -1 (low) .. 1 (high).
        mouth_open, mouth_round: 0..1; mouth_width, smile: -1..1.
        body_x, body_y: Shift of the body in fractions of the picture; body_roll_deg: its lean.
        breath: 0..1; shrug_left, shrug_right: 0..1.
        arm_left, arm_right: 0 = the arm hangs out of the picture, 1 = it goes through elbow and wrist.
        elbow_*, wrist_*: Fractions of the picture; they count where the arm is above 0.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0
    eye_open_left: float = 1.0
    eye_open_right: float = 1.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    brow_left: float = 0.0
    brow_right: float = 0.0
    mouth_open: float = 0.0
    mouth_width: float = 0.0
    mouth_round: float = 0.0
    smile: float = 0.0
    body_x: float = 0.0
    body_y: float = 0.0
    body_roll_deg: float = 0.0
    breath: float = 0.0
    shrug_left: float = 0.0
    shrug_right: float = 0.0
    arm_left: float = 0.0
    elbow_left_x: float = 0.1
    elbow_left_y: float = 1.0
    wrist_left_x: float = 0.12
    wrist_left_y: float = 0.7
    arm_right: float = 0.0
    elbow_right_x: float = 0.9
    elbow_right_y: float = 1.0
    wrist_right_x: float = 0.88
    wrist_right_y: float = 0.7


NEUTRAL = Act()
"""The act of a character at rest."""
