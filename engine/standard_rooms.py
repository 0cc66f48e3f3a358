"""The real rooms. Each heavy library is imported when its room is first entered, never at the start."""

from collections.abc import Callable
from fractions import Fraction
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import Clock, SystemClock
from engine.errors import AvatarError, SettingsError, WeightsError
from engine.paths import cache_dir
from engine.pipeline import Composer
from engine.rooms import CameraSink, Driver, RecordingSink, Studio
from engine.settings import (
    CHUNKS,
    DEFAULT_AVATAR_NAME,
    LEVELS,
    SAMPLE_CLIP,
    SIZES,
    Model,
    Pace,
    Settings,
    StageSettings,
    TrackerChoice,
)
from engine.stand_in import Ease, RestingActor
from engine.types import Avatar, Picture, RgbImage, Source, Tracker

if TYPE_CHECKING:
    from engine.capture.cameras import CameraInfo

_PROBE_SIZE = (16, 16)

# ruff: noqa: PLC0415 - rooms load OpenCV, MediaPipe, PyAV or torch: only when they are entered


def avatar_names() -> tuple[str, ...]:
    """Return the built-in avatars in gallery order."""
    from engine.capture.avatars import built_in_names

    return tuple(built_in_names())


def load_avatar(spec: str) -> Avatar:
    """Return an avatar: a built-in one by name, or the user's own from a picture file.

    Raises:
        AvatarError: there is no such name and no such file, or the picture cannot be used.
        NoFaceError: the picture shows no face.
    """
    from engine.capture.avatars import DEFAULT_AVATAR, built_in_names, load_built_in

    name = DEFAULT_AVATAR if spec == DEFAULT_AVATAR_NAME else spec
    if name in built_in_names():
        return load_built_in(name)
    path = Path(name)
    if not path.is_file():
        raise AvatarError(
            f"There is no avatar named {name!r} and no such file.",
            hint=f"Choose one of {', '.join(built_in_names())}, or give the path of a picture.",
        )
    return _own_avatar(path)


def _own_avatar(path: Path) -> Avatar:
    from engine.capture.picture import read_picture
    from engine.condition.portrait import avatar_from_picture
    from models.checkpoints.pocket import PocketWeightsError, load_portrait

    picture = read_picture(path)
    try:
        with as_file(files("assets") / "pocket" / "portrait.safetensors") as weights:
            network = load_portrait(weights)
    except (PocketWeightsError, FileNotFoundError) as error:
        raise WeightsError(f"{error}.", hint="Install Understudy again: its weights are missing.") from error
    return avatar_from_picture(path.stem, picture.rgb, network, picture.alpha)


def avatar_to_place(path: Path) -> Avatar:
    """Return a picture in which no face is found as an avatar, for a person to place its points.

    Args:
        path: A picture.

    Returns:
        The whole picture, squared, under the default avatar's points; confidence 0.

    Raises:
        AvatarError: the picture cannot be used.
    """
    from engine.capture.avatars import DEFAULT_AVATAR, load_built_in
    from engine.capture.picture import read_picture
    from engine.condition.portrait import avatar_by_hand

    picture = read_picture(path)
    return avatar_by_hand(path.stem, picture.rgb, load_built_in(DEFAULT_AVATAR), picture.alpha)


def list_cameras() -> "list[CameraInfo]":
    """Return the cameras by number; under a millisecond on Linux, up to a second each elsewhere."""
    from engine.capture.cameras import list_cameras as list_all

    return list_all()


def source_clip(spec: str) -> Path | None:
    """Return the file behind a source, or None for a camera or a stream."""
    if spec == SAMPLE_CLIP:
        from engine.capture.sample import sample_clip_path

        return sample_clip_path()
    path = Path(spec.removeprefix("file:"))
    return path if path.is_file() else None


def _pocket_studio(settings: Settings) -> Studio:
    from engine.studio import open_studio

    return open_studio(settings)


def _rain_studio(settings: Settings) -> Studio:
    from engine.rain_studio import open_rain_studio

    return open_rain_studio(settings)


_STUDIOS: dict[Model, Callable[[Settings], Studio]] = {
    Model.POCKET: _pocket_studio,
    Model.RAIN: _rain_studio,
}


def _mediapipe(settings: Settings) -> Tracker:
    from engine.track.mediapipe_tracker import MediaPipeTracker
    from engine.track.settings import TrackSettings

    tracker = MediaPipeTracker(TrackSettings())
    tracker.warm_up(settings.camera.width, settings.camera.height)
    return tracker


def _dwpose(_settings: Settings) -> Tracker:
    from engine.paths import models_dir
    from engine.track.dwpose_tracker import DwposeTracker
    from engine.track.settings import TrackSettings

    return DwposeTracker(TrackSettings(), models_dir() / "dwpose")


_TRACKERS: dict[TrackerChoice, Callable[[Settings], Tracker]] = {
    TrackerChoice.MEDIAPIPE: _mediapipe,
    TrackerChoice.DWPOSE: _dwpose,
}


def _check_rain(settings: Settings) -> None:
    from engine.rain_files import check_rain_files, rain_folder

    check_rain_files(rain_folder(settings))


def _check_dwpose() -> None:
    from engine.paths import models_dir
    from engine.track.dwpose_files import find_files

    find_files(models_dir() / "dwpose")


class StandardRooms:
    """Builds the real parts. See ``rooms.Rooms``."""

    def check(self, settings: Settings) -> None:
        """Refuse what can be seen to fail before anything is loaded. See ``rooms.Rooms``."""
        import numpy as np

        from engine.capture.sources import is_camera

        if is_camera(settings.source) and settings.loop:
            raise SettingsError(
                f"The camera {settings.source} has no end to start again from.",
                hint="Leave --loop out, or give a clip.",
            )
        if not is_camera(settings.source):
            self.open_source(settings, SystemClock()).close()
        self.composer(settings.stage, _PROBE_SIZE, np.zeros((*_PROBE_SIZE, 3), np.uint8))
        if settings.model is Model.RAIN:
            _check_rain(settings)
        if settings.tracker is TrackerChoice.DWPOSE:
            _check_dwpose()

    def way_out_when_slow(self, settings: Settings) -> str:
        """Return what paints faster. See ``rooms.Rooms``."""
        quality = settings.quality
        choices = [
            *(("the pocket model",) if settings.model is not Model.POCKET else ()),
            *(("a smaller size",) if quality.size > min(SIZES) else ()),
            *(("fewer levels",) if quality.levels > min(LEVELS) else ()),
            *(("a smaller chunk",) if quality.chunk > min(CHUNKS) else ()),
        ]
        live = f"Choose {' or '.join(choices)}" if choices else "Close other programs"
        return f"{live}, or make a clip instead, which takes its time: `understudy animate`."

    @property
    def ease(self) -> Ease:
        """Between two controls."""
        from engine.retarget.idle import ease

        return ease

    def card(self, width: int, height: int) -> Picture:
        """Return the standby card."""
        from engine.post.standby import standby_card

        return standby_card(width, height)

    def load_avatar(self, spec: str) -> Avatar:
        """Return an avatar by name or from a picture. Raises ``AvatarError`` or ``NoFaceError``."""
        return load_avatar(spec)

    def open_source(self, settings: Settings, clock: Clock) -> Source:
        """Open and return the source. Raises ``SourceError``."""
        from engine.capture.sources import open_source

        is_live = settings.pace is Pace.LIVE
        return open_source(settings.source, is_live, clock, settings.camera, loop=settings.loop)

    def open_tracker(self, settings: Settings) -> Tracker:
        """Return a tracker, ready for its first frame. Raises ``WeightsError`` without its files."""
        return _TRACKERS[settings.tracker](settings)

    def open_studio(self, settings: Settings) -> Studio:
        """Load the networks. Raises ``WeightsError`` or ``RuntimeMissingError``."""
        return _STUDIOS[settings.model](settings)

    def driver(self, avatar: Avatar, *, mirror: bool) -> Driver:
        """Return a performer for ``avatar``."""
        from engine.retarget.retargeter import Retargeter
        from engine.retarget.settings import RetargetSettings

        return Retargeter(avatar, RetargetSettings(mirror=mirror))

    def resting(self, avatar: Avatar) -> RestingActor:
        """Return ``avatar`` by itself."""
        from engine.retarget.idle import IdleActor

        return IdleActor(avatar)

    def composer(self, stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> Composer:
        """Return the stage at ``size``. Raises ``SettingsError``."""
        from engine.post.compose import Composer as StageComposer

        return StageComposer(stage, size, plate)

    def recorder(
        self, path: Path, size: tuple[int, int], rate: Fraction, *, sound: Path | None, is_live: bool
    ) -> RecordingSink:
        """Return a recorder, not open yet."""
        from engine.post.letterbox import letterbox
        from engine.sinks.recorder import Recorder
        from engine.sinks.recorder_settings import Backlog, MovieSettings

        backlog = Backlog.DROP if is_live else Backlog.WAIT
        settings = MovieSettings(size=size, rate=rate)
        return Recorder(path, settings, fit=letterbox, backlog=backlog, sound=sound)

    def virtual_camera(self, clock: Clock) -> CameraSink:
        """Return the virtual camera, not open yet."""
        from engine.post.letterbox import letterbox
        from engine.post.standby import standby_card
        from engine.sinks.virtual_camera import VirtualCamera
        from engine.sinks.virtual_camera_process import CameraSettings

        settings = CameraSettings()
        card = standby_card(settings.width, settings.height)
        return VirtualCamera(card, fit=letterbox, folder=cache_dir(), settings=settings, clock=clock)

    def save_picture(self, picture: Picture, path: Path) -> None:
        """Write a PNG. Raises ``SinkError``."""
        from engine.sinks.snapshot import save_png

        save_png(picture, path)
