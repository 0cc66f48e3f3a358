"""The bench measures what it says, and carrying a performance over beats standing still by far."""

import json

import pytest

from tests.bench import retarget


def test_retargeting_between_drawn_characters_is_nearly_right(capsys: pytest.CaptureFixture[str]):
    assert retarget.main(["--pairs", "4", "--frames", "25"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert report["pairs"] == 4
    for group in ("contour", "brows", "eyes", "pupils", "lips", "hair", "shoulders"):
        assert 0 < report[f"{group}_error"] < 0.02, group


def test_another_performance_is_told_apart():
    right, other = retarget.held_out_pair(0, 12), retarget.held_out_pair(1, 12)
    error = retarget.summarise([retarget.measure(right)])["all"]
    still = retarget.Pair(driver=right.driver, target=right.target, acts=[retarget.NEUTRAL] * 3)
    assert error["mean"] < 0.5 * error["still"]
    assert retarget.summarise([retarget.measure(still)])["all"]["mean"] < 1e-4
    assert retarget.avatar_of(right.target).points.shape == (61, 2)
    assert other.driver != right.driver
