"""The tracker on the bundled clip, against the script that the clip was acted from.

The script's numbers are those of the warp, not of a skull: the warp has a photograph's pixels only, so that a
turn of the head is read smaller than it was acted. What counts is that each value follows its own part.
"""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.capture.file import FileSource
from engine.capture.sample import sample_clip_path
from engine.clock import FakeClock
from engine.track.mediapipe_tracker import MediaPipeTracker
from engine.track.settings import TrackSettings
from engine.types import Performance, TrackState
from tests.fixtures.sample_clip.script import BLINKS_S, FPS, NUM_FRAMES, pose_at

Array = NDArray[np.float64]
FIRST_BLINK = round((BLINKS_S[0] + 0.04) * FPS)


@dataclass(frozen=True)
class Seen:
    """What was tracked, frame by frame, beside what was acted."""

    performances: list[Performance]

    def head(self, name: str) -> Array:
        return np.array([getattr(performance.head, name) for performance in self.performances])

    def expression(self, name: str) -> Array:
        return np.array([getattr(performance.expression, name) for performance in self.performances])

    def acted(self, name: str) -> Array:
        return np.array([getattr(pose_at(index / FPS), name) for index in range(len(self.performances))])

    def correlation(self, acted: str, tracked: Array) -> float:
        """Of the acted value with the tracked one, which may be up to two frames late."""
        script = self.acted(acted)
        return max(
            float(np.corrcoef(script[: len(script) - late], tracked[late:])[0, 1]) for late in range(3)
        )


def track(num_frames: int, settings: TrackSettings) -> Seen:
    source, tracker = FileSource(sample_clip_path(), FakeClock()), MediaPipeTracker(settings)
    performances = []
    try:
        source.open()
        for _ in range(num_frames):
            frame = source.read(0.0)
            assert frame is not None
            performances.append(tracker.track(frame))
    finally:
        tracker.close()
        source.close()
    return Seen(performances)


@pytest.fixture(scope="module")
def start() -> Seen:
    """The neutral second and the first blink."""
    return track(56, TrackSettings(use_body=False))


@pytest.fixture(scope="module")
def whole() -> Seen:
    return track(NUM_FRAMES, TrackSettings())


def test_the_first_frames_are_tracked(start: Seen) -> None:
    assert {performance.state for performance in start.performances[1:]} == {TrackState.FOUND}
    assert min(performance.face_score for performance in start.performances[1:]) > 0.8


def test_the_first_second_is_neutral(start: Seen) -> None:
    second = slice(3, FPS)
    for angle in ("yaw_deg", "pitch_deg", "roll_deg"):
        assert np.ptp(start.head(angle)[second]) < 1.5
    assert start.expression("mouth_open")[second].max() < 0.05
    assert start.expression("eye_open_left")[second].min() > 0.25


def test_the_first_blink_is_seen(start: Seen) -> None:
    for side in ("left", "right"):
        openness = start.expression(f"eye_open_{side}")
        assert openness[FIRST_BLINK - 2 : FIRST_BLINK + 4].min() < 0.12
        assert openness[-5:].min() > 0.25


@pytest.mark.slow
def test_every_frame_is_tracked(whole: Seen) -> None:
    assert len(whole.performances) == NUM_FRAMES
    assert {performance.state for performance in whole.performances[1:]} == {TrackState.FOUND}
    assert min(performance.face_score for performance in whole.performances[1:]) > 0.8
    assert min(performance.body_score for performance in whole.performances[5:]) > 0.8


@pytest.mark.slow
def test_every_blink_is_seen_and_nothing_else_is_one(whole: Seen) -> None:
    openness = whole.expression("eye_open_left")
    is_shut = openness < 0.13
    starts = np.flatnonzero(np.diff(is_shut.astype(int)) == 1)
    assert len(starts) == len(BLINKS_S)
    assert starts / FPS == pytest.approx(np.array(BLINKS_S), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("acted", "tracked", "at_least"),
    [("blink", "eye_open_left", 0.9), ("blink", "eye_open_right", 0.9), ("jaw", "mouth_open", 0.95),
     ("gaze_x", "gaze_x", 0.85), ("brows", "brow_left", 0.75)],
)  # fmt: skip
def test_each_value_follows_its_part(whole: Seen, acted: str, tracked: str, at_least: float) -> None:
    sign = -1 if acted == "blink" else 1
    assert whole.correlation(acted, sign * whole.expression(tracked)) > at_least


@pytest.mark.slow
@pytest.mark.parametrize(("angle", "at_least"), [("yaw_deg", 0.97), ("pitch_deg", 0.7), ("roll_deg", 0.95)])
def test_the_head_is_followed(whole: Seen, angle: str, at_least: float) -> None:
    assert whole.correlation(angle, whole.head(angle)) > at_least
