"""The face cut along lids and lips: eyes shut, irises turn as one, arms drag nothing."""

import numpy as np
import pytest
import torch

from engine.types import CONTROL_NAMES, control_indices
from models.networks.followers import Followers
from models.networks.geometry import CurveMaps, cell_centres
from models.networks.layered_warp import (
    ARMS,
    FLOW_GRID,
    LOWER_PARTS,
    MOUTH_CORNERS,
    PUPILS,
    UPPER_PARTS,
    LayerFlows,
    cut_layers,
    layer_masks,
)
from models.networks.pose import PoseMaker
from models.networks.warp import sample, thin_plate_flow
from models.training.characters import NEUTRAL, Act, held_out_character, held_out_performance, pose
from tests.models.networks import straightforward

SIZE = 256
KNOWN = torch.ones(1, 61)


def points_of(act: Act, index: int = 2) -> torch.Tensor:
    return torch.from_numpy(pose(held_out_character(index), act).points).float()[None]


AT_REST = points_of(NEUTRAL)


def layer_flows(points: torch.Tensor, scores: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    return LayerFlows()(points, scores, Followers(reference))[0]


def curves_of(points: torch.Tensor, size: int) -> torch.Tensor:
    centres = cell_centres(size, points)
    return CurveMaps()(points, centres, centres)


def layered(picture: torch.Tensor, points: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    layers = (sample(picture, one, SIZE) for one in layer_flows(points, KNOWN, reference).chunk(3, dim=1))
    return cut_layers(*layers, layer_masks(curves_of(points, SIZE // 2), SIZE, SIZE))


def eyeballs(points: torch.Tensor) -> torch.Tensor:
    """A picture that is white between the lids and black elsewhere."""
    return layer_masks(curves_of(points, SIZE), SIZE, SIZE)[1]


def names(rows: tuple[int, ...]) -> set[str]:
    return {CONTROL_NAMES[row] for row in rows}


def test_the_point_tables_name_what_they_say() -> None:
    assert names(UPPER_PARTS) == {
        f"{part}_{index}"
        for part in ("eye_left", "eye_right", "lip_outer", "lip_inner")
        for index in (1, 2, 3)
    }
    assert names(LOWER_PARTS) == {
        f"{part}_{index}"
        for part in ("eye_left", "eye_right", "lip_outer", "lip_inner")
        for index in (5, 6, 7)
    }
    assert names(MOUTH_CORNERS) == {"lip_inner_0", "lip_inner_4"}
    assert names(PUPILS) == {"pupil_left", "pupil_right"}
    assert names(ARMS) == {f"{part}_{side}" for part in ("elbow", "wrist") for side in ("left", "right")}


def test_at_rest_the_layers_make_the_reference() -> None:
    picture = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(picture, size=SIZE, mode="bilinear")
    torch.testing.assert_close(layered(picture, AT_REST, AT_REST), picture, atol=5e-3, rtol=0)


def test_a_shut_eye_shows_nothing_of_the_eyeball_which_one_spline_does() -> None:
    picture = eyeballs(AT_REST)
    shut = points_of(Act(eye_open_left=0.0, eye_open_right=0.0))
    at_rest = float(picture.sum())
    one_spline = sample(picture, thin_plate_flow(shut, AT_REST, KNOWN, 64), SIZE)
    assert at_rest > 400
    assert float(layered(picture, shut, AT_REST).sum()) < 0.1 * at_rest  # a soft line is left
    assert float(one_spline.sum()) > 0.5 * at_rest


@pytest.mark.parametrize("openness", [0.3, 0.6, 1.0])
def test_the_opening_seen_is_the_opening_asked_for(openness: float) -> None:
    driven = points_of(Act(eye_open_left=openness, eye_open_right=openness))
    seen, asked = layered(eyeballs(AT_REST), driven, AT_REST), eyeballs(driven)
    assert (seen - asked).abs().sum() < 0.25 * asked.sum()


def test_an_iris_turns_as_one() -> None:
    row = control_indices(("pupil_left",))[0]
    looking = points_of(Act(gaze_x=0.7))
    inner = layer_flows(looking, KNOWN, AT_REST)[0, 4:]
    x, y = (looking[0, row] * FLOW_GRID).int().tolist()
    around = torch.cat([inner[:, y, x - 1 : x + 2], inner[:, y - 1 : y + 2, x]], dim=1) / 2
    wanted = (AT_REST - looking)[0, row]
    assert float(wanted.norm()) > 3 / SIZE
    np.testing.assert_allclose(around.mean(1), wanted, atol=0.5 / SIZE)
    assert float(around.std(1).max()) < 0.2 * float(wanted.norm())


def test_a_mouth_that_opens_takes_its_lower_lip_down() -> None:
    talking = points_of(Act(mouth_open=0.9))
    lip = control_indices(("lip_outer_6",))[0]
    x, y = (talking[0, lip] * FLOW_GRID).int().tolist()
    upper, lower, _ = layer_flows(talking, KNOWN, AT_REST).chunk(3, dim=1)
    wanted = (AT_REST - talking)[0, lip]
    assert float(wanted[1]) < -6 / SIZE
    np.testing.assert_allclose(lower[0, :, y, x] / 2, wanted, atol=1.5 / SIZE)
    assert abs(float(upper[0, 1, y, x] / 2 - wanted[1])) > 3 / SIZE
    is_below = layer_masks(curves_of(talking, SIZE), SIZE, SIZE)[0][0, 0]
    x, y = (talking[0, lip] * SIZE).int().tolist()
    assert is_below[y, x] > 0.9
    assert is_below[int(talking[0, 45, 1] * SIZE) + 2, x] < 0.1  # within the mouth


def test_masks_do_not_depend_on_the_resolution_of_the_curves() -> None:
    driven = points_of(Act(eye_open_left=0.5, mouth_open=0.5, yaw_deg=10))
    for ours, theirs in zip(
        layer_masks(curves_of(driven, SIZE // 2), SIZE, SIZE),
        layer_masks(curves_of(driven, SIZE), SIZE, SIZE),
        strict=True,
    ):
        assert (ours - theirs).abs().mean() < 4e-3  # corners of lids are cut a little


def test_a_raised_arm_does_not_drag_the_body() -> None:
    raised = AT_REST.clone()
    raised[:, list(ARMS)] -= 0.4
    make = PoseMaker()
    at_rest, waving = (make(points, KNOWN, AT_REST, 64) for points in (AT_REST, raised))
    torch.testing.assert_close(waving.flows, at_rest.flows, atol=1e-3, rtol=0)  # the stiffness is finite
    assert (waving.heat - at_rest.heat).abs().max() > 0.2


def test_the_top_of_a_head_that_nods_stays_round() -> None:
    """One point on top of the hair would draw out a tip."""
    nodding = points_of(Act(pitch_deg=14))
    upper = layer_flows(nodding, KNOWN, AT_REST)[0, :2] / 2
    left, top, right = (nodding[0, row] for row in control_indices(("hair_left", "hair_top", "hair_right")))
    beside = (left + right) / 2 + 0.5 * (top - (left + right) / 2) * 3**0.5 + 0.25 * (right - left)
    x, y = (beside * FLOW_GRID).int().tolist()
    rest = [AT_REST[0, row] for row in control_indices(("hair_left", "hair_top", "hair_right"))]
    middle = (rest[0] + rest[2]) / 2
    wanted = middle + 0.5 * (rest[1] - middle) * 3**0.5 + 0.25 * (rest[2] - rest[0]) - beside
    np.testing.assert_allclose(upper[:, y, x], wanted, atol=1.5 / SIZE)


@pytest.mark.parametrize("known", [True, False])
def test_the_trunk_follows_shoulders_that_are_known_down_to_the_edge(known: bool) -> None:
    rows = list(control_indices(("shoulder_left", "shoulder_right", "neck")))
    leaning, scores = AT_REST.clone(), KNOWN.clone()
    leaning[:, rows] += torch.tensor([8.0 / SIZE, 0.0])
    scores[:, rows] = float(known)
    upper = layer_flows(leaning, scores, AT_REST)[0, 0] / 2 * SIZE
    assert abs(float(upper[-1, FLOW_GRID // 2]) - (-8.0 if known else 0.0)) < 1.0


def test_hidden_eyes_carry_nothing() -> None:
    scores = KNOWN.clone()
    scores[:, 17:35] = 0.0
    nonsense = AT_REST.clone()
    nonsense[:, 17:35] += 0.2
    moved = layer_flows(nonsense, scores, AT_REST)
    torch.testing.assert_close(moved, torch.zeros_like(moved), atol=2e-3, rtol=0)


def scores_of(frames: int) -> torch.Tensor:
    """Scores of frames in which more and more is unknown."""
    scores = torch.rand(frames, 61, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.5
    scores[1, 17:35] = 0.2  # the eyes
    scores[2, [53, 55]] = 0.0  # hair and a shoulder
    scores[3, ::3] = 0.4
    return scores


def test_which_points_carry_which_layer_is_the_rule_written_down() -> None:
    scores = scores_of(4)
    certain = LayerFlows()._certain(scores)
    assert torch.equal(certain >= 0.5, straightforward.certain_points(scores) >= 0.5)


@pytest.mark.parametrize("own_references", [False, True])
def test_the_flows_are_the_splines_solved_one_by_one_in_double(own_references: bool) -> None:
    acts = held_out_performance(2, 96)[::24]
    points, scores = torch.cat([points_of(act) for act in acts]), scores_of(4)
    reference = torch.cat([AT_REST + 0.01 * n for n in range(4)]) if own_references else AT_REST
    expected = straightforward.layer_flows(points, scores, reference, FLOW_GRID)
    error = (layer_flows(points, scores, reference) - expected).abs() * SIZE / 2  # pixels
    assert expected.abs().max() * SIZE / 2 > 3.0
    assert float(error.mean()) < 2e-3
    assert float(error.max()) < 0.05


def test_a_maker_that_knows_the_avatar_makes_the_same() -> None:
    points = torch.cat([points_of(Act(yaw_deg=10)), points_of(Act(mouth_open=0.8, gaze_x=-0.5))])
    make, scores, followers = PoseMaker(), torch.ones(2, 61), Followers(AT_REST)
    expected = make(points, scores, AT_REST, SIZE)
    for one in range(2):  # frame after frame
        made = make.pose(points[one : one + 1], scores[:1], followers, SIZE)
        for name in ("heat", "flows", "lids", "cut_flow"):
            got, wanted = getattr(made, name)[0], getattr(expected, name)[one]
            torch.testing.assert_close(got, wanted, atol=1e-4, rtol=0)
