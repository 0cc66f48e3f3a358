"""Lids that come down show skin, and nothing of the fringe above them."""

import numpy as np
import pytest
import torch

from models.networks.eyes import EYES, eye_axes, eye_widths
from models.networks.followers import LASH_SHARE, Followers
from models.networks.geometry import cell_centres
from models.networks.lids import lid_mask, shut_lids, skin_colour
from models.networks.pocket_decoder import PocketProps
from models.networks.pose import PoseMaker
from models.training.characters import NEUTRAL, Act, draw, held_out_character, pose

SIZE = 256
KNOWN = torch.ones(1, 61)


def points_of(act: Act, index: int = 2) -> torch.Tensor:
    return torch.from_numpy(pose(held_out_character(index), act).points).float()[None]


AT_REST = points_of(NEUTRAL)
SHUT = points_of(Act(eye_open_left=0.0, eye_open_right=0.0))


def lids_at_rest(points: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Upper lids as open as in the reference, ``(1, 2, 5, 2)``: the curves without the band of lashes."""
    widths = eye_widths(points, reference)
    ups = [eye_axes(points, eye, widths[:, n : n + 1])[1] for n, eye in enumerate(EYES)]
    return Followers(reference).of(points)[1][:, :2] - LASH_SHARE * torch.stack(ups, dim=1)[:, :, None]


def mask_of(points: torch.Tensor, size: int = SIZE) -> torch.Tensor:
    centres = cell_centres(size, points)
    return lid_mask(Followers(AT_REST).of(points)[1], centres, centres, SIZE)


def reference_of(index: int) -> tuple[torch.Tensor, torch.Tensor]:
    character = held_out_character(index)
    rest = pose(character, NEUTRAL)
    rgb = torch.from_numpy(draw(character, rest, SIZE).rgb).permute(2, 0, 1)[None].float() / 255.0
    return torch.cat([rgb, torch.ones(1, 1, SIZE, SIZE)], dim=1), torch.from_numpy(rest.points).float()[None]


def test_lids_at_rest_are_those_of_the_reference() -> None:
    rest = torch.stack([AT_REST[:, eye.upper_curve] for eye in EYES], dim=1)
    torch.testing.assert_close(lids_at_rest(AT_REST, AT_REST), rest, atol=1e-5, rtol=0)


def test_shutting_the_eyes_does_not_move_the_lids_at_rest() -> None:
    apart = (lids_at_rest(SHUT, AT_REST) - lids_at_rest(AT_REST, AT_REST)).abs().max()
    assert float(apart) * SIZE < 0.5


def test_lids_at_rest_follow_the_head() -> None:
    moved = AT_REST * 0.8 + torch.tensor([0.1, 0.05])  # smaller, and elsewhere
    expected = lids_at_rest(AT_REST, AT_REST) * 0.8 + torch.tensor([0.1, 0.05])
    torch.testing.assert_close(lids_at_rest(moved, AT_REST), expected, atol=1e-4, rtol=0)


def test_there_is_no_lid_where_nothing_has_come_down() -> None:
    wide = points_of(Act(eye_open_left=1.2, eye_open_right=1.2))
    assert float(mask_of(AT_REST).max()) < 0.05
    assert float(mask_of(wide).max()) < 0.2  # opening wide moves the corners a little


@pytest.mark.parametrize("eye", [0, 1])
def test_a_shut_lid_lies_between_the_lashes_before_and_now(eye: int) -> None:
    one = EYES[eye]
    mask = mask_of(SHUT)[0, 0]
    width = eye_widths(SHUT, AT_REST)[:, eye : eye + 1]
    up = eye_axes(SHUT, one, width)[1][0]
    lash_now = SHUT[0, one.upper[1]] + LASH_SHARE * up
    lash_before = lids_at_rest(SHUT, AT_REST)[0, eye, 2] + LASH_SHARE * up

    def at(place: torch.Tensor) -> float:
        column, row = (place * SIZE).long().tolist()
        return float(mask[row, column])

    assert at((lash_now + lash_before) / 2) == 1.0
    assert at(lash_before + 0.1 * up) == 0.0
    assert at(lash_now - 0.1 * up) == 0.0


def test_one_eye_winks_alone() -> None:
    wink = points_of(Act(eye_open_left=0.0))
    mask = mask_of(wink)[0, 0]
    middle = int(float(wink[0, 17:33, 0].mean()) * SIZE)
    left, right = float(mask[:, :middle].sum()), float(mask[:, middle:].sum())
    assert min(left, right) < 1.0
    assert max(left, right) > 50.0


def test_the_skin_s_colour_is_found_between_hair_and_glasses() -> None:
    reference, points = reference_of(2)
    colour = skin_colour(reference, points)
    assert colour.shape == (1, 4)
    assert float(colour[0, 3]) == 1.0
    nose = (points[0, 15] * SIZE).long()
    patch = (
        reference[0, :3, nose[1] - 14 : nose[1] - 8, nose[0] - 3 : nose[0] + 3].flatten(1).median(1).values
    )
    assert float((colour[0, :3] - patch).abs().max()) < 0.15


def test_hair_that_hangs_to_the_lashes_is_not_drawn_out_by_a_blink() -> None:
    # A fringe of one colour down to the lashes: all that a shut eye may show of it is what was there before.
    reference = torch.zeros(1, 4, SIZE, SIZE)
    reference[:, 1], reference[:, 3] = 0.5, 1.0
    lash = LASH_SHARE * float(eye_widths(AT_REST, AT_REST).mean())
    bottom = int((float(AT_REST[0, [18, 19, 20, 26, 27, 28], 1].min()) - lash) * SIZE)
    reference[:, :2, :bottom] = torch.tensor([1.0, 0.0])[:, None, None]
    made = PoseMaker()(SHUT, KNOWN, AT_REST, SIZE)
    skin = torch.tensor([[0.0, 0.5, 0.0, 1.0]])
    layered = PocketProps()(SHUT, made.flows, made.lids, skin, reference)[1]
    assert float(layered[0, 0, bottom + 4 : bottom + 10].max()) < 0.3
    bare = PocketProps()(SHUT, made.flows, torch.zeros_like(made.lids), skin, reference)[1]
    assert float(bare[0, 0, bottom + 4 : bottom + 10].max()) > 0.6  # what stretching would do


def test_lids_are_laid_at_any_resolution() -> None:
    upper, skin = torch.zeros(1, 4, 8, 8), torch.ones(1, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1.0
    laid = shut_lids(upper, skin, mask)
    np.testing.assert_array_equal(laid[0, 0, :, :3].numpy(), 1.0)
    np.testing.assert_array_equal(laid[0, 0, :, 5:].numpy(), 0.0)
