"""Scores of a run: what they measure, and against what."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from engine.types import CONTROL_NAMES
from models.networks.pocket import PocketConfig, PocketNetworks
from models.training.characters import NEUTRAL, Act, draw, held_out_character, pose
from models.training.pocket.evaluate import PocketRenderer, quick_scores, to_tensor
from models.training.pocket.metrics import BASELINE_POINTS, baseline_warp, l1_by_region, region_masks

SIZE = 64
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))


def test_the_baseline_has_the_28_points_of_the_prototype() -> None:
    assert len(set(BASELINE_POINTS)) == 28
    names = [CONTROL_NAMES[row].rstrip("0123456789").rstrip("_") for row in BASELINE_POINTS]
    counts = {name: names.count(name) for name in names}
    assert counts == {
        "contour": 5,
        "brow_left": 3,
        "brow_right": 3,
        "nose_tip": 1,
        "lip_outer": 4,
        "eye_left": 5,
        "eye_right": 5,
        "pupil_left": 1,
        "pupil_right": 1,
    }


def test_regions_surround_eyes_and_mouth() -> None:
    posed = pose(held_out_character(0), NEUTRAL)
    masks = region_masks(posed.points, 256)
    for row, name in enumerate(CONTROL_NAMES):
        x, y = (posed.points[row] * 256).astype(int).clip(0, 255)
        assert masks["eye"][y, x] or not name.startswith(("eye", "pupil"))
        assert masks["mouth"][y, x] or not name.startswith("lip_outer")
    assert masks["picture"].all()
    assert not (masks["eye"] & masks["mouth"]).any()
    assert 0.005 < masks["mouth"].mean() < masks["eye"].mean() < 0.25


def test_errors_are_counted_where_they_are() -> None:
    posed = pose(held_out_character(0), NEUTRAL)
    masks = region_masks(posed.points, SIZE)
    truth = np.full((SIZE, SIZE, 3), 100, np.uint8)
    picture = truth.copy()
    picture[masks["mouth"]] = 112
    errors = l1_by_region(picture, truth, masks)
    assert errors["mouth"] == 12.0
    assert errors["eye"] == 0.0
    assert errors["picture"] == pytest.approx(12.0 * masks["mouth"].mean(), rel=1e-4)


def test_the_baseline_follows_the_points_and_beats_the_still_reference() -> None:
    character = held_out_character(0)
    rest, turned = pose(character, NEUTRAL), pose(character, Act(yaw_deg=15, x=0.04, mouth_open=0.4))
    reference, truth = draw(character, rest, 128).rgb, draw(character, turned, 128).rgb
    at_rest, driven = (torch.from_numpy(one.points)[None].float() for one in (rest, turned))
    still = baseline_warp(to_tensor(reference), at_rest, at_rest)
    torch.testing.assert_close(still, to_tensor(reference), atol=2e-3, rtol=0)
    warped = baseline_warp(to_tensor(reference), at_rest, driven)
    error = (warped - to_tensor(truth)).abs().mean()
    assert error < 0.8 * (still - to_tensor(truth)).abs().mean()


def test_a_fresh_network_scores_near_the_warp(tmp_path: Path) -> None:
    torch.manual_seed(0)
    networks = PocketNetworks(CONFIG)
    scores = quick_scores(networks, tmp_path / "sheet.png", characters=1, frames=2, size=SIZE)
    assert networks.training
    assert scores["picture_error_ratio"] == pytest.approx(
        scores["picture"] / scores["picture_warp"], abs=1e-3
    )
    assert 0.5 < scores["picture_error_ratio"] < 3.0
    assert scores == quick_scores(networks, characters=1, frames=2, size=SIZE)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet.shape == (3 * SIZE, 3 * SIZE, 3)  # truth, made, warped; the reference and two frames


@torch.no_grad()
def test_a_network_that_keeps_the_full_warp_gives_the_drawing_back_at_rest() -> None:
    character = held_out_character(1)
    rest = pose(character, NEUTRAL)
    drawing = draw(character, rest, SIZE)
    networks = PocketNetworks(CONFIG).eval()
    networks.painter.out.weight.zero_()
    networks.painter.out.bias.zero_()
    networks.painter.out.bias[:4] = 30.0  # the full warp's logit, at the four pixels of a shuffle
    points, scores = torch.from_numpy(rest.points)[None].float(), torch.from_numpy(rest.scores)[None].float()
    renderer = PocketRenderer(networks, to_tensor(drawing.rgb), to_tensor(drawing.alpha), points, scores)
    made = renderer.render(points, scores)
    difference = (made - to_tensor(drawing.rgb)[0]).abs()
    assert difference.mean() < 0.01  # soft edges of the matte are filled, not copied
