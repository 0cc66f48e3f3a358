"""The metrics of the quality bench: known values, and a rule that reads openings back from true drawings."""

from dataclasses import replace

import numpy as np
import pytest

from models.training.characters import NEUTRAL, draw, held_out_character, held_out_performance, pose
from tests.bench.opening_rules import PARTS, opening_rules, varied_acts
from tests.bench.picture_metrics import EYES, LIPS, opening, psnr_db, region_masks, second_difference

GREY = np.full((32, 32, 3), 100, np.uint8)
ALL = np.ones((32, 32), bool)


def test_psnr_has_its_known_values() -> None:
    assert psnr_db(GREY + 10, GREY, ALL) == pytest.approx(20 * np.log10(25.5), abs=1e-3)
    assert psnr_db(GREY, GREY + 1, ALL) == pytest.approx(48.13, abs=0.01)
    assert psnr_db(GREY, GREY, ALL) == pytest.approx(108.13, abs=0.01)


def test_psnr_counts_its_region_only() -> None:
    region = np.zeros((32, 32), bool)
    region[8:16, 8:16] = True
    elsewhere, inside = GREY.copy(), GREY.copy()
    elsewhere[~region] = 255
    inside[region] = 151
    assert psnr_db(elsewhere, GREY, region) > 100
    assert psnr_db(inside, GREY, region) == pytest.approx(20 * np.log10(5), abs=1e-3)
    assert psnr_db(inside, GREY, ALL) == pytest.approx(20 * np.log10(5 * 4), abs=1e-3)


def test_a_still_or_steadily_changing_clip_does_not_shake() -> None:
    assert second_difference([GREY] * 5) == 0.0
    assert second_difference([GREY + 3 * number for number in range(5)]) == 0.0


def test_shaking_is_its_second_difference() -> None:
    assert second_difference([GREY, GREY + 4, GREY, GREY + 4]) == pytest.approx(8.0)


def test_an_opening_is_the_gap_over_the_width() -> None:
    points = np.zeros((61, 2), np.float32)
    points[LIPS] = [
        (0.4, 0.6),
        (0.45, 0.58),
        (0.5, 0.57),
        (0.55, 0.58),
        (0.6, 0.6),
        (0, 0),
        (0.5, 0.67),
        (0, 0),
    ]
    assert opening(points, LIPS) == pytest.approx(0.5)
    points *= 0.7
    assert opening(points + 0.1, LIPS) == pytest.approx(0.5)


def test_shut_and_open_differ_on_a_character() -> None:
    character = held_out_character(0)
    shut = pose(character, replace(NEUTRAL, eye_open_left=0.0, mouth_open=0.0)).points
    wide = pose(character, replace(NEUTRAL, eye_open_left=1.25, mouth_open=1.0)).points
    assert opening(shut, EYES[0]) < 0.3 * opening(wide, EYES[0])
    assert opening(shut, LIPS) < 0.5 * opening(wide, LIPS)
    assert opening(shut, EYES[1]) == pytest.approx(opening(wide, EYES[1]), rel=1e-3)


def test_the_drawings_of_a_rule_show_every_opening() -> None:
    acts = varied_acts(200)
    for channel, high in (("eye_open_left", 1.25), ("eye_open_right", 1.25), ("mouth_open", 1.0)):
        shares, _ = np.histogram([getattr(act, channel) for act in acts], bins=5, range=(0, high))
        assert shares.min() > 15, channel
    assert acts == varied_acts(200)
    assert acts != varied_acts(200, seed=1)


@pytest.mark.parametrize("index", [2, 3])
def test_the_rule_reads_openings_off_true_drawings(index: int) -> None:
    character = held_out_character(index)
    rules = opening_rules(character, 128, num_drawings=160)
    posed = [pose(character, act) for act in held_out_performance(index, 90)[::3]]
    pictures = [draw(character, one, 128).rgb for one in posed]
    for name, rows in PARTS.items():
        truth = [opening(one.points, rows) for one in posed]
        read = [
            rules[name].measure(picture, one.points) for picture, one in zip(pictures, posed, strict=True)
        ]
        assert np.corrcoef(truth, read)[0, 1] >= 0.98, name


def test_the_rule_sees_the_picture_and_not_the_points() -> None:
    character = held_out_character(1)
    rule = opening_rules(character, 128, num_drawings=80)["mouth"]
    shut, wide = (pose(character, replace(NEUTRAL, mouth_open=level)) for level in (0.0, 0.8))
    picture = draw(character, shut, 128).rgb
    # Asked to open, but still shut in the picture: the corners place the patch and say no more.
    asked = rule.measure(picture, wide.points)
    assert abs(asked - opening(shut.points, LIPS)) < 0.4 * abs(asked - opening(wide.points, LIPS))


def test_regions_have_the_picture_among_them() -> None:
    masks = region_masks(pose(held_out_character(0), NEUTRAL).points, 32)
    assert set(masks) == {"picture", "eye", "mouth"}
    assert masks["picture"].all()
