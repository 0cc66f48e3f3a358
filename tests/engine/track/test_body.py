"""Sides, hands that refine wrists, and the glide between readings."""

import numpy as np
import pytest

from engine.track.body import BodyFollower, refine_wrists

NO_HANDS = np.zeros((0, 3))


def pose() -> np.ndarray:
    """A person who faces the camera: the person's left (odd rows from 11) is on the picture's right."""
    rows = np.zeros((33, 4))
    rows[11], rows[12] = (0.7, 0.5, 1.0, 1.0), (0.3, 0.5, 1.0, 1.0)
    rows[13], rows[14] = (0.8, 0.7, 0.9, 1.0), (0.2, 0.7, 0.8, 1.0)
    rows[15], rows[16] = (0.75, 0.9, 0.5, 0.8), (0.25, 0.9, 0.4, 0.5)
    return rows


def test_left_is_the_left_of_the_picture() -> None:
    follower = BodyFollower(smooth=False)
    follower.take_pose(pose())
    body = follower.read(1.0, 0.0)
    assert body.shoulders == pytest.approx(np.array([(0.3, 0.5), (0.7, 0.5)]))
    assert body.elbows == pytest.approx(np.array([(0.2, 0.7), (0.8, 0.7)]))
    assert body.wrists == pytest.approx(np.array([(0.25, 0.9), (0.75, 0.9)]))
    assert body.body_score == pytest.approx(1.0)
    assert body.arm_scores == pytest.approx([0.8, 0.9, 0.2, 0.4])


def test_hands_move_the_nearest_wrists() -> None:
    points = np.array([(0.3, 0.5), (0.7, 0.5), (0.2, 0.7), (0.8, 0.7), (0.25, 0.9), (0.75, 0.9)])
    scores = np.array([1, 1, 0.8, 0.9, 0.2, 0.4])
    hands = np.array([(0.7, 0.85, 0.95), (0.3, 0.8, 0.9)])
    refined, marks = refine_wrists(points, scores, hands, 1.0)
    assert refined[4:] == pytest.approx(np.array([(0.3, 0.8), (0.7, 0.85)]))
    assert marks[4:] == pytest.approx([0.9, 0.95])
    assert refined[:4] == pytest.approx(points[:4])
    assert points[4] == pytest.approx((0.25, 0.9))  # the argument is not written


def test_crossed_hands_stay_with_their_arms() -> None:
    points = np.array([(0.3, 0.5), (0.7, 0.5), (0.3, 0.7), (0.7, 0.7), (0.6, 0.7), (0.4, 0.7)])
    hands = np.array([(0.41, 0.71, 0.9), (0.61, 0.71, 0.9)])
    refined, _ = refine_wrists(points, np.ones(6), hands, 1.0)
    assert refined[4:] == pytest.approx(np.array([(0.61, 0.71), (0.41, 0.71)]))


def test_a_stranger_s_hand_far_away_is_left_alone() -> None:
    points = np.array([(0.3, 0.5), (0.5, 0.5), (0.2, 0.7), (0.6, 0.7), (0.25, 0.9), (0.55, 0.9)])
    refined, scores = refine_wrists(points, np.full(6, 0.5), np.array([(0.95, 0.2, 0.9)]), 1.0)
    assert refined == pytest.approx(points)
    assert scores == pytest.approx(np.full(6, 0.5))


@pytest.mark.parametrize(("x", "side"), [(0.2, 0), (0.8, 1)])
def test_a_hand_without_a_body_belongs_to_its_side(x: float, side: int) -> None:
    refined, scores = refine_wrists(np.zeros((6, 2)), np.zeros(6), np.array([(x, 0.6, 0.9)]), 1.0)
    assert refined[4 + side] == pytest.approx((x, 0.6))
    assert scores[4 + side] == pytest.approx(0.9)
    assert scores[5 - side] == 0


def test_two_hands_without_a_body_are_sorted() -> None:
    hands = np.array([(0.8, 0.6, 0.7), (0.6, 0.5, 0.9)])
    refined, scores = refine_wrists(np.zeros((6, 2)), np.zeros(6), hands, 1.0)
    assert refined[4:] == pytest.approx(hands[::-1, :2])
    assert scores[4:] == pytest.approx([0.9, 0.7])


def test_readings_glide_without_a_jump() -> None:
    follower, wrists = BodyFollower(), []
    for index in range(60):
        if index % 5 == 0:  # six readings a second at 30 frames a second
            reading = pose()
            reading[16, 0] += 0.2 * min(index / 30, 1.0)
            follower.take_pose(reading)
        wrists.append(follower.read(1.0, index / 30).wrists[0, 0])
    steps = np.diff(wrists)
    assert np.abs(steps).max() < 0.6 * 0.2 / 6  # a held reading would jump by a sixth of the way
    assert wrists[-1] == pytest.approx(0.45, abs=0.01)


def test_nobody_has_no_score_and_the_next_body_starts_in_its_place() -> None:
    follower = BodyFollower()
    follower.take_pose(pose())
    follower.read(1.0, 0.0)
    follower.take_pose(None)
    assert follower.read(1.0, 0.1).body_score == 0
    moved = pose()
    moved[:, 0] += 0.1
    follower.take_pose(moved)
    assert follower.read(1.0, 0.2).shoulders[0, 0] == pytest.approx(0.4)


def test_hands_are_forgotten_when_they_are_gone() -> None:
    follower = BodyFollower(smooth=False)
    follower.take_pose(pose())
    follower.take_hands(np.array([(0.3, 0.85, 0.95)]))
    assert follower.read(1.0, 0.0).wrists[0] == pytest.approx((0.3, 0.85))
    follower.take_hands(NO_HANDS)
    assert follower.read(1.0, 0.1).wrists[0] == pytest.approx((0.25, 0.9))
