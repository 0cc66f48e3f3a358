"""What a user may choose for one session: frozen, checked when built, resolved once.

The first line of each field's note is its tool tip: unit, range, effect on look and on speed. Settings of one
room live in that room (``TrackSettings``, ``BufferSettings``, ``StageSettings``); the choices here are those
that a user meets in the window or on the command line. No heavy library is imported.
"""

from dataclasses import dataclass, field, fields
from enum import Enum

from engine.errors import SettingsError
from engine.post.stage import BackdropKind, StageSettings

__all__ = [
    "CHUNKS",
    "DEFAULT_AVATAR_NAME",
    "DEFAULT_QUALITY",
    "LEVELS",
    "QUALITIES",
    "SAMPLE_CLIP",
    "SIZES",
    "BackdropKind",  # with StageSettings: the window and the command line need not know their room
    "CameraSettings",
    "LossSettings",
    "Model",
    "Pace",
    "Precision",
    "Quality",
    "RuntimeChoice",
    "Settings",
    "StageSettings",
    "TrackerChoice",
    "tips",
]

SAMPLE_CLIP = "sample"
"""The source that stands for the bundled sample clip."""

DEFAULT_AVATAR_NAME = "default"
"""The avatar that stands for the first of the built-in ones."""

SIZES = (256, 384, 512)
LEVELS = (1, 2, 3, 4)
CHUNKS = (1, 2, 4)


class Model(Enum):
    """Which networks paint."""

    POCKET = "pocket"  # built in
    RAIN = "rain"  # released weights, which the user has fetched


class TrackerChoice(Enum):
    """Who reads the person."""

    MEDIAPIPE = "mediapipe"  # ships
    DWPOSE = "dwpose"  # whole body, slower; the user has fetched its files


class RuntimeChoice(Enum):
    """Which library runs the networks."""

    AUTO = "auto"  # OpenVINO where it can be loaded, else torch
    OPENVINO = "openvino"
    TORCH = "torch"


class Precision(Enum):
    """The arithmetic of the networks."""

    AUTO = "auto"  # bf16 where the processor has it, else f32
    BF16 = "bf16"
    F32 = "f32"


class Pace(Enum):
    """What to do when frames arrive faster than they can be painted."""

    LIVE = "live"  # newest wins, the rest is dropped and counted
    OFFLINE = "offline"  # every frame in order, as fast as it goes


def _check_choice(name: str, value: int, allowed: tuple[int, ...]) -> None:
    if value not in allowed:
        choices = ", ".join(str(choice) for choice in allowed)
        raise SettingsError(f"{name} is {value}.", hint=f"Choose one of {choices}.")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise SettingsError(
            f"{name} is {value if isinstance(value, int) else f'{value:.10g}'}.",
            hint=f"Choose a value from {low:.10g} to {high:.10g}.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Quality against latency."""

    size: int = field(
        default=256,
        metadata={
            "tip": "Side of the painted picture in pixels: 256, 384 or 512. Larger is finer and slower."
        },
    )
    levels: int = field(
        default=1,
        metadata={
            "tip": "Rows of the rolling buffer: 1 to 4. More rows paint finer, cost a forward each, "
            "and delay by one chunk each."
        },
    )
    chunk: int = field(
        default=1,
        metadata={"tip": "Frames in a row: 1, 2 or 4. Larger chunks are steadier and wait for their frames."},
    )

    def __post_init__(self) -> None:
        _check_choice("The size", self.size, SIZES)
        _check_choice("The number of levels", self.levels, LEVELS)
        _check_choice("The chunk", self.chunk, CHUNKS)

    @property
    def delay_frames(self) -> int:
        """Frames that the buffer holds back: ``levels * chunk - 1``."""
        return self.levels * self.chunk - 1


QUALITIES: dict[str, Quality] = {
    "fastest": Quality(size=256, levels=1, chunk=1),
    "steady": Quality(size=256, levels=2, chunk=1),
    "fine": Quality(size=384, levels=1, chunk=1),
    "finest": Quality(size=512, levels=2, chunk=1),
}
"""Named stops of the slider from low latency to high quality."""

DEFAULT_QUALITY: dict[Model, Quality] = {
    Model.POCKET: Quality(),
    Model.RAIN: Quality(size=512, levels=4, chunk=4),
}
"""What a model was published with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraSettings:
    """What to ask a camera for; it may give something else."""

    width: int = field(default=640, metadata={"tip": "Width asked of the camera in pixels, 160 to 3840."})
    height: int = field(default=480, metadata={"tip": "Height asked of the camera in pixels, 120 to 2160."})
    fps: float = field(
        default=30.0,
        metadata={"tip": "Frames per second asked of the camera, 5 to 120. More is smoother and costs CPU."},
    )

    def __post_init__(self) -> None:
        _check_range("The camera's width", self.width, 160, 3840)
        _check_range("The camera's height", self.height, 120, 2160)
        _check_range("The camera's rate", self.fps, 5, 120)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossSettings:
    """What happens when nobody is to be seen."""

    hold_s: float = field(
        # The tracker says "lost" after 0.15 s without a face (TrackSettings.lost_after_s); both make 0.3 s.
        default=0.15,
        metadata={"tip": "Seconds for which the last pose is held, 0 to 0.3. Then the avatar eases to rest."},
    )
    ease_s: float = field(
        default=0.6,
        metadata={"tip": "Seconds from the last pose to rest and back, 0.05 to 5. Longer is calmer."},
    )

    def __post_init__(self) -> None:
        _check_range("The hold", self.hold_s, 0.0, 0.3)
        _check_range("The easing time", self.ease_s, 0.05, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that one session is built from. Hot changes make a new one with ``dataclasses.replace``."""

    source: str = field(
        default=SAMPLE_CLIP,
        metadata={"tip": "Your camera's number (0 or camera:0), a clip's path (or file:PATH), or sample."},
    )
    avatar: str = field(
        default=DEFAULT_AVATAR_NAME,
        metadata={"tip": "Who is on stage: a built-in avatar's name, or the path of a picture."},
    )
    pace: Pace = field(
        default=Pace.LIVE,
        metadata={"tip": "live drops what is late; offline paints every frame, however long it takes."},
    )
    mirror: bool = field(
        default=False, metadata={"tip": "Whether the avatar moves like your mirror picture. Costs nothing."}
    )
    model: Model = field(
        default=Model.POCKET,
        metadata={"tip": "Networks that paint: pocket (built in) or rain (large; its weights are fetched)."},
    )
    weights: str = field(
        default="",
        metadata={"tip": "Folder of a fetched model's weights; empty: the models folder. Pocket needs none."},
    )
    guidance: float = field(
        default=2.5,
        metadata={
            "tip": "How closely rain keeps to its conditions, 1 to 10. Costs nothing; pocket has none."
        },
    )
    tracker: TrackerChoice = field(
        default=TrackerChoice.MEDIAPIPE,
        metadata={"tip": "Who reads the person: mediapipe (quick, ships) or dwpose (slow; it is fetched)."},
    )
    avatar_fade_s: float = field(
        default=0.0,
        metadata={"tip": "Seconds in which another avatar replaces the present one, 0 (a cut) to 3."},
    )
    quality: Quality = field(default_factory=Quality)
    stage: StageSettings = field(default_factory=StageSettings)
    camera: CameraSettings = field(default_factory=CameraSettings)
    loss: LossSettings = field(default_factory=LossSettings)
    runtime: RuntimeChoice = field(
        default=RuntimeChoice.AUTO,
        metadata={"tip": "Library that runs the networks: auto, openvino (fast on processors) or torch."},
    )
    precision: Precision = field(
        default=Precision.AUTO,
        metadata={"tip": "Arithmetic of the networks: auto, bf16 (about twice as fast) or f32 (exact)."},
    )
    loop: bool = field(
        default=False,
        metadata={"tip": "Whether a clip that is played live starts again at its end. Costs nothing."},
    )
    seed: int = field(
        default=0,
        metadata={"tip": "Seed of the noise, 0 to 4294967295. The same seed gives the same pictures."},
    )
    picture_size: tuple[int, int] | None = field(
        default=None,
        metadata={
            "tip": "Width and height of the composed picture in pixels, even; none: square, as painted. "
            "The virtual camera letter-boxes what it gets."
        },
    )

    def __post_init__(self) -> None:
        if not self.source:
            raise SettingsError(
                "The source is empty.", hint="Give a camera's number, a clip's path, or sample."
            )
        if not self.avatar:
            raise SettingsError(
                "The avatar is empty.", hint="Give a built-in avatar's name or a picture's path."
            )
        _check_range("The seed", self.seed, 0, 2**32 - 1)
        _check_range("The guidance", self.guidance, 1.0, 10.0)
        _check_range("The fade", self.avatar_fade_s, 0.0, 3.0)
        if self.picture_size is not None:
            for side in self.picture_size:
                _check_range("A side of the picture", side, 64, 4096)
            _check_even(*self.picture_size)

    @property
    def composed_size(self) -> tuple[int, int]:
        """Width and height of the pictures that leave."""
        return self.picture_size or (self.quality.size, self.quality.size)


def _check_even(width: int, height: int) -> None:
    if width % 2 or height % 2:
        raise SettingsError(
            f"The picture is {width}x{height}, and a movie's sides are even.",
            hint=f"Make it {width - width % 2}x{height - height % 2}.",
        )


def tips(settings_type: type) -> dict[str, str]:
    """Return the tool tip of each field of a settings class that has one, by field name."""
    return {f.name: f.metadata["tip"] for f in fields(settings_type) if "tip" in f.metadata}
