"""The drawn characters: seeds, geometry, and that the drawing follows the points."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from engine.types import CONTROL_INDEX, CONTROL_NAMES, control_indices
from models.training.characters import (
    NEUTRAL,
    Act,
    Character,
    avatar,
    draw,
    held_out_character,
    held_out_performance,
    pose,
    sample_character,
    sample_performance,
    training_rng,
)
from models.training.characters.kinds import BackdropKind, GlassesKind, HatKind, Rendering
from models.training.characters.seeds import held_out_rng
from models.training.characters.spec import Backdrop, Extras, Eyes, Hair, Style

_SIZE = 128
_EYE = control_indices([f"eye_left_{index}" for index in range(8)])
_LIPS = control_indices([f"lip_inner_{index}" for index in range(8)])


def _some(count: int) -> list[Character]:
    return [sample_character(training_rng(900, index)) for index in range(count)]


def _plain() -> Character:
    """A character without anything in front of its face, on a plain backdrop."""
    return Character(
        style=Style(rendering=Rendering.FLAT, outline=0.0, shade=0.0),
        eyes=Eyes(lashes=0, wing=0.0, crease=False, glints=0, lash=0.02),
        hair=Hair(fringe_y=-0.4),
        extras=Extras(glasses=GlassesKind.NONE, hat=HatKind.NONE),
        backdrop=Backdrop(kind=BackdropKind.SOLID),
    )


def test_the_same_seed_gives_the_same_character_performance_and_picture() -> None:
    first, second = (sample_character(training_rng(1, 2)) for _ in range(2))
    acts = [sample_performance(training_rng(3), 20) for _ in range(2)]
    assert first == second
    assert hash(first) == hash(second)
    assert acts[0] == acts[1]
    pictures = [draw(who, pose(who, acts[0][-1]), _SIZE) for who in (first, second)]
    np.testing.assert_array_equal(pictures[0].rgb, pictures[1].rgb)


def test_other_seeds_give_other_characters() -> None:
    assert len(set(_some(40))) == 40


def test_held_out_seeds_never_meet_training_seeds() -> None:
    training = {
        training_rng(*key).bit_generator.state["state"]["state"] for key in [(0,), (0, 0), (1, 0), (2, 0, 0)]
    }
    held_out = {
        held_out_rng(*key).bit_generator.state["state"]["state"] for key in [(0,), (0, 0), (1, 0), (2, 0, 0)]
    }
    assert not training & held_out
    assert not {held_out_character(index) for index in range(20)} & set(_some(60))
    assert held_out_character(3) == held_out_character(3)
    assert held_out_performance(3, 8) == held_out_performance(3, 8)


@pytest.mark.parametrize("index", range(12))
def test_points_are_complete_and_scores_say_which_are_inside(index: int) -> None:
    who = sample_character(training_rng(901, index))
    for act in sample_performance(training_rng(902, index), 60)[::10]:
        posed = pose(who, act)
        assert posed.points.shape == (len(CONTROL_NAMES), 2)
        assert posed.points.dtype == posed.scores.dtype == posed.depth.dtype == np.float32
        assert posed.face_68.shape == (68, 2)
        assert np.isfinite(posed.points).all()
        assert np.isfinite(posed.face_68).all()
        inside = ((posed.points >= 0) & (posed.points <= 1)).all(1)
        assert not posed.scores[~inside].any()
        assert (posed.scores[:52] == inside[:52]).all()


def test_arms_count_only_when_they_are_raised() -> None:
    who = _plain()
    arms = control_indices(["elbow_left", "wrist_left", "wrist_right"])
    assert not pose(who, NEUTRAL).scores[arms].any()
    raised = pose(
        who, Act(arm_left=1.0, elbow_left_x=0.1, elbow_left_y=0.9, wrist_left_x=0.2, wrist_left_y=0.6)
    )
    assert raised.scores[arms].tolist() == [1.0, 1.0, 0.0]
    np.testing.assert_allclose(raised.points[CONTROL_INDEX["wrist_left"]], (0.2, 0.6), atol=1e-6)


def test_performances_keep_their_ranges_and_move_smoothly() -> None:
    for index in range(30):
        acts = sample_performance(training_rng(903, index), 100)
        yaw = np.array([act.yaw_deg for act in acts])
        eyes = np.array([(act.eye_open_left, act.eye_open_right) for act in acts])
        mouth = np.array([(act.mouth_open, act.mouth_round) for act in acts])
        assert np.abs(yaw).max() <= 40
        assert np.abs(np.diff(yaw)).max() < 12
        assert eyes.min() >= 0
        assert eyes.max() <= 1.25
        assert mouth.min() >= 0
        assert mouth.max() <= 1


def test_performances_blink_and_talk() -> None:
    acts = [act for index in range(20) for act in sample_performance(training_rng(904, index), 100)]
    assert min(act.eye_open_left for act in acts) < 0.05
    assert max(act.mouth_open for act in acts) > 0.8
    assert max(act.arm_left + act.arm_right for act in acts) > 0.9


@pytest.mark.parametrize(("frames", "fps"), [(0, 25.0), (5, 0.0)])
def test_a_performance_needs_frames_and_a_rate(frames: int, fps: float) -> None:
    with pytest.raises(ValueError, match="num_frames must be >= 1"):
        sample_performance(training_rng(1), frames, fps)


def test_lids_and_lips_meet_when_closed() -> None:
    for who in _some(20):
        posed = pose(who, Act(eye_open_left=0.0, eye_open_right=0.0, mouth_open=0.0))
        lids, lips = posed.points[_EYE], posed.points[_LIPS]
        np.testing.assert_allclose(lids[1:4], lids[[7, 6, 5]], atol=1e-6)
        np.testing.assert_allclose(lips[1:4], lips[[7, 6, 5]], atol=1e-6)


def test_closed_eyes_show_no_iris() -> None:
    who = replace(_plain(), eyes=replace(_plain().eyes, colour_left=(0, 0, 255), colour_right=(0, 0, 255)))
    blue = {}
    for opening in (0.0, 1.0):
        rgb = draw(who, pose(who, Act(eye_open_left=opening, eye_open_right=opening)), 256).rgb.astype(int)
        blue[opening] = int(((rgb[..., 2] > 120) & (rgb[..., 0] < 90)).sum())
    assert blue[1.0] > 60
    assert blue[0.0] == 0


@pytest.mark.parametrize("yaw", [-30.0, 30.0])
def test_the_nose_moves_more_than_the_contour_when_the_head_turns(yaw: float) -> None:
    nose, chin = CONTROL_INDEX["nose_tip"], CONTROL_INDEX["contour_4"]
    sides = control_indices(["contour_0", "contour_8"])
    for who in _some(10):
        rest, turned = pose(who, NEUTRAL), pose(who, Act(yaw_deg=yaw))
        moved = (turned.points - rest.points)[:, 0] * np.sign(yaw)
        assert moved[nose] > moved[chin] > moved[sides].mean()
        assert moved[nose] > 0.15 * who.size
        width = [np.ptp(item.points[sides, 0]) for item in (rest, turned)]
        assert width[1] < width[0]


def test_head_turns_have_the_signs_of_head_pose() -> None:
    who = _plain()
    nose, left, right = (CONTROL_INDEX[name] for name in ("nose_tip", "eye_left_0", "eye_right_4"))
    rest = pose(who, NEUTRAL).points
    down = pose(who, Act(pitch_deg=15.0)).points
    roll = pose(who, Act(roll_deg=15.0)).points
    eyes = rest[[left, right]].mean(0)
    assert down[nose, 1] - down[[left, right], 1].mean() > rest[nose, 1] - eyes[1]
    assert roll[right, 1] - roll[left, 1] > 0.05


def test_depth_predicts_small_turns() -> None:
    who = _plain()
    rest, turned = pose(who, NEUTRAL), pose(who, Act(yaw_deg=2.0))
    face = slice(0, CONTROL_INDEX["hair_left"])
    moved = (turned.points - rest.points)[face, 0]
    np.testing.assert_allclose(moved, rest.depth[face] * np.sin(np.radians(2.0)), atol=3e-4)


def _changed_rows(
    who: Character, act: Act, other: Act, x: float, rows: tuple[float, float]
) -> tuple[int, int]:
    """Return the first and last of ``rows`` (512 pixels) in which two acts differ at column ``x``."""
    first, second = (draw(who, pose(who, item), 512).rgb.astype(int) for item in (act, other))
    low, high = round(rows[0]), round(rows[1])
    column = np.abs(first - second)[low:high, round(x - 0.5)].sum(1)
    changed = np.flatnonzero(column > 60) + low
    return int(changed.min()), int(changed.max())


@pytest.mark.parametrize("opening", [0.5, 0.75, 1.0])
def test_the_drawn_eye_opening_follows_the_points(opening: float) -> None:
    who = replace(_plain(), size=0.3, eyes=replace(_plain().eyes, width=0.28))
    act = Act(eye_open_left=opening, eye_open_right=opening)
    lids = pose(who, act).points[_EYE] * 512
    rows = (float(lids[2, 1]) - 20, float(lids[6, 1]) + 10)
    top, bottom = _changed_rows(who, act, Act(eye_open_left=0.0, eye_open_right=0.0), float(lids[2, 0]), rows)
    lash = who.eyes.lash * who.size * 512  # it lies on the upper lid, outside of the opening
    assert top + lash * 0.75 == pytest.approx(lids[2, 1], abs=1.5)
    assert bottom + 0.5 == pytest.approx(lids[6, 1], abs=2.0)


def test_the_iris_is_centred_on_the_pupil_point() -> None:
    who = replace(
        _plain(),
        eyes=replace(_plain().eyes, colour_left=(0, 0, 255), colour_right=(0, 0, 255), upper=0.4, lower=0.4),
    )
    for gaze in (-0.6, 0.0, 0.6):
        posed = pose(who, Act(gaze_x=gaze))
        rgb = draw(who, posed, 256).rgb.astype(int)
        blue = (rgb[..., 2] > 2 * rgb[..., 0] + 40) & (np.arange(256) < 256 * who.x)
        y, x = np.nonzero(blue)
        assert x.mean() + 0.5 == pytest.approx(256 * posed.points[CONTROL_INDEX["pupil_left"], 0], abs=1.0)
        assert len(y) > 40


@pytest.mark.parametrize("opening", [0.3, 0.6, 0.9])
def test_the_drawn_mouth_opening_follows_the_points(opening: float) -> None:
    who = replace(
        _plain(), size=0.3, mouth=replace(_plain().mouth, painted_lips=0.0, lower_lip=0.0, upper_lip=0.0)
    )
    lips = pose(who, Act(mouth_open=opening)).points[_LIPS] * 512
    rows = (float(lips[2, 1]) - 15, float(lips[6, 1]) + 10)
    top, bottom = _changed_rows(who, Act(mouth_open=opening), NEUTRAL, float(lips[2, 0]), rows)
    line = 0.034 * who.size * 512
    assert top + 0.5 == pytest.approx(lips[2, 1], abs=0.5 * line + 1)
    assert bottom + 0.5 == pytest.approx(lips[6, 1], abs=0.5 * line + 1)


def test_mattes_cover_the_face_and_lie_within_each_other() -> None:
    for who in _some(10):
        posed = pose(who, NEUTRAL)
        drawing = draw(who, posed, _SIZE)
        face = posed.points[: CONTROL_INDEX["hair_left"]]
        inward = face + 0.06 * (face[CONTROL_INDEX["nose_tip"]] - face)  # the contour itself is the edge
        x, y = (inward.T * _SIZE).astype(int)
        assert drawing.alpha[y, x].min() > 0.9
        features = slice(9, CONTROL_INDEX["hair_left"])
        assert drawing.alpha[y, x][features].min() > 0.99
        assert drawing.head[y, x][features].min() > 0.99
        assert (drawing.head <= drawing.alpha + 1e-6).all()
        assert drawing.head[-1].max() < drawing.alpha[-1].max()
        assert drawing.depth.shape == drawing.alpha.shape == (_SIZE, _SIZE)
        nose = y[CONTROL_INDEX["nose_tip"]], x[CONTROL_INDEX["nose_tip"]]
        assert drawing.depth[nose] > drawing.depth[0, 0]


def test_outside_the_character_there_is_only_backdrop() -> None:
    who = _plain()
    other = replace(who, backdrop=replace(who.backdrop, first=(10, 200, 30)))
    first, second = (draw(item, pose(item, NEUTRAL), _SIZE) for item in (who, other))
    same = (first.rgb == second.rgb).all(-1)
    assert same[first.alpha == 1].all()
    assert not same[first.alpha == 0].any()


def test_a_tenth_of_a_pixel_changes_the_picture_a_little() -> None:
    who = sample_character(training_rng(905, 1))
    size = 256
    steps = [draw(who, pose(who, Act(x=0.1 * step / size)), size).rgb.astype(float) for step in range(6)]
    change = [np.abs(after - before).mean() for before, after in pairwise(steps)]
    whole = np.abs(steps[-1] - steps[0]).mean()
    assert min(change) > 0
    assert sum(change) < 1.35 * whole


def test_an_avatar_is_the_character_at_rest() -> None:
    who = _plain()
    made = avatar(who, "somebody", 256)
    posed = pose(who, NEUTRAL)
    np.testing.assert_array_equal(made.points, posed.points)
    np.testing.assert_array_equal(made.rgb, draw(who, posed, 256).rgb)
    assert made.name == "somebody"
    assert made.matte is not None
    assert made.matte.shape == made.rgb.shape[:2]
    assert made.depth[CONTROL_INDEX["nose_tip"]] == made.depth[: CONTROL_INDEX["neck"]].max()
