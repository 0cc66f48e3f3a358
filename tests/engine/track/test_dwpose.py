"""DWPose's two networks on files of their true layout, and the tracker on top."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import WeightsError
from engine.track.dwpose import Box, Dwpose, framed, largest_person
from engine.track.dwpose_tracker import DwposeTracker
from engine.track.flat_face import face_template
from engine.track.measure import rotation_from_angles
from engine.track.settings import TrackSettings
from engine.types import Frame, TrackState
from tests.engine.track.dwpose_files import POSE_SIZE, write_detector, write_pose

WIDTH, HEIGHT = 640, 480
BOX = (100.0, 60.0, 500.0, 460.0)  # in the picture; a 640 x 480 picture keeps its size in the detector
PERSON = (*BOX, 0.9)
ASPECT = WIDTH / HEIGHT


def body_points(yaw: float = 20.0) -> tuple[np.ndarray, np.ndarray]:
    """Points in fractions of the picture, and scores."""
    points, scores = np.zeros((133, 2)), np.full(133, 0.9)
    head = 0.22 * face_template() @ rotation_from_angles(yaw, 5.0, 0.0).T
    points[23:91] = (head[:, :2] + (0.5 * ASPECT, 0.4)) / (ASPECT, 1.0)
    sides = {5: (0.62, 0.75), 6: (0.38, 0.75), 7: (0.68, 0.85), 8: (0.32, 0.85)}
    sides |= {9: (0.7, 0.9), 10: (0.3, 0.9)}
    for row, place in sides.items():
        points[row] = place
    scores[91:] = 0.1
    return points, scores


def in_input(points: np.ndarray, box: tuple[float, ...] = BOX) -> np.ndarray:
    corner, size = framed(Box(left=box[0], top=box[1], right=box[2], bottom=box[3]), 288 / 384)
    return (points * (WIDTH, HEIGHT) - corner) / size * POSE_SIZE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    points, scores = body_points()
    write_detector(tmp_path / "yolox_s.onnx", [PERSON])
    write_pose(tmp_path / "dw-mm_ucoco.onnx", in_input(points), scores)
    return tmp_path


def frame(index: int = 0) -> Frame:
    rgb = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    return Frame(rgb=rgb, index=index, captured_at_s=index / 25, media_s=index / 25)


def test_the_person_and_the_points_are_found_where_they_are(folder: Path) -> None:
    networks = Dwpose(folder)
    box = networks.find_person(frame().rgb)
    assert box is not None
    assert (box.left, box.top, box.right, box.bottom) == pytest.approx(BOX, abs=0.01)
    seen = networks.read_body(frame().rgb, box)
    points, scores = body_points()
    half_step = 0.25 / np.array(POSE_SIZE) * framed(box, 0.75)[1] / (WIDTH, HEIGHT)
    inside = (scores > 0.3) & points.any(axis=1)
    assert (np.abs(seen.points - points)[inside] <= half_step + 1e-9).all()
    np.testing.assert_allclose(seen.scores, scores, atol=1e-6)


def test_the_largest_of_the_sure_persons_is_taken_and_doubles_do_not_count() -> None:
    boxes = np.array(
        [
            [0.0, 0.0, 100.0, 100.0, 0.9],
            [2.0, 0.0, 130.0, 130.0, 0.5],  # the same person again, larger and less sure
            [300.0, 300.0, 410.0, 400.0, 0.4],
            [0.0, 0.0, 600.0, 600.0, 0.2],
        ]
    )
    best = largest_person(boxes, 2.0)
    assert best == Box(left=150.0, top=150.0, right=205.0, bottom=200.0)
    assert largest_person(boxes[3:], 1.0) is None


def test_a_performance_has_the_head_the_face_and_the_arms(folder: Path) -> None:
    tracker = DwposeTracker(TrackSettings(smooth=False), folder)
    performance = tracker.track(frame())
    points, _ = body_points()
    assert performance.state is TrackState.FOUND
    assert performance.head.yaw_deg == pytest.approx(20.0, abs=2.0)
    assert performance.head.pitch_deg == pytest.approx(5.0, abs=2.0)
    np.testing.assert_allclose(performance.face, points[23:91], atol=0.004)
    np.testing.assert_allclose(performance.shoulders, points[[6, 5]], atol=0.004)
    np.testing.assert_allclose(performance.wrists, points[[10, 9]], atol=0.004)
    assert performance.face_score > 0.5
    assert performance.body_score == pytest.approx(0.9, abs=0.01)
    assert performance.pupils[0] == pytest.approx(points[23 + 36 : 23 + 42].mean(axis=0), abs=0.01)


def test_nobody_is_lost_after_a_while_and_found_again_from_the_start(folder: Path) -> None:
    points, _ = body_points()
    tracker = DwposeTracker(TrackSettings(), folder)
    assert tracker.track(frame()).state is TrackState.FOUND
    write_pose(folder / "dw-mm_ucoco.onnx", in_input(points), np.zeros(133))
    blind = DwposeTracker(TrackSettings(), folder)
    assert blind.track(frame()).state is TrackState.SEARCHING
    assert blind.track(frame(1)).face_score == 0.0
    tracker.reset()
    assert tracker.track(frame()).state is TrackState.FOUND


def test_without_a_person_the_whole_picture_is_read(folder: Path) -> None:
    points, scores = body_points()
    write_detector(folder / "yolox_s.onnx", [])
    write_pose(folder / "dw-mm_ucoco.onnx", in_input(points, (0.0, 0.0, 640.0, 480.0)), scores)
    assert DwposeTracker(TrackSettings(), folder).track(frame()).state is TrackState.FOUND


def test_missing_and_damaged_files_are_named(folder: Path) -> None:
    path = folder / "dw-mm_ucoco.onnx"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match=r"dw-mm_ucoco\.onnx"):
        Dwpose(folder)
    path.write_bytes((folder / "yolox_s.onnx").read_bytes())
    with pytest.raises(WeightsError, match="another network"):
        Dwpose(folder)
    path.unlink()
    with pytest.raises(WeightsError, match="DWPose is not in") as caught:
        Dwpose(folder)
    assert "dw-ll_ucoco_384.onnx" in caught.value.hint
