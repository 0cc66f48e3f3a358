"""Points that follow from others: one product is what each of them is, written down alone."""

import pytest
import torch

from models.networks.followers import NUM_PLACED, Followers
from models.networks.geometry import NUM_POINTS
from models.training.characters import NEUTRAL, held_out_character, held_out_performance, pose
from tests.models.networks import straightforward

EXACT = {"atol": 1e-6, "rtol": 0.0}  # of the picture: float32 adds in another order


def performance(index: int, count: int = 5) -> torch.Tensor:
    acts = held_out_performance(index, 24 * count)[::24]
    points = [pose(held_out_character(index), act).points for act in acts]
    return torch.stack([torch.from_numpy(one).float() for one in points])


def at_rest(index: int) -> torch.Tensor:
    return torch.from_numpy(pose(held_out_character(index), NEUTRAL).points).float()[None]


@pytest.mark.parametrize("index", [0, 3])
def test_one_product_is_every_follower_alone(index: int) -> None:
    points, reference = performance(index), at_rest(index)
    followers = Followers(reference)
    placed, lids = followers.of(points)
    every = reference.expand_as(points)
    assert placed.shape == (len(points), NUM_PLACED, 2)
    torch.testing.assert_close(placed[:, :NUM_POINTS], points, atol=0.0, rtol=0.0)
    torch.testing.assert_close(placed[:, NUM_POINTS:], straightforward.helpers(points, every), **EXACT)
    torch.testing.assert_close(lids, straightforward.lid_curves(points, every), **EXACT)
    expected = torch.cat([reference, straightforward.helpers(reference, reference)], dim=1)
    torch.testing.assert_close(followers.at_rest, expected, **EXACT)


def test_each_frame_may_have_a_reference_of_its_own() -> None:
    points, references = (
        torch.cat([performance(1, 1), performance(2, 1)]),
        torch.cat([at_rest(1), at_rest(2)]),
    )
    placed, lids = Followers(references).of(points)
    for one in range(2):
        alone, lids_alone = Followers(references[one : one + 1]).of(points[one : one + 1])
        torch.testing.assert_close(placed[one], alone[0], **EXACT)
        torch.testing.assert_close(lids[one], lids_alone[0], **EXACT)
    assert (placed[0] - Followers(references[1:]).of(points[:1])[0][0]).abs().max() > 0.002


def test_points_in_one_place_stay_finite() -> None:
    nowhere = torch.full((1, NUM_POINTS, 2), 0.5)
    placed, lids = Followers(nowhere).of(nowhere)
    assert torch.isfinite(placed).all()
    assert torch.isfinite(lids).all()
