"""Thin-plate splines, filling, heat maps and curves: the geometry under the pocket networks."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.types import CONTROL_INDEX
from models.networks.fill import background_plate, extend_colour, push_pull
from models.networks.geometry import NUM_CURVE_MAPS, NUM_POINTS, CurveMaps, cell_centres, heat_maps
from models.networks.warp import (
    border_points,
    sample,
    sampling_grid,
    sampling_grids,
    solve_thin_plate,
    thin_plate_flow,
    thin_plate_flows,
)


def scattered(seed: int, count: int = 20) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 0.2 + 0.6 * torch.rand(1, count, 2, generator=generator)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_the_spline_takes_each_driven_point_to_its_reference_point(seed: int) -> None:
    driven = scattered(seed)
    reference = driven + 0.03 * torch.randn(driven.shape, generator=torch.Generator().manual_seed(seed + 1))
    weights, affine = (one[:, 0] for one in solve_thin_plate(driven, reference, torch.ones(1, 1, 20), 0.0))
    squared = (driven[:, :, None] - driven[:, None]).square().sum(-1)
    kernel = squared * torch.log(squared.clamp_min(1e-9))
    moved = driven + kernel @ weights + affine[:, None, 0] + driven @ affine[:, 1:]
    # Float32 kernel: weights of nearby points are large and cancel; 1e-3 is a quarter of a pixel.
    torch.testing.assert_close(moved, reference, atol=1e-3, rtol=0)


def test_points_of_score_zero_pull_at_nothing() -> None:
    driven, reference = scattered(3), scattered(3)
    reference[:, 5] += 0.2
    scores = torch.ones(1, 20)
    pulled = thin_plate_flow(driven, reference, scores, 16)
    scores[:, 5] = 0.0
    ignored = thin_plate_flow(driven, reference, scores, 16)
    identity = thin_plate_flow(driven, driven, torch.ones(1, 20), 16)
    assert (pulled - identity).abs().max() > 0.1
    torch.testing.assert_close(ignored, identity, atol=1e-3, rtol=0)


def test_an_unmoved_pose_gives_the_picture_back() -> None:
    picture = torch.rand(1, 3, 64, 64)
    flow = thin_plate_flow(scattered(1), scattered(1), torch.ones(1, 20), 32)
    torch.testing.assert_close(sample(picture, flow, 64), picture, atol=1e-3, rtol=0)


def test_the_border_has_twelve_points_and_stays() -> None:
    assert border_points().shape == (12, 2)
    assert ((border_points() == 0) | (border_points() == 1)).any(1).all()


def test_filling_keeps_what_is_known_and_continues_it() -> None:
    picture = torch.zeros(1, 3, 40, 40)
    picture[:, 0, :, :20] = 1.0
    known = torch.zeros(1, 1, 40, 40)
    known[..., :15] = 1.0
    filled = push_pull(picture, known)
    torch.testing.assert_close(filled[..., :15], picture[..., :15])
    assert filled[:, 0].min() > 0.99  # nothing but red was known


def test_the_plate_shows_nothing_of_the_character() -> None:
    rgb = torch.full((1, 3, 64, 64), 0.25)
    alpha = torch.zeros(1, 1, 64, 64)
    alpha[..., 20:40, 20:40] = 1.0
    rgb[..., 20:40, 20:40] = 0.9
    torch.testing.assert_close(background_plate(rgb, alpha), torch.full_like(rgb, 0.25), atol=1e-4, rtol=0)
    torch.testing.assert_close(extend_colour(rgb, alpha), torch.full_like(rgb, 0.9), atol=1e-4, rtol=0)


def test_a_heat_map_peaks_at_its_point_and_scales_with_its_score() -> None:
    points = torch.tensor([0.28125, 0.265625]).expand(1, NUM_POINTS, 2)  # the centre of a cell
    maps = heat_maps(points, torch.full((1, NUM_POINTS), 0.5), 32, 16)
    assert maps.shape == (1, NUM_POINTS, 32, 16)
    row, column = divmod(int(maps[0, 0].argmax()), 16)
    assert (row, column) == (8, 4)
    assert abs(float(maps.max()) - 0.5) < 1e-4


def face() -> torch.Tensor:
    """An upright face: enough of the named points, the rest in the middle."""
    points = torch.full((1, NUM_POINTS, 2), 0.5)

    def put(name: str, x: float, y: float) -> None:
        points[0, CONTROL_INDEX[name]] = torch.tensor([x, y])

    for side, x in (("left", 0.35), ("right", 0.65)):
        put(f"eye_{side}_0", x - 0.08, 0.4)
        put(f"eye_{side}_4", x + 0.08, 0.4)
        for index, dx in ((1, -0.04), (2, 0.0), (3, 0.04)):
            put(f"eye_{side}_{index}", x + dx, 0.36)
            put(f"eye_{side}_{8 - index}", x + dx, 0.44)
        put(f"pupil_{side}", x, 0.4)
    return points


def test_the_lid_curves_are_signed_by_side() -> None:
    points = face()
    maps = CurveMaps()(points, cell_centres(128, points), cell_centres(128, points))
    assert maps.shape == (1, NUM_CURVE_MAPS, 128, 128)
    column = int(0.35 * 128)
    upper, lower = maps[0, 0, :, column], maps[0, 1, :, column]
    inside, above, below = int(0.40 * 128), int(0.30 * 128), int(0.50 * 128)
    assert upper[inside] > 0 > upper[above]  # below the upper lid is positive
    assert lower[inside] < 0 < lower[below]
    window = maps[0, 22]
    assert window[inside, column] > 0 > window[inside, int(0.15 * 128)]


def test_curves_do_not_depend_on_the_size_of_the_picture() -> None:
    points = face()
    coarse = CurveMaps()(points, cell_centres(64, points), cell_centres(64, points))
    fine = CurveMaps()(points, cell_centres(192, points), cell_centres(192, points))
    torch.testing.assert_close(fine[..., 1::3, 1::3], coarse, atol=1e-4, rtol=0)


def test_a_shut_eye_stays_finite() -> None:
    points = torch.full((1, NUM_POINTS, 2), 0.5)  # all points in one place
    maps = CurveMaps()(points, cell_centres(32, points), cell_centres(32, points))
    assert torch.isfinite(maps).all()
    assert torch.isfinite(thin_plate_flow(points, points, torch.ones(1, NUM_POINTS), 16)).all()


def test_splines_that_share_their_points_are_the_splines_alone() -> None:
    driven, reference = scattered(1), scattered(2)
    scores = torch.ones(1, 2, 20)
    scores[:, 1, 5:9] = 0.0
    together = thin_plate_flows(driven, reference, scores, 16)
    for number in range(2):
        alone = thin_plate_flows(driven, reference, scores[:, number : number + 1], 16)
        torch.testing.assert_close(together[:, number], alone[:, 0], atol=1e-4, rtol=0)  # of half a picture
    assert (together[:, 0] - together[:, 1]).abs().max() > 0.01


def test_grids_made_of_products_are_those_of_interpolation() -> None:
    flows = 0.1 * torch.randn(2, 6, 16, 16, generator=torch.Generator().manual_seed(0))
    for size in (64, 40):
        grids = sampling_grids(flows, size)
        assert grids.shape == (2, 3, size, size, 2)
        for number, flow in enumerate(flows.chunk(3, dim=1)):
            torch.testing.assert_close(grids[:, number], sampling_grid(flow, size), atol=1e-6, rtol=0)
