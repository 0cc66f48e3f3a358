"""What the three commands do with a folder that is not as they expect: a sentence, never a traceback."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.parity import live2diff, rain
from tests.parity.streamdiffusion import __main__ as streamdiffusion

Main = Callable[[Sequence[str]], int]
STREAM_CORE = Path(__file__).parent / "streamdiffusion" / "core"
COMMANDS = [
    pytest.param(streamdiffusion.main, STREAM_CORE, id="streamdiffusion"),
    pytest.param(rain.main, rain.CORE_DIR, id="rain"),
    pytest.param(live2diff.main, live2diff.CORE_DIR, id="live2diff"),
]


@pytest.mark.parametrize(("main", "core"), COMMANDS)
@pytest.mark.parametrize("content", [None, "{", '{"cases": 3}', '{"cases": [{}]}', "[]"])
def test_another_folder_is_one_sentence(
    main: Main, core: Path, content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert core.is_dir()
    if content is not None:
        (tmp_path / "cases.json").write_text(content)
    assert main([str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert str(tmp_path) in said.err


@pytest.mark.parametrize(("main", "core"), COMMANDS)
def test_no_folder_at_all_is_one_sentence(
    main: Main, core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert core.is_dir()
    assert main([str(tmp_path / "none")]) == 2
    assert "is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize(("main", "core"), COMMANDS)
def test_what_is_missing_or_unknown_misses_and_the_rest_goes_on(
    main: Main, core: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A case of an unknown kind, one whose file is gone, and the sampler's, which is there."""
    shutil.copytree(core, tmp_path, dirs_exist_ok=True)
    document = json.loads((core / "cases.json").read_text())
    sampler = [c for c in document["cases"] if Path(c["file"]).stem in {"scheduler", "coefficients"}]
    nothing = {"params": {}, "tensors": {"x": {"role": "expected"}}}
    document["cases"] = [
        {"id": "another", "file": "another.safetensors", **nothing},
        {**sampler[0], "id": "streaming_gone", "file": "streaming_gone.safetensors"},
        *sampler,
    ]
    if main is live2diff.main:
        document["cases"][0]["tensors"] = [{"name": "x", "role": "expected"}]
    (tmp_path / "cases.json").write_text(json.dumps(document))
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    summary = json.loads(lines[-1])
    missed = summary.get("missed", summary.get("failed"))
    assert len(missed) == 2
    assert all("(whole case)" in name for name in missed)
    assert sum("streaming_gone" in line and "no such file" in line.lower() for line in lines[:-1]) == 1
    assert summary.get("checked", summary.get("checks")) > 20


def test_a_case_with_nothing_to_compare_is_named_as_skipped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(STREAM_CORE, tmp_path, dirs_exist_ok=True)
    document = json.loads((STREAM_CORE / "cases.json").read_text())
    case = next(case for case in document["cases"] if case["id"] == "text_encoder")
    case["tensors"]["last_hidden_state"]["role"] = "information"
    document["cases"] = [case]
    (tmp_path / "cases.json").write_text(json.dumps(document))
    assert streamdiffusion.main([str(tmp_path)]) == 1
    assert "text_encoder: skipped" in capsys.readouterr().out


def test_a_subset_needs_only_its_own_networks(tmp_path: Path) -> None:
    """The sampler's tables alone, without the folders of any network."""
    document = json.loads((STREAM_CORE / "cases.json").read_text())
    document["cases"] = [case for case in document["cases"] if case["id"] == "coefficients"]
    (tmp_path / "cases.json").write_text(json.dumps(document))
    (tmp_path / "cases").mkdir()
    shutil.copy(STREAM_CORE / "cases" / "coefficients.safetensors", tmp_path / "cases")
    assert streamdiffusion.main([str(tmp_path)]) == 0
