"""A session whose camera sees nothing but magenta, and outputs that look for it.

Every camera pixel is ``CAMERA_LIKE``, and no pixel of the built-in avatars, the card or the stage is: so a
single one in a preview, a recording or a virtual camera is a camera pixel that got out. The magenta face is
one that the real tracker follows.
"""

import time
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

from engine.clock import Clock, SystemClock
from engine.post.letterbox import letterbox
from engine.post.stage import BackdropKind, StageSettings
from engine.post.standby import standby_card
from engine.rooms import CameraSink, Studio
from engine.session import Session
from engine.settings import Settings
from engine.sinks.virtual_camera import VirtualCamera
from engine.sinks.virtual_camera_process import CameraOutput
from engine.sinks.virtual_camera_process import CameraSettings as DeviceSettings
from engine.standard_rooms import StandardRooms
from engine.status import SessionState
from engine.studio import open_studio
from engine.types import Frame, Origin, Performance, Picture, Source, Tracker

DARKEST = 160  # of a camera pixel's red and blue; its green is 0
FPS = 12.0
DEVICE_SIZE = (320, 180)  # small, so that the search costs the test machine little


def camera_pixels(rgb: np.ndarray) -> int:
    """How many pixels are camera-like: also after scaling, compression, and blending by half with grey."""
    red, green, blue = (rgb[..., channel].astype(np.int16) for channel in range(3))
    return int(((np.minimum(red, blue) - green > 70) & (np.minimum(red, blue) > 110)).sum())


@cache
def face() -> np.ndarray:
    """A real face (NASA, public domain) in shades of magenta, ``(480, 480, 3)``."""
    portrait = cv2.resize(data.astronaut()[:400, 40:440], (480, 480), interpolation=cv2.INTER_AREA)
    shade = DARKEST + portrait.mean(axis=-1) * (255 - DARKEST) / 255
    return np.stack([shade, np.zeros_like(shade), shade], axis=-1).astype(np.uint8)


@cache
def empty_room() -> np.ndarray:
    """Magenta stripes: a room with nobody in it."""
    rgb = np.zeros((480, 480, 3), np.uint8)
    rgb[..., 0] = rgb[..., 2] = np.linspace(DARKEST, 255, 480).astype(np.uint8)[:, None]
    rgb[::8] = (255, 0, 255)
    return rgb


class MagentaCamera:
    """A webcam in which somebody is to be seen, or not."""

    fps = FPS
    num_frames = None

    def __init__(self, clock: Clock, rooms: "MagentaRooms") -> None:
        self._clock = clock
        self._rooms = rooms
        self._index = -1
        self._start_s: float | None = None

    def open(self) -> None:
        """It is always open."""

    def read(self, timeout_s: float) -> Frame | None:
        now_s = self._clock.now_s()
        if self._start_s is None:
            self._start_s = now_s
        due_s = self._start_s + (self._index + 1) / FPS
        self._clock.sleep_s(min(max(due_s - now_s, 0.0), timeout_s))
        if due_s - now_s > timeout_s:
            return None
        self._index += 1
        rgb = face() if self._rooms.has_person else empty_room()
        return Frame(rgb.copy(), self._index, self._clock.now_s(), self._index / FPS)

    def close(self) -> None:
        """Nothing to close."""


class SpyDevice:
    """A virtual-camera device that writes down what it was asked to show: card, avatar, or leak."""

    def __init__(self, settings: DeviceSettings) -> None:
        assert settings.device is not None
        self.device = settings.device
        self._card = standby_card(settings.width, settings.height).rgb
        self._log = Path(settings.device).open("a", encoding="ascii")  # noqa: SIM115 - open for its life

    def send(self, frame: np.ndarray) -> None:
        # The session's own card comes letter-boxed, and so a little different from the device's.
        is_card = np.abs(frame.astype(np.int16) - self._card).mean() < 3
        word = "card" if is_card else "avatar"
        self._log.write(f"{'leak' if camera_pixels(frame) else word}\n")
        self._log.flush()

    def close(self) -> None:
        self._log.write("closed\n")
        self._log.close()


def open_spy_device(settings: DeviceSettings) -> CameraOutput:
    return SpyDevice(settings)


class SpySink:
    """Counts what comes by origin, and camera-like pixels in all of it."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self.leaked = 0

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        self.leaked += camera_pixels(picture.rgb)
        self.origins.append(picture.origin)

    def close(self) -> None:
        """Nothing to close."""


@cache
def studio() -> Studio:
    """The real networks, loaded once."""
    return open_studio(Settings())


class FaultyTracker:
    """The real tracker, until the rooms have a fault."""

    def __init__(self, tracker: Tracker, rooms: "MagentaRooms") -> None:
        self._tracker = tracker
        self._rooms = rooms

    def track(self, frame: Frame) -> Performance:
        if self._rooms.fault is not None:
            raise self._rooms.fault
        return self._tracker.track(frame)

    def reset(self) -> None:
        self._tracker.reset()

    def close(self) -> None:
        self._tracker.close()


class MagentaRooms(StandardRooms):
    """The real rooms, but for the camera at one end and the device at the other.

    ``has_person`` and ``fault`` may be changed while the session runs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.has_person = True
        self.fault: Exception | None = None

    @property
    def device_log(self) -> Path:
        return self.folder / "device.log"

    def open_source(self, _settings: Settings, clock: Clock) -> Source:
        return MagentaCamera(clock, self)

    def open_tracker(self, settings: Settings) -> Tracker:
        return FaultyTracker(super().open_tracker(settings), self)

    def open_studio(self, _settings: Settings) -> Studio:
        return studio()

    def virtual_camera(self, clock: Clock) -> CameraSink:
        width, height = DEVICE_SIZE
        settings = DeviceSettings(width=width, height=height, device=str(self.device_log), linger_s=1.0)
        return VirtualCamera(
            standby_card(width, height),
            fit=letterbox,
            folder=self.folder,
            settings=settings,
            clock=clock,
            open_output=open_spy_device,
        )


class Show:
    """A session on all its outputs, and what came out of them."""

    def __init__(self, rooms: MagentaRooms) -> None:
        self.rooms = rooms
        self.spy = SpySink()
        self.recording = rooms.folder / "show.mp4"
        stage = StageSettings(kind=BackdropKind.COLOUR)
        self.session = Session(Settings(source="0", stage=stage), rooms=rooms, clock=SystemClock())
        self.session._outlets.outputs.add(self.spy)

    def start(self) -> None:
        self.session.go_live()
        self.session.start_recording(self.recording)
        self.session.start()

    def recover(self) -> None:
        """Mend what a test broke, and wait until the person's avatar is on all outputs."""
        self.rooms.has_person, self.rooms.fault = True, None
        self.session.panic(False)
        if self.session.status().state in {SessionState.STOPPED, SessionState.ERROR}:
            self.session.restart()
        self.wait_for_avatar()

    def wait_for_avatar(self) -> None:
        """Wait until new pictures of the person's avatar are on all outputs."""
        sent, shown = len(self.spy.origins), len(self.device())
        self.wait(
            lambda: self.spy.origins[sent:].count(Origin.AVATAR) > 2 and "avatar" in self.device()[shown:]
        )

    def wait_for_card(self) -> None:
        """Wait until the virtual camera has shown nothing but the card for a while."""
        self.wait(lambda: set(self.device()[-10:]) == {"card"})

    def device(self) -> list[str]:
        """What the virtual camera was asked to show, in order."""
        return device_words(self.rooms.device_log)

    def wait(self, is_done: Callable[[], bool], seconds: float = 240.0) -> None:
        wait_until(is_done, seconds, lambda: f"{self.session.status()} {Counter(self.device())}")

    def assert_nothing_leaked(self) -> None:
        """Look for camera pixels in everything that came out so far."""
        assert self.spy.origins
        assert self.spy.leaked == 0
        assert self.device()
        assert "leak" not in self.device()


def device_words(log: Path) -> list[str]:
    """Whole lines only: the last one may be half written."""
    text = log.read_text(encoding="ascii") if log.exists() else ""
    return text[: text.rfind("\n") + 1].split()


def assert_no_camera_pixels(recording: Path) -> None:
    with av.open(str(recording)) as container:
        found = [camera_pixels(frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]
    assert found
    assert sum(found) == 0


def wait_until(is_done: Callable[[], bool], seconds: float, tell: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + seconds
    while not is_done():
        assert time.monotonic() < deadline, f"it did not happen in time: {tell()}"
        time.sleep(0.02)
