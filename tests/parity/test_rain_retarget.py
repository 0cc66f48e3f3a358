"""The core of the golden tensors, and that the comparison itself can fail."""

import json
import shutil
from dataclasses import astuple
from pathlib import Path

import pytest

from engine.retarget.rain_canvas import ALL_POINT_DISCS, DEFAULT_EDITS, DISCS, INITIAL_EDITS
from tests.parity import rain_retarget


def test_every_golden_tensor_and_picture_is_within_its_tolerance():
    checks = rain_retarget.run(rain_retarget.CORE_DIR)
    assert len(checks) == 25
    assert [check for check in checks if not check.passed] == []


def test_built_in_lists_equal_the_golden_ones():
    case = rain_retarget.load_case(rain_retarget.CORE_DIR)
    for name, ours in (("default_edits", DEFAULT_EDITS), ("initial_edits", INITIAL_EDITS)):
        golden = [astuple(edit) for edit in rain_retarget.edits_of(case[name])]
        assert len(golden) == len(ours)
        for expected, edit in zip(golden, map(astuple, ours), strict=True):
            assert edit[2:6] == pytest.approx(expected[2:6], abs=1e-12)
            assert edit[:2] + edit[6:] == expected[:2] + expected[6:]
    assert rain_retarget.discs_of(case) == list(DISCS)
    assert rain_retarget.all_point_discs_of(case) == list(ALL_POINT_DISCS)


def test_a_changed_slider_fails_the_comparison(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(rain_retarget.CORE_DIR, tmp_path, dirs_exist_ok=True)
    document = json.loads((tmp_path / "cases.json").read_text())
    document["cases"][0]["default_edits"][3]["scale_x"] += 0.01
    (tmp_path / "cases.json").write_text(json.dumps(document))
    assert rain_retarget.main([str(tmp_path)]) == 1
    failed = json.loads(capsys.readouterr().out.splitlines()[-1])["failed"]
    assert {"retarget/out.retargeted", "retarget/canvas_0.png"} <= set(failed)
    assert "out.retargeted_initial" not in failed
