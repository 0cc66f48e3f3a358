"""A drawn character read as a perfect tracker would read it."""

import pytest

from engine.types import TrackState
from models.training.characters import NEUTRAL, Act, held_out_character, pose
from models.training.driving import performance_of

CHARACTER = held_out_character(3)


def test_the_expression_does_not_depend_on_how_the_head_is_turned():
    act = Act(mouth_open=0.5, eye_open_left=0.4, gaze_x=0.3)
    turned = Act(mouth_open=0.5, eye_open_left=0.4, gaze_x=0.3, yaw_deg=30, pitch_deg=-10, roll_deg=15)
    assert performance_of(CHARACTER, act).expression == performance_of(CHARACTER, turned).expression


def test_head_and_points_are_those_of_the_picture():
    act = Act(yaw_deg=20, pitch_deg=5, roll_deg=-8, x=0.03, scale=1.1)
    posed = pose(CHARACTER, act)
    performance = performance_of(CHARACTER, act, frame_index=7, captured_at_s=0.28, posed=posed)
    assert performance.state is TrackState.FOUND
    assert (performance.frame_index, performance.captured_at_s) == (7, 0.28)
    assert (performance.head.yaw_deg, performance.head.pitch_deg, performance.head.roll_deg) == (20, 5, -8)
    assert (performance.head.x, performance.head.y) == pytest.approx(posed.face_68[[36, 45]].mean(0))
    rest = performance_of(CHARACTER, NEUTRAL)
    assert performance.head.scale == pytest.approx(1.1 * rest.head.scale, rel=1e-4)
    assert performance.face is posed.face_68


def test_closed_eyes_open_mouths_and_raised_arms_are_read():
    rest = performance_of(CHARACTER, NEUTRAL)
    act = performance_of(
        CHARACTER,
        Act(eye_open_left=0.0, mouth_open=1.0, arm_right=1.0, wrist_right_x=0.8, wrist_right_y=0.6),
    )
    assert act.expression.eye_open_left == pytest.approx(0, abs=1e-3)
    assert act.expression.eye_open_right == pytest.approx(rest.expression.eye_open_right)
    assert act.expression.mouth_open > 0.1 > rest.expression.mouth_open
    assert act.arm_scores[3] == 1
    assert act.arm_scores[2] == 0
    assert rest.arm_scores.max() == 0
