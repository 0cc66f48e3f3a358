"""The core of RAIN's goldens, and that the comparison itself can fail."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from tests.parity import rain


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """A copy of the core with the sampler and the pose guider only: quick."""
    shutil.copytree(rain.CORE_DIR, tmp_path / "core")
    folder = tmp_path / "core"
    document = json.loads((folder / "cases.json").read_text())
    document["cases"] = [c for c in document["cases"] if c["id"] in {"scheduler", "pose_guider_tiny"}]
    (folder / "cases.json").write_text(json.dumps(document))
    return folder


def test_every_golden_of_the_core_is_within_its_tolerance() -> None:
    checks = rain.run(rain.CORE_DIR)
    assert {check.case for check in checks} == {"retarget", "denoiser", "scheduler", "pose_guider_tiny"}
    assert len(checks) == 53
    assert [check for check in checks if not check.passed] == []


def test_a_wrong_weight_fails_the_comparison(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = core / "weights" / "pose_guider_tiny.safetensors"
    weights = load_file(path)
    weights["blocks.2.weight"] *= 1.01
    save_file(weights, path)
    assert rain.main([str(core)]) == 1
    failed = json.loads(capsys.readouterr().out.splitlines()[-1])["failed"]
    assert failed == ["pose_guider_tiny/out.features", "pose_guider_tiny/out.features_u8"]


def test_another_noise_schedule_fails_the_comparison(core: Path) -> None:
    document = json.loads((core / "cases.json").read_text())
    document["configs"]["scheduler"]["rescale_betas_zero_snr"] = False
    (core / "cases.json").write_text(json.dumps(document))
    assert rain.main([str(core)]) == 1


def test_a_missing_key_is_named_and_the_other_cases_go_on(
    core: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = core / "weights" / "pose_guider_tiny.safetensors"
    weights = load_file(path)
    del weights["blocks.3.bias"]
    save_file(weights, path)
    assert rain.main([str(core)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "missing: blocks.3.bias" in line]
    assert json.loads(lines[-1])["failed"] == ["pose_guider_tiny/(whole case)"]
    assert json.loads(lines[-1])["checks"] > 20


def test_a_case_may_have_another_name_and_weights(core: Path) -> None:
    """What a case is follows from how its name begins; weights and sizes are those that it names."""
    document = json.loads((core / "cases.json").read_text())
    (entry,) = [case for case in document["cases"] if case["id"] == "pose_guider_tiny"]
    entry |= {"id": "pose_guider_other", "weights": ["other.safetensors"]}
    (core / "weights" / "pose_guider_tiny.safetensors").rename(core / "weights" / "other.safetensors")
    document["configs"]["pose_guider_tiny"] = {}
    (core / "cases.json").write_text(json.dumps(document))
    checks = [check for check in rain.run(core) if check.case == "pose_guider_other"]
    assert len(checks) == 2
    assert all(check.passed for check in checks)
