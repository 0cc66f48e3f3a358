import numpy as np
import pytest

from engine.retarget.calibration import Calibration
from engine.types import TrackState
from tests.engine.retarget.faces import at, plain_performer

FPS = 25


def feed(calibration: Calibration, frames: int, start: int = 0, **changes: object) -> None:
    for index in range(start, start + frames):
        calibration.add(at(plain_performer(), index, **changes))


def test_one_second_of_a_face_completes_it():
    calibration = Calibration(1.0)
    feed(calibration, FPS)
    assert not calibration.is_complete
    feed(calibration, 2, start=FPS)
    assert calibration.is_complete


def test_blinks_words_and_lost_frames_do_not_count():
    calibration = Calibration(1.0)
    for index in range(3 * FPS):
        is_blink = index % 8 in (0, 1)
        blink = {"eye_open_left": 0.05, "eye_open_right": 0.05, "mouth_open": 0.4} if is_blink else {}
        state = TrackState.LOST if index % 5 == 4 else TrackState.FOUND
        calibration.add(at(plain_performer(), index, state=state, yaw_deg=3.0, **blink))
    assert calibration.neutral.expression.eye_open_left == pytest.approx(0.3)
    assert calibration.neutral.expression.mouth_open == 0
    assert calibration.neutral.head.yaw_deg == pytest.approx(3.0)


def test_the_first_frame_is_the_place_and_the_rest_blends_in_without_a_jump():
    calibration = Calibration(1.0)
    feed(calibration, 1, x=0.3, scale=0.1, yaw_deg=10.0, eye_open_left=0.2)
    assert calibration.neutral.head.x == pytest.approx(0.3)
    assert calibration.neutral.head.scale == pytest.approx(0.1)
    assert calibration.neutral.head.yaw_deg == 0
    steps = [calibration.neutral]
    for index in range(1, 2 * FPS):
        feed(calibration, 1, start=index, x=0.3, scale=0.1, yaw_deg=10.0, eye_open_left=0.2)
        steps.append(calibration.neutral)
    yaws = np.array([one.head.yaw_deg for one in steps])
    assert np.abs(np.diff(yaws)).max() < 0.6
    assert yaws[-1] == pytest.approx(10.0)
    assert steps[-1].expression.eye_open_left == pytest.approx(0.2)


def test_learning_again_moves_over_to_the_new_rest_bit_by_bit():
    calibration = Calibration(1.0)
    feed(calibration, 2 * FPS)
    calibration.restart()
    feed(calibration, 2, start=2 * FPS, x=0.8, mouth_open=0.3)
    assert calibration.neutral.head.x == pytest.approx(0.5, abs=0.02)
    feed(calibration, 2 * FPS, start=2 * FPS + 2, x=0.8, mouth_open=0.3)
    assert calibration.neutral.head.x == pytest.approx(0.8)
    assert calibration.neutral.expression.mouth_open == pytest.approx(0.3)


def test_after_completion_nothing_drifts():
    calibration = Calibration(1.0)
    feed(calibration, 2 * FPS)
    before = calibration.neutral
    feed(calibration, FPS, start=2 * FPS, x=0.9, eye_open_left=0.1)
    assert calibration.neutral is before


def test_a_pause_does_not_count_as_seeing_the_face():
    calibration = Calibration(1.0)
    calibration.add(at(plain_performer(), 0))
    calibration.add(at(plain_performer(), 50 * FPS))
    assert not calibration.is_complete


def test_shoulders_are_learned_when_the_body_is_seen_even_later():
    calibration = Calibration(1.0)
    feed(calibration, 2 * FPS, body_score=0.0)
    assert calibration.neutral.shoulders is None
    feed(calibration, FPS, start=2 * FPS)
    assert calibration.neutral.shoulders == pytest.approx(plain_performer().shoulders)


def test_proportions_and_head_unit_are_those_of_the_face_in_any_picture_format():
    for aspect in (1.0, 16 / 9):
        calibration = Calibration(1.0)
        calibration.set_neutral([plain_performer(aspect=aspect)])
        neutral = calibration.neutral
        assert neutral.proportions.face_width == pytest.approx(1.5, rel=1e-4)
        assert neutral.eye_distance == pytest.approx(1.32, rel=1e-4)
        assert neutral.head_unit == pytest.approx(0.16 / 1.32, rel=1e-4)


def test_a_neutral_needs_a_face():
    with pytest.raises(ValueError, match="expected a performance with a face"):
        Calibration(1.0).set_neutral([at(plain_performer(), 0, state=TrackState.LOST)])
