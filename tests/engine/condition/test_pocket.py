"""The pocket conditioner: what an avatar and a control become."""

import dataclasses

import numpy as np
import pytest
import torch

from engine.condition.pocket import PocketConditioner
from engine.types import CONTROL_INDEX, Avatar, Control
from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.warp import sample
from models.training.characters import Act, avatar, held_out_character, pose

SIZE, CELLS = 64, 8
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))


@pytest.fixture(scope="module")
def networks() -> PocketNetworks:
    torch.manual_seed(0)
    return PocketNetworks(CONFIG).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def drawn() -> Avatar:
    return avatar(held_out_character(4), "drawn", size=128)


@pytest.fixture(scope="module")
def conditioner(networks: PocketNetworks, drawn: Avatar) -> PocketConditioner:
    return PocketConditioner(networks, drawn, SIZE)


def control_at(points: np.ndarray, scores: np.ndarray) -> Control:
    return Control(
        points=points.astype(np.float32), scores=scores.astype(np.float32), frame_index=0, captured_at_s=0.0
    )


def test_a_neutral_control_moves_nothing(conditioner: PocketConditioner, drawn: Avatar) -> None:
    row = conditioner.row(control_at(drawn.points, drawn.scores))
    assert row["flows"].abs().max() * SIZE / 2 < 0.05  # in pixels
    for flow in row["flows"].chunk(3, dim=1):
        torch.testing.assert_close(
            sample(conditioner.picture, flow, SIZE), conditioner.picture, atol=5e-3, rtol=0
        )


def test_a_row_has_the_stated_shapes(conditioner: PocketConditioner, drawn: Avatar) -> None:
    row = conditioner.row(control_at(drawn.points, drawn.scores))
    assert {name: tuple(value.shape) for name, value in row.items()} == {
        "points": (1, 61, 2),
        "flows": (1, 6, 64, 64),
        "lids": (1, 4, 5, 2),
        "skin": (1, 4),
        "heat": (1, 61, CELLS, CELLS),
        "warped": (1, 8 + 32, CELLS, CELLS),
    }
    for value in row.values():
        assert value.dtype == torch.float32


def test_the_displacement_leads_back_to_the_reference(conditioner: PocketConditioner, drawn: Avatar) -> None:
    posed = pose(held_out_character(4), Act(yaw_deg=12, x=0.03))
    row = conditioner.row(control_at(posed.points, posed.scores))
    tip = CONTROL_INDEX["nose_tip"]
    column, line = (posed.points[tip] * 64).astype(int)
    moved = row["flows"][0, :2, line, column].numpy() / 2  # half pictures to pictures
    np.testing.assert_allclose(moved, drawn.points[tip] - posed.points[tip], atol=0.012)
    assert np.abs(moved).max() > 0.03


def test_an_unknown_point_moves_nothing(conditioner: PocketConditioner, drawn: Avatar) -> None:
    shoulder = CONTROL_INDEX["shoulder_left"]
    points, scores = drawn.points.copy(), drawn.scores.copy()
    points[shoulder] += 0.3
    scores[shoulder] = 0.0
    row = conditioner.row(control_at(points, scores))
    assert row["flows"].abs().max() < 2e-3
    assert row["heat"][0, shoulder].max() == 0.0


def test_the_reference_is_projected_once(conditioner: PocketConditioner) -> None:
    first, again = conditioner.reference, conditioner.reference
    assert set(first) == {"middle_k", "middle_v", "coarse_k", "coarse_v"}
    assert all(first[name].data_ptr() == again[name].data_ptr() for name in first)
    assert first["middle_k"].shape == (1, 2, 16, 16)


def test_the_picture_keeps_the_character_and_the_plate_shows_only_what_is_behind(
    conditioner: PocketConditioner,
) -> None:
    assert conditioner.picture.shape == (1, 4, SIZE, SIZE)
    assert conditioner.picture.min() >= 0
    assert conditioner.picture.max() <= 1
    assert conditioner.plate.shape == (SIZE, SIZE, 3)
    assert conditioner.plate.dtype == np.uint8
    assert conditioner.plate.flags.c_contiguous


def test_an_avatar_without_a_matte_is_all_character(networks: PocketNetworks, drawn: Avatar) -> None:
    bare = PocketConditioner(networks, dataclasses.replace(drawn, matte=None), SIZE)
    assert (bare.picture[:, 3] == 1).all()
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(drawn.rgb).permute(2, 0, 1)[None] / 255.0, size=SIZE, mode="bilinear", antialias=True
    )
    torch.testing.assert_close(bare.picture[:, :3], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("size", [0, 48, -32])
def test_a_size_that_the_networks_cannot_make_is_refused(
    networks: PocketNetworks, drawn: Avatar, size: int
) -> None:
    with pytest.raises(ValueError, match=f"multiple of 32, got {size}"):
        PocketConditioner(networks, drawn, size)


def test_a_picture_that_is_not_square_is_refused(networks: PocketNetworks, drawn: Avatar) -> None:
    oblong = dataclasses.replace(drawn, rgb=np.ascontiguousarray(drawn.rgb[:100]))
    with pytest.raises(ValueError, match="128 x 100"):
        PocketConditioner(networks, oblong, SIZE)
