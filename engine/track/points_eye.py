"""Depth without a depth network: MediaPipe's points and matte of each frame, for Live2Diff.

Frame -> tracker -> Performance -> depth_from_points -> map. Thread: the tracker's.
"""

from engine.settings import Settings
from engine.track.depth_points import DepthMap, depth_from_points
from engine.track.mediapipe_tracker import MediaPipeTracker
from engine.track.settings import TrackSettings
from engine.types import Frame, Tracker

_HEIGHT = 192  # of the map in pixels: it is smooth, and becomes latents of at most 64 cells


class PointsEye:
    """Reads depth off tracked points.

    Args:
        tracker: Who tracks, with the matte.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def read(self, frame: Frame) -> DepthMap:
        """Return the frame's depth, ``(192, w)`` 0..1, near is large."""
        performance = self._tracker.track(frame)
        return depth_from_points(performance, (_HEIGHT, max(1, round(_HEIGHT * performance.aspect))))

    def reset(self) -> None:
        """Forget the past."""
        self._tracker.reset()

    def close(self) -> None:
        """Release the tracker."""
        self._tracker.close()


def open_points_eye(settings: Settings) -> PointsEye:
    """Return an eye, ready for its first frame."""
    tracker = MediaPipeTracker(TrackSettings(use_matte=True))
    tracker.warm_up(settings.camera.width, settings.camera.height)
    return PointsEye(tracker)
