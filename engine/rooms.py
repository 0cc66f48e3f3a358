"""What a session needs from the rooms, as it asks for it; ``standard_rooms.py`` has the real ones.

The session holds no library of its own: cameras, trackers, networks and files come through this protocol, so
that its whole life can be tested with fakes.
"""

from fractions import Fraction
from pathlib import Path
from typing import Protocol

from engine.clock import Clock
from engine.pipeline import Composer, Conditioner, Machinery
from engine.settings import Quality, Settings, StageSettings
from engine.sinks.recorder_settings import RecordingReport
from engine.stand_in import Ease, Performer, RestingActor
from engine.types import Avatar, Picture, RgbImage, Sink, Source, Tracker


class Driver(Performer, Protocol):
    """The performer that a session keeps: its calibration outlives a change of avatar."""

    mirror: bool

    def set_avatar(self, avatar: Avatar) -> None:
        """Drive another avatar from the next frame on."""
        ...

    def calibrate(self) -> None:
        """Learn the neutral face again from the next second."""
        ...


class Studio(Protocol):
    """The networks, loaded once and kept for every quality and avatar. Thread: one caller at a time."""

    @property
    def runtime_text(self) -> str:
        """One sentence: which library runs the networks, how, and why."""
        ...

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        """Return buffer and decoder for ``quality``, compiled. Slow: seconds."""
        ...

    def conditioner(self, avatar: Avatar, size: int) -> Conditioner:
        """Return ``avatar`` as tensors for pictures of ``size``. Slow: half a second."""
        ...


class RecordingSink(Sink, Protocol):
    """A recorder."""

    @property
    def report(self) -> RecordingReport | None:
        """What was written, once it is closed."""
        ...

    def keep_old(self, label: str = ...) -> None:
        """Leave an older file of this name alone; ``label`` names what is then kept beside it."""
        ...

    def finish(self) -> RecordingReport:
        """Write everything and the sound to its end. Raises ``SinkError``."""
        ...


class CameraSink(Sink, Protocol):
    """A virtual camera."""

    def heartbeat(self) -> None:
        """Say that the engine lives."""
        ...

    def panic(self, is_on: bool) -> None:
        """Hold the standby card, whatever is sent."""
        ...


class Rooms(Protocol):
    """Builds the parts. Thread: any, one caller for each method at a time."""

    def check(self, settings: Settings) -> None:
        """Refuse what can be seen to fail before anything heavy is loaded; no camera is opened.

        Raises:
            SourceError: the clip cannot be read.
            WeightsError: files of the chosen model or tracker are missing.
            SettingsError: the stage's picture cannot be read.
        """
        ...

    def way_out_when_slow(self, settings: Settings) -> str:
        """Return in a sentence what paints faster than ``settings``, or paints at all on a slow machine."""
        ...

    @property
    def ease(self) -> Ease:
        """Between two controls."""
        ...

    def card(self, width: int, height: int) -> Picture:
        """Return the standby card."""
        ...

    def load_avatar(self, spec: str) -> Avatar:
        """Return a built-in avatar by name, or one from a picture file. Raises ``AvatarError``."""
        ...

    def open_source(self, settings: Settings, clock: Clock) -> Source:
        """Open and return the source of ``settings``. Raises ``SourceError``."""
        ...

    def open_tracker(self, settings: Settings) -> Tracker:
        """Return a tracker, ready for its first frame."""
        ...

    def open_studio(self, settings: Settings) -> Studio:
        """Load the networks. Slow: seconds. Raises ``WeightsError``, ``RuntimeMissingError``."""
        ...

    def driver(self, avatar: Avatar, *, mirror: bool) -> Driver:
        """Return a performer for ``avatar``."""
        ...

    def resting(self, avatar: Avatar) -> RestingActor:
        """Return ``avatar`` by itself."""
        ...

    def composer(self, stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> Composer:
        """Return the stage at ``size`` (width, height).

        Args:
            stage: What stands behind the avatar.
            size: Of the pictures.
            plate: The avatar's own background, for a stage that shows it.

        Raises:
            SettingsError: the stage's picture cannot be read.
        """
        ...

    def recorder(
        self, path: Path, size: tuple[int, int], rate: Fraction, *, sound: Path | None, is_live: bool
    ) -> RecordingSink:
        """Return a recorder, not open yet."""
        ...

    def virtual_camera(self, clock: Clock) -> CameraSink:
        """Return the virtual camera, not open yet."""
        ...

    def save_picture(self, picture: Picture, path: Path) -> None:
        """Write a PNG. Raises ``SinkError``."""
        ...
