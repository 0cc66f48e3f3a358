"""DWPose as a tracker: the whole body by networks that the user has fetched.

In: ``Frame``. Out: ``Performance``, which holds no pixels. The person is looked for now and then and whenever
lost; in between the box follows the points. Pupils are not seen: the gaze is straight. Thread: one caller.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine.track.body import BodyFollower
from engine.track.dwpose import Box, Dwpose, WholeBody
from engine.track.face import FaceFollower, FaceReading
from engine.track.flat_face import fit_flat_head, lifted
from engine.track.measure import tracking_quality
from engine.track.presence import Presence
from engine.track.reading import performance_of
from engine.track.settings import TrackSettings
from engine.types import Frame, Performance, TrackState

Array = NDArray[np.float64]

_FACE = slice(23, 91)  # of the 133 points
# Rows of the body (the person's own sides), in the order left, right of the picture.
_ROWS = (6, 5, 8, 7, 10, 9)
_MESH_ROWS = 33  # of the pose that ``BodyFollower`` takes, and the rows it reads there
_MESH = (12, 11, 14, 13, 16, 15)
_SURE = 0.3
_DETECT_EVERY_S = 0.5
_FACE_TO_BOX = 0.02  # least extent of a box in pictures


class DwposeTracker:
    """Implements ``types.Tracker``.

    Args:
        settings: Smoothing and presence; rates of other trackers' parts do not matter.
        folder: Where the networks' files lie.
        num_threads: Threads of one call.

    Raises:
        WeightsError: a file is missing, damaged or of another network.
    """

    def __init__(self, settings: TrackSettings, folder: Path, num_threads: int = 1) -> None:
        self._networks = Dwpose(folder, num_threads)
        self._presence = Presence(settings.found_after, settings.lost_after_s)
        self._face = FaceFollower(settings.smooth)
        self._body = BodyFollower(settings.smooth)
        self._held: FaceReading | None = None
        self._box: Box | None = None
        self._detected_at_s = float("-inf")
        self._last_s = float("-inf")

    def track(self, frame: Frame) -> Performance:
        """Return what the person in ``frame`` does; unless FOUND, the values are the last ones."""
        if frame.media_s <= self._last_s:
            self.reset()  # another clip, or the same from its start
        self._last_s = frame.media_s
        height, width = frame.rgb.shape[:2]
        aspect = width / height
        seen = self._see(frame)
        self._body.take_pose(None if seen is None else _as_pose(seen))
        is_good = seen is not None and self._read_face(seen, aspect, frame.media_s)
        was_found = self._presence.state is TrackState.FOUND
        state = self._presence.update(is_good, frame.media_s)
        if was_found and state is TrackState.LOST:
            self._face.reset()
        body = self._body.read(aspect, frame.media_s)
        return performance_of(frame, state, self._held, body, aspect)

    def reset(self) -> None:
        """Forget the past (another clip, another camera)."""
        self._presence.reset()
        self._face.reset()
        self._body.reset()
        self._held = self._box = None
        self._detected_at_s = self._last_s = float("-inf")

    def close(self) -> None:
        """Nothing to release before this object goes."""

    def _see(self, frame: Frame) -> WholeBody | None:
        if self._box is None or frame.media_s - self._detected_at_s >= _DETECT_EVERY_S:
            self._box = self._networks.find_person(frame.rgb)
            self._detected_at_s = frame.media_s
        height, width = frame.rgb.shape[:2]
        # Nobody found: the whole picture, as the published program does; a close face needs no body.
        box = self._box or Box(left=0.0, top=0.0, right=float(width), bottom=float(height))
        seen = self._networks.read_body(frame.rgb, box)
        if not (seen.scores[_FACE] > _SURE).any():
            self._box = None
            return None
        self._box = _around(seen, width, height)
        return seen

    def _read_face(self, seen: WholeBody, aspect: float, at_s: float) -> bool:
        face, is_sure = seen.points[_FACE] * (aspect, 1.0), seen.scores[_FACE] > _SURE
        fit = fit_flat_head(face, is_sure)
        if fit is None:
            return False
        points = lifted(face, is_sure, fit)
        quality = tracking_quality(fit, points, aspect, self._face.speed(fit, at_s))
        score = quality * float(is_sure.mean())
        if score <= 0.0:
            return False
        self._held = self._face.follow(fit, points, score, aspect, at_s)
        return True


def _as_pose(seen: WholeBody) -> Array:
    """Return the body in the rows that ``BodyFollower`` reads: x, y, and a score as two factors."""
    pose = np.zeros((_MESH_ROWS, 4))
    pose[list(_MESH), :2] = seen.points[list(_ROWS)]
    pose[list(_MESH), 2] = seen.scores[list(_ROWS)]
    pose[list(_MESH), 3] = 1.0
    return pose


def _around(seen: WholeBody, width: int, height: int) -> Box | None:
    """Return the box of the sure points, in pixels; None when they have no extent."""
    sure = seen.points[seen.scores > _SURE]
    corner, end = sure.min(axis=0), sure.max(axis=0)
    if (end - corner < _FACE_TO_BOX).any():
        return None
    return Box(
        left=float(corner[0]) * width,
        top=float(corner[1]) * height,
        right=float(end[0]) * width,
        bottom=float(end[1]) * height,
    )
