"""The core of Live2Diff's goldens, and that the comparison itself can fail."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from engine.denoise.memory import RingStart
from tests.parity import live2diff, live2diff_goldens


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """A copy of the core with one attention only: quick."""
    folder = tmp_path / "core"
    shutil.copytree(live2diff.CORE_DIR, folder)
    document = json.loads((folder / "cases.json").read_text())
    document["cases"] = [c for c in document["cases"] if c["file"].startswith("temporal_attention")]
    (folder / "cases.json").write_text(json.dumps(document))
    return folder


def failed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    names: list[str] = json.loads(capsys.readouterr().out.splitlines()[-1])["failed"]
    return [name.split("/")[1] for name in names]


def test_every_golden_of_the_core_is_within_its_tolerance() -> None:
    checks = live2diff.run(live2diff.CORE_DIR)
    assert {check.case for check in checks} == {
        "temporal_attention",
        "temporal_module",
        "scheduler",
        "depth",
    }
    assert len(checks) == 53
    assert [check for check in checks if not check.passed] == []


def test_a_wrong_weight_fails_the_comparison(core: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = core / "weights" / "live2diff.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if name.endswith("attention_blocks.0.to_v.weight"))
    weights[name] *= 1.01
    save_file(weights, path)
    assert live2diff.main([str(core)]) == 1
    assert failed(capsys) == ["warmup_output", "cache_after_warmup", "output", "cache_after"]


def test_the_gated_start_is_not_the_published_one(
    core: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live2diff_goldens, "START", RingStart.GATED)
    assert live2diff.main([str(core)]) == 1
    assert {"output", "open (ours)", "update_idx (ours)"} <= set(failed(capsys))
