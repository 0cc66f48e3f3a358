"""The tracker that ships: MediaPipe's face on every frame; body, hands and matte in turn.

In: ``Frame``. Out: ``Performance``, which holds no pixels. Thread: one caller; the graphs use threads of
their own inside a call. Media time drives everything: a clip gives the same result however fast it is read.
"""

import numpy as np
from numpy.typing import NDArray

from engine.track.body import BodyFollower
from engine.track.face import FaceFollower, FaceReading
from engine.track.graphs import Graphs
from engine.track.presence import Presence
from engine.track.reading import performance_of
from engine.track.schedule import RateMeter, RoundRobin
from engine.track.settings import TrackSettings
from engine.track.window import FaceWindow
from engine.types import Frame, Performance, RgbImage, Tracker, TrackState

FACE, BODY, HANDS, MATTE = "face", "body", "hands", "matte"
_GOOD_SCORE = 0.02  # below this the mesh is noise, not a face


class MediaPipeTracker:
    """Implements ``types.Tracker``.

    Args:
        settings: What to read and how often. The graphs are built by ``warm_up`` or on the first frame.
    """

    def __init__(self, settings: TrackSettings) -> None:
        wanted = {
            BODY: settings.body_hz if settings.use_body else 0.0,
            HANDS: settings.hands_hz if settings.use_hands else 0.0,
            MATTE: settings.matte_hz if settings.use_matte else 0.0,
        }
        self._extras = tuple(name for name, rate in wanted.items() if rate)
        self._schedule = RoundRobin({name: wanted[name] for name in self._extras})
        self._meters = {name: RateMeter() for name in (FACE, *self._extras)}
        self._presence = Presence(settings.found_after, settings.lost_after_s)
        self._face = FaceFollower(settings.smooth)
        self._body = BodyFollower(settings.smooth)
        self._graphs = Graphs()
        self._aspect = 1.0
        self._size = (0, 0)
        self._window = FaceWindow(1, 1)
        self._last_s = float("-inf")
        self._held_face: FaceReading | None = None
        self._held_matte: NDArray[np.float32] | None = None

    def warm_up(self, width: int, height: int) -> None:
        """Build the graphs for pictures of this size and run each once, so that none is late (0.3 s)."""
        blank = np.zeros((height, width, 3), np.uint8)
        self._set_size(width, height)
        self._find_face(blank, 0.0)
        for name in self._extras:
            self._run_extra(name, blank, 0.0)
        self._forget()

    def rates_hz(self) -> dict[str, float]:
        """Return how often each reading ran over the last two seconds of media time, by name."""
        return {name: meter.rate_hz() for name, meter in self._meters.items()}

    def track(self, frame: Frame) -> Performance:
        """Return what the person in ``frame`` does; unless FOUND, the values are the last ones."""
        height, width = frame.rgb.shape[:2]
        self._set_size(width, height)
        if frame.media_s <= self._last_s:
            self.reset()  # another clip, or the same from its start
        self._last_s = frame.media_s
        extra = self._schedule.next(frame.media_s)
        if extra is not None:
            self._run_extra(extra, frame.rgb, frame.media_s)
            self._meters[extra].mark(frame.media_s)
        self._meters[FACE].mark(frame.media_s)
        state = self._follow_face(frame)
        body = self._body.read(self._aspect, frame.media_s)
        return performance_of(frame, state, self._held_face, body, self._aspect, self._held_matte)

    def reset(self) -> None:
        """Forget the past (another clip, another camera); the graphs start anew too."""
        self._graphs.close()
        self._forget()

    def close(self) -> None:
        """Release the native graphs; idempotent."""
        self._graphs.close()

    def _forget(self) -> None:
        self._presence.reset()
        self._schedule.reset()
        self._face.reset()
        self._body.reset()
        for meter in self._meters.values():
            meter.reset()
        self._last_s = float("-inf")
        self._held_face = self._held_matte = None
        self._window = FaceWindow(*self._size)

    def _set_size(self, width: int, height: int) -> None:
        if (width, height) != self._size:
            self._size = (width, height)
            self._aspect = width / height
            self._window = FaceWindow(width, height)
            self._graphs.close()
            self._graphs = Graphs(self._aspect)

    def _run_extra(self, name: str, rgb: RgbImage, at_s: float) -> None:
        if name == BODY:
            pose = self._graphs.pose(self._window.cut(rgb), at_s)
            self._body.take_pose(None if pose is None else self._placed(pose))
        elif name == HANDS:
            self._body.take_hands(self._placed(self._graphs.hands(self._window.cut(rgb), at_s)))
        else:
            self._held_matte = self._graphs.matte(rgb, at_s)

    def _placed(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return rows that begin with x and y of the window with those of the picture."""
        return np.column_stack([self._window.to_picture(rows[:, :2]), rows[:, 2:]])

    def _find_face(self, rgb: RgbImage, at_s: float) -> NDArray[np.float64] | None:
        """Return the mesh in fractions of the picture (z in its widths), or None."""
        mesh = self._graphs.face(self._window.cut(rgb), at_s)
        if mesh is None:
            self._window.missed()
            return None
        placed = self._window.to_picture(mesh)
        self._window.found(mesh)
        return placed

    def _follow_face(self, frame: Frame) -> TrackState:
        mesh = self._find_face(frame.rgb, frame.media_s)
        if mesh is None:
            was_found = self._presence.state is TrackState.FOUND
            state = self._presence.update(False, frame.media_s)
            if was_found and state is TrackState.LOST:
                self._face.reset()
            return state
        reading = self._face.read(mesh, self._aspect, frame.media_s)
        if reading.score >= _GOOD_SCORE:
            self._held_face = reading
        return self._presence.update(reading.score >= _GOOD_SCORE, frame.media_s)


def open_tracker(settings: TrackSettings) -> Tracker:
    """Return the tracker for these settings, built when its first frame comes."""
    return MediaPipeTracker(settings)
