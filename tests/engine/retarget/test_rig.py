"""The rig: at rest the picture itself; every movement in the right direction; the renderer's geometry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retarget.mirror import mirror_motion
from engine.retarget.motion import BodyMotion, Motion
from engine.retarget.rig import AvatarRig
from engine.types import CONTROL_INDEX, Avatar
from models.training.characters import NEUTRAL, Act, Character, held_out_character, pose
from tests.engine.retarget.faces import MIRRORED_ROWS, avatars, motions, plain_avatar, rows

LID_PAIRS = [(1, 7), (2, 6), (3, 5)]
NOSE = CONTROL_INDEX["nose_tip"]


def row(name: str) -> int:
    return CONTROL_INDEX[name]


@given(avatar=avatars())
@settings(max_examples=50, deadline=None, derandomize=True)
def test_rest_gives_the_avatars_own_points_to_the_bit(avatar: Avatar):
    assert np.array_equal(AvatarRig(avatar).pose(Motion()), avatar.points)


@given(avatar=avatars(), motion=motions())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_closed_eyes_meet_whatever_else_the_face_does(avatar: Avatar, motion: Motion):
    rig = AvatarRig(avatar)
    points = rig.pose(replace(motion, eye_open_left=0.0, eye_open_right=0.0))
    for side in ("left", "right"):
        for upper, lower in LID_PAIRS:
            gap = np.linalg.norm(points[row(f"eye_{side}_{upper}")] - points[row(f"eye_{side}_{lower}")])
            assert gap < 0.005 * rig.unit


@given(avatar=avatars(), motion=motions())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_symmetric_avatar_in_a_mirror_does_the_mirrored_motion(avatar: Avatar, motion: Motion):
    upright = plain_avatar(unit=AvatarRig(avatar).unit)
    rig = AvatarRig(upright)
    flipped = (rig.pose(motion)[MIRRORED_ROWS]) * (-1, 1) + (1, 0)
    assert np.allclose(rig.pose(mirror_motion(motion)), flipped, atol=2e-6)


@given(avatar=avatars(), motion=motions())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_pose_is_finite_and_new(avatar: Avatar, motion: Motion):
    rig = AvatarRig(avatar)
    first, second = rig.pose(motion), rig.pose(motion)
    assert np.isfinite(first).all()
    assert first.dtype == np.float32
    assert not np.shares_memory(first, second)
    assert np.array_equal(first, second)


def test_lids_meet_low_and_open_wider_than_drawn():
    avatar = plain_avatar()
    rig = AvatarRig(avatar)
    upper, lower = row("eye_right_2"), row("eye_right_6")
    closed = rig.pose(Motion(eye_open_right=0.0))
    height = avatar.points[lower, 1] - avatar.points[upper, 1]
    assert 0.6 <= (closed[upper, 1] - avatar.points[upper, 1]) / height <= 0.95
    wide = rig.pose(Motion(eye_open_right=1.25))
    assert wide[upper, 1] < avatar.points[upper, 1]
    assert wide[lower, 1] == pytest.approx(avatar.points[lower, 1])
    assert np.array_equal(closed[rows("eye_left")], avatar.points[rows("eye_left")])


@given(unit=st.floats(0.08, 0.3), eye_height=st.floats(0.1, 0.5), yaw=st.floats(3, 38))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_turning_right_moves_the_nose_right_and_more_than_the_contour(
    unit: float, eye_height: float, yaw: float
):
    avatar = plain_avatar(unit=unit, eye_height=eye_height)
    shift = AvatarRig(avatar).pose(Motion(yaw_deg=yaw)) - avatar.points
    assert shift[NOSE, 0] > 0.005 * yaw * unit
    assert shift[NOSE, 0] > 1.8 * abs(shift[rows("contour"), 0].mean())
    assert np.abs(shift[rows("shoulder")]).max() == 0


def test_nodding_and_tilting_go_where_head_pose_says():
    avatar = plain_avatar()
    rig = AvatarRig(avatar)
    assert (rig.pose(Motion(pitch_deg=15)) - avatar.points)[NOSE, 1] > 0.01
    tilted = rig.pose(Motion(roll_deg=15)) - avatar.points
    assert tilted[row("hair_top"), 0] > 0.03  # clockwise: the crown goes to the right
    assert tilted[row("contour_8"), 1] > tilted[row("contour_0"), 1]


def test_an_opening_mouth_takes_lower_lip_and_chin_along():
    avatar = plain_avatar()
    shift = AvatarRig(avatar).pose(Motion(mouth_open=1.0)) - avatar.points
    assert shift[row("lip_inner_6"), 1] > 2 * abs(shift[row("lip_inner_2"), 1]) > 0
    assert shift[row("contour_4"), 1] > shift[row("contour_3"), 1] > shift[row("contour_2"), 1]
    assert shift[row("contour_0"), 1] == 0


def test_smile_width_brows_and_gaze():
    avatar = plain_avatar()
    rig = AvatarRig(avatar)
    smile = rig.pose(Motion(smile=1.0)) - avatar.points
    assert smile[row("lip_outer_0"), 1] < 0 < smile[row("lip_inner_2"), 1]
    wide = rig.pose(Motion(mouth_width=1.3)) - avatar.points
    assert wide[row("lip_outer_4"), 0] == pytest.approx(0.3 * 0.2 * rig.unit, rel=0.01)
    raised = rig.pose(Motion(brow_left=0.1)) - avatar.points
    assert raised[rows("brow_left"), 1].mean() == pytest.approx(-0.1 * rig.unit, rel=0.05)
    assert np.abs(raised[rows("brow_right")]).max() == 0
    gaze = rig.pose(Motion(gaze_x=0.5)) - avatar.points
    assert gaze[row("pupil_left"), 0] == pytest.approx(0.5 * 0.22 * rig.unit, rel=0.01)


def test_shoulders_carry_neck_and_hanging_arms():
    avatar = plain_avatar()
    rig = AvatarRig(avatar)
    body = BodyMotion(shoulders=np.full((2, 2), (0.1, 0.0)))
    shift = rig.pose(Motion(body=body)) - avatar.points
    moved = [row("neck"), *rows("shoulder"), *rows("elbow"), *rows("wrist")]
    assert np.allclose(shift[moved], (0.1 * rig.shoulder_width, 0), atol=1e-6)
    assert np.abs(shift[:51]).max() == 0


def test_a_raised_arm_goes_through_its_wrist_and_counts_only_in_the_picture():
    avatar = plain_avatar(unit=0.12)
    rig = AvatarRig(avatar)
    wrists = np.array([(-0.3, -0.3), (9.0, 0.0)])
    points = rig.pose(Motion(body=BodyMotion(wrists=wrists, arms=np.ones(2))))
    expected = points[row("shoulder_left")] + wrists[0] * rig.shoulder_width
    assert points[row("wrist_left")] == pytest.approx(expected, abs=1e-6)
    scores = rig.scores(points, np.ones(2))
    assert scores[row("wrist_left")] == 1
    assert scores[row("wrist_right")] == 0


def test_a_point_unknown_at_rest_stays_unknown_and_one_out_of_the_picture_may_come_in():
    avatar = plain_avatar(unit=0.3, centre=0.4)
    known = avatar.scores.copy()
    known[row("nose_tip")] = 0
    assert known[row("shoulder_left")] == 0
    rig = AvatarRig(replace(avatar, scores=known))
    body = BodyMotion(shoulders=np.full((2, 2), (0.12, -0.1)))
    points = rig.pose(Motion(body=body))
    scores = rig.scores(points)
    assert scores[row("nose_tip")] == 0
    assert scores[row("shoulder_left")] == 1
    assert rig.scores(avatar.points)[row("shoulder_left")] == 0


@pytest.mark.parametrize("damage", ["shape", "nan", "flat"])
def test_points_that_make_no_face_are_refused(damage: str):
    points = plain_avatar().points.copy()
    if damage == "shape":
        points = points[:60]
    elif damage == "nan":
        points[3] = np.nan
    else:
        points[:] = 0.5
    with pytest.raises(ValueError, match="expected"):
        AvatarRig(replace(plain_avatar(), points=points))


def motion_of(character: Character, act: Act) -> Motion:
    """What ``act`` asks of ``character``, known from how it is drawn."""
    width, eyes = character.mouth.width, character.eyes
    ratio = (
        1 + 0.3 * act.mouth_width - 0.42 * act.mouth_round + 0.12 * max(act.smile, 0) - 0.1 * act.mouth_open
    )
    reach = max(eyes.width - 0.62 * eyes.iris, 0.25 * eyes.width)
    rises = [0.1094 * brow * (1.0 if brow > 0 else 0.85) for brow in (act.brow_left, act.brow_right)]
    assert width > 0
    return Motion(
        yaw_deg=act.yaw_deg,
        pitch_deg=act.pitch_deg,
        roll_deg=act.roll_deg,
        x=act.x / character.size,
        y=act.y / character.size,
        scale=act.scale,
        eye_open_left=act.eye_open_left,
        eye_open_right=act.eye_open_right,
        gaze_x=act.gaze_x * reach * 0.85 / eyes.width,
        gaze_y=act.gaze_y * 0.304,
        brow_left=rises[0],
        brow_right=rises[1],
        mouth_open=act.mouth_open,
        mouth_width=ratio,
        mouth_round=act.mouth_round,
        smile=act.smile,
    )


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize(
    "act",
    [
        Act(yaw_deg=30, pitch_deg=-15, roll_deg=12),
        Act(x=0.05, y=-0.04, scale=1.1, eye_open_left=0.0, eye_open_right=1.2),
        Act(mouth_open=0.7, mouth_round=0.8, brow_left=1.0, brow_right=-1.0),
        Act(yaw_deg=-20, smile=1.0, mouth_width=-0.6, gaze_x=0.8, gaze_y=-0.7, mouth_open=0.2),
    ],
)
def test_the_rig_draws_what_the_drawing_program_draws(number: int, act: Act):
    character = held_out_character(number)
    rest = pose(character, NEUTRAL)
    blank = np.zeros((256, 256, 3), np.uint8)
    avatar = Avatar(name="x", rgb=blank, points=rest.points, depth=rest.depth, scores=rest.scores)
    error = AvatarRig(avatar).pose(motion_of(character, act)) - pose(character, act).points
    face = np.linalg.norm(error[: row("hair_left")], axis=1)
    assert face.max() < 0.01 * character.size  # half a hundredth of the head's width
