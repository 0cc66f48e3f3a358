"""From a performance to the avatar's points: rest, sides, blinks; person, camera and place do not matter."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import SettingsError
from engine.retarget.mirror import mirror_motion
from engine.retarget.motion import Motion
from engine.retarget.retargeter import Retargeter
from engine.retarget.settings import DRAWN, HUMAN, RetargetSettings
from engine.retarget.turns import angles_from_rotation, rotation_from_angles
from engine.types import CONTROL_INDEX, Avatar, Performance, TrackState
from tests.engine.retarget.faces import at, avatars, motions, plain_avatar, plain_performer, rows

NO_MIRROR = RetargetSettings(mirror=False, body_smoothing_s=0.0)


def calibrated(
    avatar: Avatar | None = None,
    settings: RetargetSettings = NO_MIRROR,
    performer: Performance | None = None,
) -> Retargeter:
    retargeter = Retargeter(avatar or plain_avatar(), settings)
    retargeter.set_neutral([performer or plain_performer()])
    return retargeter


@given(avatar=avatars(), eye_open=st.floats(0.2, 0.8), x=st.floats(0.2, 0.8), aspect=st.floats(0.6, 2.0))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_performer_at_rest_leaves_the_avatar_as_it_is_drawn(
    avatar: Avatar, eye_open: float, x: float, aspect: float
):
    performer = plain_performer(eye_open=eye_open, x=x, aspect=aspect)
    retargeter = calibrated(avatar, performer=performer)
    control = retargeter.control(at(performer, 7))
    assert np.allclose(control.points, avatar.points, atol=1e-6)
    assert control.frame_index == 7
    assert control.captured_at_s == 7 / 25


@given(motion=motions())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_mirrored_twice_is_the_same_motion(motion: Motion):
    twice = mirror_motion(mirror_motion(motion))
    for name in Motion.__dataclass_fields__:
        if name != "body":
            assert getattr(twice, name) == getattr(motion, name)
    for name in type(motion.body).__dataclass_fields__:
        assert np.array_equal(getattr(twice.body, name), getattr(motion.body, name))


@given(
    yaw=st.floats(-30, 30),
    roll=st.floats(-20, 20),
    left=st.floats(0, 0.3),
    right=st.floats(0, 0.3),
    x=st.floats(0.4, 0.6),
)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_mirror_swaps_sides(yaw: float, roll: float, left: float, right: float, x: float):
    one = at(plain_performer(), 1, yaw_deg=yaw, roll_deg=roll, eye_open_left=left, eye_open_right=right, x=x)
    straight = calibrated().motion(one)
    retargeter = calibrated()
    retargeter.mirror = True
    assert retargeter.mirror
    seen = retargeter.motion(one)
    assert seen.yaw_deg == -straight.yaw_deg
    assert seen.x == -straight.x
    assert seen.eye_open_left == straight.eye_open_right


@pytest.mark.parametrize("opening", [0.1, 0.05, 0.0])
def test_a_closed_eye_closes_the_avatars_eye_and_only_that(opening: float):
    points = calibrated().control(at(plain_performer(), 1, eye_open_left=opening)).points
    for upper, lower in ((1, 7), (2, 6), (3, 5)):
        left = points[CONTROL_INDEX[f"eye_left_{lower}"], 1] - points[CONTROL_INDEX[f"eye_left_{upper}"], 1]
        assert abs(left) < 1e-5
    assert np.allclose(points[rows("eye_right")], plain_avatar().points[rows("eye_right")], atol=1e-6)


def test_a_narrow_eyed_and_a_wide_eyed_performer_close_by_the_same_share():
    openings = []
    for eye_open in (0.25, 0.6):
        performer = plain_performer(eye_open=eye_open)
        retargeter = calibrated(settings=replace(NO_MIRROR, performer=DRAWN), performer=performer)
        openings.append(retargeter.motion(at(performer, 1, eye_open_left=0.6 * eye_open)).eye_open_left)
    assert openings[0] == pytest.approx(openings[1], abs=0.01)
    assert openings[0] == pytest.approx(0.6, abs=0.01)


def test_head_turns_go_with_the_performer_and_are_limited_softly():
    retargeter = calibrated()
    assert retargeter.motion(at(plain_performer(), 1, yaw_deg=20.0)).yaw_deg == pytest.approx(20.0)
    far = retargeter.motion(at(plain_performer(), 2, yaw_deg=60.0)).yaw_deg
    farther = retargeter.motion(at(plain_performer(), 3, yaw_deg=75.0)).yaw_deg
    assert 33 < far < farther < 38


def test_turning_right_moves_the_nose_right_more_than_the_contour():
    shift = calibrated().control(turned_about_the_neck(20.0, 0.0)).points - plain_avatar().points
    assert shift[CONTROL_INDEX["nose_tip"], 0] > shift[rows("contour"), 0].mean() + 0.02


def turned_about_the_neck(yaw: float, pitch: float) -> Performance:
    """A person who only turns the head: the eyes travel about the joint."""
    rest = plain_performer()
    unit = rest.head.scale / 1.32
    eyes = np.array([0.0, -HUMAN.pivot_drop, HUMAN.pivot_depth])
    travel = (rotation_from_angles(yaw, pitch, 0.0) @ eyes - eyes)[:2] * unit
    return at(rest, 1, yaw_deg=yaw, pitch_deg=pitch, x=0.5 + travel[0], y=0.45 + travel[1])


def test_a_mirror_is_what_a_user_gets_unasked():
    retargeter = Retargeter(plain_avatar())
    retargeter.set_neutral([plain_performer()])
    shift = retargeter.control(turned_about_the_neck(15.0, 0.0)).points - plain_avatar().points
    assert shift[CONTROL_INDEX["nose_tip"], 0] < -0.01


@given(yaw=st.floats(-30, 30), pitch=st.floats(-20, 20))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_mere_turn_of_the_head_does_not_shift_it(yaw: float, pitch: float):
    motion = calibrated().motion(turned_about_the_neck(yaw, pitch))
    assert (motion.x, motion.y) == pytest.approx((0, 0), abs=1e-4)


@given(yaw=st.floats(-20, 20), camera_yaw=st.floats(-20, 20), camera_pitch=st.floats(-15, 15))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_camera_beside_or_below_the_screen_does_not_matter(
    yaw: float, camera_yaw: float, camera_pitch: float
):
    rest = at(plain_performer(), 0, yaw_deg=camera_yaw, pitch_deg=camera_pitch)
    retargeter = calibrated(performer=rest)
    camera = rotation_from_angles(camera_yaw, camera_pitch, 0.0)
    seen = angles_from_rotation(camera @ rotation_from_angles(yaw, 0.0, 0.0))
    motion = retargeter.motion(at(rest, 1, yaw_deg=seen[0], pitch_deg=seen[1], roll_deg=seen[2]))
    assert (motion.yaw_deg, motion.pitch_deg, motion.roll_deg) == pytest.approx((yaw, 0, 0), abs=1e-6)


@given(scale=st.floats(0.06, 0.3), aspect=st.floats(0.7, 1.9), share=st.floats(-0.2, 0.2))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_distance_from_the_camera_and_its_format_do_not_matter(scale: float, aspect: float, share: float):
    rest = plain_performer(scale=scale, aspect=aspect)
    retargeter = calibrated(performer=rest)
    motion = retargeter.motion(at(rest, 1, x=0.5 + share * scale / aspect, y=rest.head.y - share * scale))
    near = calibrated().motion(at(plain_performer(), 1, x=0.5 + share * 0.16, y=0.45 - share * 0.16))
    assert (motion.x, motion.y) == pytest.approx((near.x, near.y), abs=1e-4)


def test_mouth_opens_with_the_performer_and_is_closed_when_closed():
    retargeter = calibrated()
    closed = retargeter.motion(at(plain_performer(), 1, mouth_open=0.01))
    assert closed.mouth_open == 0
    openings = [
        retargeter.motion(at(plain_performer(), 2, mouth_open=gap)).mouth_open for gap in (0.1, 0.2, 0.3)
    ]
    assert 0.1 < openings[0] < openings[1] < openings[2] < 1.15


def test_gains_scale_and_zero_stills():
    still = replace(NO_MIRROR, head_gain=0.0, eye_gain=0.0, mouth_gain=0.0, body_gain=0.0)
    points = (
        calibrated(settings=still)
        .control(
            at(
                plain_performer(),
                1,
                yaw_deg=20.0,
                x=0.7,
                gaze_x=0.4,
                brow_left=0.8,
                mouth_open=0.4,
                smile=0.2,
            )
        )
        .points
    )
    assert np.allclose(points, plain_avatar().points, atol=1e-6)
    double = calibrated(settings=replace(NO_MIRROR, head_gain=2.0))
    assert double.motion(at(plain_performer(), 1, yaw_deg=8.0)).yaw_deg == pytest.approx(16.0)


def test_a_lost_face_keeps_the_last_pose():
    retargeter = calibrated()
    turned = retargeter.control(at(plain_performer(), 1, yaw_deg=20.0))
    lost = retargeter.control(at(plain_performer(), 2, state=TrackState.LOST, yaw_deg=-20.0))
    assert np.array_equal(lost.points, turned.points)
    assert lost.frame_index == 2
    fresh = Retargeter(plain_avatar()).control(at(plain_performer(), 0, state=TrackState.SEARCHING))
    assert np.array_equal(fresh.points, plain_avatar().points)


def test_shoulders_follow_and_arms_appear_only_when_seen():
    retargeter = calibrated()
    rest = plain_performer()
    leaning = at(rest, 1, shoulders=rest.shoulders + np.float32((0.03, 0.0)))
    shift = retargeter.control(leaning).points - plain_avatar().points
    assert (shift[rows("shoulder"), 0] > 0.01).all()
    assert shift[rows("shoulder"), 0] == pytest.approx(float(shift[CONTROL_INDEX["neck"], 0]), abs=1e-5)
    hidden = retargeter.control(at(rest, 2))
    assert hidden.scores[rows("wrist")].max() == 0
    wrists = rest.shoulders + np.float32([(-0.05, -0.1), (0.05, -0.1)])
    waving = at(rest, 3, wrists=wrists, arm_scores=np.array([0.9, 0.1, 0.9, 0.1], np.float32))
    scores = retargeter.control(waving).scores
    assert scores[CONTROL_INDEX["wrist_left"]] == 1
    assert scores[CONTROL_INDEX["wrist_right"]] == 0


def test_without_a_body_the_shoulders_follow_the_head_a_little():
    retargeter = calibrated(performer=at(plain_performer(), 0, body_score=0.0))
    shift = (
        retargeter.control(at(plain_performer(), 1, body_score=0.0, x=0.56)).points - plain_avatar().points
    )
    nose = shift[CONTROL_INDEX["nose_tip"], 0]
    assert 0.1 * nose < shift[CONTROL_INDEX["shoulder_left"], 0] < 0.5 * nose


def test_the_body_is_smoothed_over_time_not_over_frames():
    rest = plain_performer()
    moved_shoulders = rest.shoulders + np.float32((0.02, 0.0))
    ends = []
    for fps in (10.0, 50.0):
        retargeter = calibrated(settings=replace(NO_MIRROR, body_smoothing_s=0.2))
        retargeter.motion(at(rest, 0, fps))
        for index in range(1, int(0.4 * fps) + 1):
            motion = retargeter.motion(at(rest, index, fps, shoulders=moved_shoulders))
        ends.append(float(motion.body.shoulders[0, 0]))
    assert ends[0] == pytest.approx(ends[1], rel=0.01)
    assert ends[0] > 0


def test_calibration_while_live_and_another_avatar_keep_what_is_known():
    retargeter = Retargeter(plain_avatar(), NO_MIRROR)
    for index in range(30):
        retargeter.control(at(plain_performer(), index, yaw_deg=12.0))
    assert retargeter.is_calibrated
    assert retargeter.motion(at(plain_performer(), 30, yaw_deg=12.0)).yaw_deg == pytest.approx(0, abs=1e-6)
    other = plain_avatar(unit=0.15, mouth_width=0.3)
    retargeter.set_avatar(other)
    assert np.allclose(
        retargeter.control(at(plain_performer(), 31, yaw_deg=12.0)).points, other.points, atol=1e-6
    )
    retargeter.calibrate()
    assert not retargeter.is_calibrated


@pytest.mark.parametrize("changes", [{"head_gain": 3.0}, {"max_yaw_deg": 0.0}, {"body_smoothing_s": -1.0}])
def test_settings_out_of_range_are_refused_with_a_way_out(changes: dict[str, float]):
    with pytest.raises(SettingsError) as caught:
        RetargetSettings(**changes)
    assert f"{next(iter(changes.values())):g}" in caught.value.message
    assert caught.value.hint
