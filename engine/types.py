"""What the stages hand on, in the order in which a frame travels.

``Frame`` (capture) -> ``Performance`` (track) -> ``Control`` (retarget) -> conditions (condition)
-> latents (denoise) -> ``Picture`` (decode, post) -> sinks.

Conventions, everywhere: pictures are RGB ``uint8 (H, W, 3)``; points are ``float32``, x to the right,
y down, in fractions of the picture's width and height (0..1 inside); *left* and *right* mean the side of
the **unmirrored picture**; times are seconds of one monotonic clock (``engine.clock``) and end in ``_at_s``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RgbImage = NDArray[np.uint8]  # (H, W, 3)
Points = NDArray[np.float32]  # (K, 2)
Scores = NDArray[np.float32]  # (K,)


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One camera or file picture. It never reaches a sink: sinks accept ``Picture`` only.

    Attributes:
        rgb: ``(H, W, 3)`` uint8 RGB; owned by the frame, never written after construction.
        index: Number of the frame in its source, from 0, without gaps for files.
        captured_at_s: Monotonic time at which it was due (file, live replay) or grabbed (camera).
        media_s: Presentation time inside the file in seconds; equals time since start for cameras.
    """

    rgb: RgbImage
    index: int
    captured_at_s: float
    media_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPose:
    """The head against the camera.

    Attributes:
        yaw_deg: > 0 when the nose moves to the picture's right. The turn is
            ``Rz(roll) Ry(yaw) Rx(pitch)``: pitch acts first, about the head's own axis.
        pitch_deg: > 0 when the nose moves down.
        roll_deg: > 0 when the head turns clockwise in the picture.
        x, y: Head centre (midpoint of the outer eye corners), fractions of the picture.
        scale: Distance between the outer eye corners corrected for yaw, in picture heights.
    """

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x: float = 0.5
    y: float = 0.5
    scale: float = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """What the face does, independent of whose face it is.

    Attributes:
        eye_open_left, eye_open_right: Lid gap over eye width; about 0.05 closed, 0.3 open for a person.
        gaze_x, gaze_y: Pupil against the eye's centre in half eye widths, -1..1, right and down positive.
        brow_left, brow_right: Brow height above the eye, in eye widths.
        mouth_open: Gap of the inner lips over the distance between the outer eye corners, 0..0.8.
        mouth_width: Distance of the mouth corners over the distance between the outer eye corners.
        mouth_round: 0 (flat or at rest) .. 1 (rounded, as in "oo").
        smile: Mouth corners above (positive) or below the mouth's centre, in mouth widths, -0.5..0.5.
    """

    eye_open_left: float = 0.3
    eye_open_right: float = 0.3
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    brow_left: float = 0.5
    brow_right: float = 0.5
    mouth_open: float = 0.0
    mouth_width: float = 0.6
    mouth_round: float = 0.0
    smile: float = 0.0


class TrackState(Enum):
    """Whether there is somebody to follow (with hysteresis, so it does not flicker)."""

    SEARCHING = "searching"
    FOUND = "found"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Performance:
    """What the person in one frame does. It holds no pixels.

    Attributes:
        frame_index, captured_at_s: Those of the frame it was read from.
        state: ``FOUND`` when head, expression and face points are valid.
        head, expression: See the classes.
        face: 68 iBUG points ``(68, 2)``; 36..41 is the eye on the left of the unmirrored picture.
        pupils: ``(2, 2)`` left, right of the picture.
        shoulders, elbows, wrists: ``(2, 2)`` each, left, right of the picture.
        face_score, body_score: 0..1.
        arm_scores: ``(4,)`` 0..1: elbow left, elbow right, wrist left, wrist right.
        aspect: Width over height of the picture, so that points can be measured in picture heights.
        matte: ``(h, w)`` float32 0..1, the person; None while the avatar does not use it. It is a mask.
    """

    frame_index: int
    captured_at_s: float
    state: TrackState
    head: HeadPose = field(default_factory=HeadPose)
    expression: Expression = field(default_factory=Expression)
    face: Points = field(default_factory=lambda: np.zeros((68, 2), np.float32))
    pupils: Points = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    shoulders: Points = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    elbows: Points = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    wrists: Points = field(default_factory=lambda: np.zeros((2, 2), np.float32))
    face_score: float = 0.0
    body_score: float = 0.0
    arm_scores: Scores = field(default_factory=lambda: np.zeros(4, np.float32))
    aspect: float = 1.0
    matte: NDArray[np.float32] | None = None


def _numbered(stem: str, count: int) -> tuple[str, ...]:
    return tuple(f"{stem}_{index}" for index in range(count))


def _eye(side: str) -> tuple[str, ...]:
    # 0 picture-left corner, 1..3 upper lid left to right, 4 right corner, 5..7 lower lid right to left
    return _numbered(f"eye_{side}", 8)


CONTROL_NAMES: tuple[str, ...] = (
    *_numbered("contour", 9),  # 0..8: iBUG jaw 0, 2, 4, ... 16 (picture left over the chin to picture right)
    *_numbered("brow_left", 3),  # picture left to right
    *_numbered("brow_right", 3),  # picture left to right
    "nose_bridge",  # between the eyes
    "nose_tip",
    *_eye("left"),
    *_eye("right"),
    "pupil_left",
    "pupil_right",
    *_numbered(
        "lip_outer", 8
    ),  # 0 left corner, 1..3 upper left to right, 4 right corner, 5..7 lower right to left
    *_numbered("lip_inner", 8),  # the same along the opening of the mouth
    "hair_left",  # widest point of head and hair at eye height, picture left
    "hair_top",  # highest point of head and hair
    "hair_right",
    "neck",  # where the neck meets the collar
    "shoulder_left",
    "shoulder_right",
    "elbow_left",
    "elbow_right",
    "wrist_left",
    "wrist_right",
)
"""Names of the control points, in order (K = 61)."""

NUM_CONTROLS = len(CONTROL_NAMES)
CONTROL_INDEX: dict[str, int] = {name: index for index, name in enumerate(CONTROL_NAMES)}


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """Where the avatar's named points should be for one frame, in the avatar's own picture.

    Attributes:
        points: ``(61, 2)`` in the order of ``CONTROL_NAMES``.
        scores: ``(61,)`` 0..1; 0 = unknown or out of the picture (then the point is to be ignored).
        frame_index, captured_at_s: Those of the driving frame.
    """

    points: Points
    scores: Scores
    frame_index: int
    captured_at_s: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Avatar:
    """A character that can be put on stage.

    Attributes:
        name: Short name, unique in the gallery.
        rgb: ``(S, S, 3)`` uint8, square, S >= 256 (the reference image).
        points: ``(61, 2)`` control points of ``rgb`` at rest.
        depth: ``(61,)`` float32, each point's distance towards the viewer from the head's axis, in
            fractions of the picture (nose positive); body points are relative to the shoulders.
        scores: ``(61,)`` 0..1 as in ``Control``.
        matte: ``(S, S)`` float32 0..1 of the character, or None when unknown.
        confidence: 0..1 that the points are right (1 for built-in avatars).
    """

    name: str
    rgb: RgbImage
    points: Points
    depth: Scores
    scores: Scores
    matte: NDArray[np.float32] | None = None
    confidence: float = 1.0


class Origin(Enum):
    """Who made a picture. There is no member for the camera, and there must never be one."""

    AVATAR = "avatar"
    IDLE = "idle"
    STANDBY = "standby"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """The only thing a sink accepts: made by the decoder and composer, or the standby card.

    Attributes:
        rgb: ``(H, W, 3)`` uint8 RGB.
        origin: Who made it.
        frame_index: Index of the driving frame; -1 when there is none.
        captured_at_s: Time of the driving frame (monotonic), for motion-to-photon.
        media_s: Presentation time of the driving frame.
    """

    rgb: RgbImage
    origin: Origin
    frame_index: int = -1
    captured_at_s: float = 0.0
    media_s: float = 0.0


class Source(Protocol):
    """Where frames come from. Thread: one reader."""

    @property
    def fps(self) -> float:
        """Nominal frames per second."""
        ...

    @property
    def num_frames(self) -> int | None:
        """Frames in all, or None when it does not end or is unknown."""
        ...

    def open(self) -> None:
        """Start. Raises ``SourceError``."""
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next (file) or newest unseen (live) frame; None after ``timeout_s`` without one.

        Raises:
            EOFError: the source has ended.
            SourceError: it broke.
        """
        ...

    def close(self) -> None:
        """Stop; idempotent."""
        ...


class Tracker(Protocol):
    """Reads performances from frames. Thread: its own, one caller."""

    def track(self, frame: Frame) -> Performance:
        """Return what the person in ``frame`` does; ``state`` says whether there is one."""
        ...

    def reset(self) -> None:
        """Forget the past (another clip, another camera)."""
        ...

    def close(self) -> None:
        """Release the native graphs; idempotent."""
        ...


class Sink(Protocol):
    """Where pictures go. Thread: ``send`` from the worker; it must not block on I/O."""

    def open(self) -> None:
        """Start. Raises ``SinkError``."""
        ...

    def send(self, picture: Picture) -> None:
        """Take a picture (newest wins). Raises ``TypeError`` for anything that is not a ``Picture``."""
        ...

    def close(self) -> None:
        """Finish what was taken and stop; idempotent."""
        ...


def control_indices(names: Sequence[str]) -> NDArray[np.int64]:
    """Return the rows of ``CONTROL_NAMES`` for ``names``. Raises ``KeyError`` for an unknown name."""
    return np.array([CONTROL_INDEX[name] for name in names], np.int64)


def mirrored_controls() -> list[int]:
    """Return for each control the row of ``CONTROL_NAMES`` that it becomes in a mirrored picture."""
    return [CONTROL_INDEX[_mirrored(name)] for name in CONTROL_NAMES]


def _mirrored(name: str) -> str:
    stem, _, number = name.rpartition("_")
    if stem == "contour":
        return f"contour_{8 - int(number)}"
    if stem in {"lip_outer", "lip_inner", "eye_left", "eye_right"}:
        other = {"eye_left": "eye_right", "eye_right": "eye_left"}.get(stem, stem)
        return f"{other}_{(4 - int(number)) % 8}"
    if stem in {"brow_left", "brow_right"}:
        other = "brow_right" if stem == "brow_left" else "brow_left"
        return f"{other}_{2 - int(number)}"
    if name.endswith("_left"):
        return name.removesuffix("_left") + "_right"
    return name.removesuffix("_right") + "_left" if name.endswith("_right") else name
