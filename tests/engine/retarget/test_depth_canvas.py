"""The depth picture of an avatar's points: near is bright, it follows the points, and it needs no camera."""

from dataclasses import replace

import numpy as np
import pytest

from engine.retarget.depth_canvas import draw_depth
from engine.standard_rooms import load_avatar
from engine.types import Avatar, Control


@pytest.fixture(scope="module")
def luna() -> Avatar:
    return load_avatar("luna")


def test_near_is_bright_and_the_corner_is_dark(luna: Avatar) -> None:
    control = Control(luna.points, luna.scores, 0, 0.0)
    picture = draw_depth(control, luna.depth, 96)
    assert picture.shape == (96, 96, 3)
    assert picture.dtype == np.uint8
    assert (picture == picture[..., :1]).all()
    columns, rows = (luna.points * 96).astype(int).clip(0, 95).T
    assert picture[rows, columns, 0].min() > 60
    nearest, farthest = int(luna.depth.argmax()), int(luna.depth.argmin())
    at = picture[rows, columns, 0].astype(int)
    assert at[nearest] > at[farthest]
    assert picture[2, 2, 0] < 20


def test_it_moves_with_the_points_and_leaves_out_those_without_a_score(luna: Avatar) -> None:
    control = Control(luna.points, luna.scores, 0, 0.0)
    rest = draw_depth(control, luna.depth, 64)
    moved = draw_depth(replace(control, points=control.points + np.float32([8 / 64, 0])), luna.depth, 64)
    np.testing.assert_allclose(moved[:, 10:-2], rest[:, 2:-10], atol=2)
    nobody = draw_depth(replace(control, scores=np.zeros_like(control.scores)), luna.depth, 64)
    assert not nobody.any()
