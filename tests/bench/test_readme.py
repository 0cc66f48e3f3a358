"""The README's numbers are those that the benches printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.settings import Quality
from tests.bench import readme

ROW = {
    "picture_error_ratio": 0.6123,
    "eye_error_ratio": 0.7,
    "mouth_error_ratio": 0.65,
    "psnr_db": 24.56,
    "ssim": 0.8765,
    "flicker": 1.234,
}
MACHINE = {
    "commit": "abc1234",
    "cpu": "Some CPU",
    "cpu_features": "avx2 avx512_bf16",
    "cores": 2,
    "torch": "2.13.0",
}


def quality() -> dict[str, Any]:
    warp = {"picture_error_ratio": 1.0, "eye_error_ratio": 1.0, "mouth_error_ratio": 1.0, "psnr_db": 19.0}
    points = [(1, 1), (2, 1), (4, 4)]
    return {
        **MACHINE,
        **ROW,
        "size": 256,
        "pairs": 20,
        "frames": 90,
        "operating_points": [{"levels": n, "chunk": c, **ROW} for n, c in points],
        "baselines": {"still": warp | {"picture_error_ratio": 1.5}, "warp": warp, "shuffled": warp},
        "eye_opening_correlation": 0.951,
        "mouth_opening_correlation": 0.972,
        "eye_rule_correlation": 0.994,
        "mouth_rule_correlation": 0.989,
        "drift": 1.0004,
    }


def live(levels: int = 1, chunk: int = 1, size: int = 256, *, busy: bool = False) -> dict[str, Any]:
    return {
        **MACHINE,
        "runtime": "openvino, bf16, 2 threads",
        "levels": levels,
        "chunk": chunk,
        "size": size,
        "busy": busy,
        "unique_fps": 24.91,
        "motion_to_photon_p50_ms": 81.4,
        "motion_to_photon_p95_ms": 119.6,
        "dropped": 3,
        "first_frame_s": 3.21,
        "rss_growth_mb": 1.5,
    }


def printed(path: Path, document: dict[str, Any]) -> Path:
    path.write_text(f"a table\n  for people 1 2 3\n{json.dumps(document)}\n", encoding="utf-8")
    return path


def test_the_default_row_joins_speed_delay_and_quality() -> None:
    block = readme.quality_block(quality(), [live(), live(2, 1), live(size=384)])
    rows = [line for line in block.splitlines() if line.startswith("|")]
    default = Quality()
    (row,) = [line for line in rows if "(default)" in line]
    assert f"N = {default.levels}, c = {default.chunk}" in row
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == ["24.9", "81 / 120", "0.612", "0.700", "0.650", "24.6", "0.876", "1.23"]
    assert len({line.count("|") for line in rows}) == 1
    (unmeasured,) = [line for line in rows if "N = 4, c = 4" in line]
    assert unmeasured.split("|")[2].strip() == readme.NONE  # no live run at that point
    (still,) = [line for line in rows if "still reference" in line]
    assert "1.500" in still
    assert readme.NONE in still
    for said in (
        "20 pairs x 90 frames",
        "256x256",
        "0.951",
        "0.989",
        "1.000",
        "Some CPU, 2 cores",
        "abc1234",
    ):
        assert said in block, said


def test_speeds_of_another_size_are_not_mixed_in() -> None:
    assert "24.9" not in readme.quality_block(quality(), [live(size=512)])


def test_live_runs_are_sorted_and_busy_ones_marked() -> None:
    block = readme.live_block([live(size=512), live(4, 1), live(busy=True)])
    rows = [line.split("|")[1].strip() for line in block.splitlines() if line.startswith("| ")][2:]
    assert rows == ["256", "256", "512"]
    assert block.count("24.9 (busy)") == 1
    assert "shared the machine" in block
    assert "--size S" in block
    assert block.count("Measured on") == 1
    assert "(busy)" not in readme.live_block([live()])


def test_an_old_document_without_a_machine_still_makes_a_table() -> None:
    document = {name: value for name, value in quality().items() if name not in MACHINE}
    del document["pairs"]
    assert "N = 2, c = 1" in readme.quality_block(document, [])


def test_a_block_is_replaced_and_nothing_else() -> None:
    text = "before\n<!-- live -->\nold\n<!-- /live -->\nafter\n"
    assert (
        readme.replace_block(text, "live", "new\n") == "before\n<!-- live -->\nnew\n<!-- /live -->\nafter\n"
    )
    once = readme.replace_block(text, "live", "same")
    assert readme.replace_block(once, "live", "same") == once
    with pytest.raises(ValueError, match="<!-- quality -->"):
        readme.replace_block(text, "quality", "new")


def test_only_a_json_document_counts_as_a_result(tmp_path: Path) -> None:
    assert readme.last_document(printed(tmp_path / "good.json", {"a": 1})) == {"a": 1}
    for content in ("", "no json\n", "[1, 2]\n", '{"a": 1}\nTraceback\n', '{"a": \n'):
        (tmp_path / "bad.json").write_text(content, encoding="utf-8")
        with pytest.raises(ValueError, match=r"bad\.json"):
            readme.last_document(tmp_path / "bad.json")


def test_the_command_fills_readme_and_card(tmp_path: Path) -> None:
    for name, source in (("README.md", "README.md"), ("CARD.md", "assets/pocket/MODEL_CARD.md")):
        (tmp_path / name).write_text((readme.ROOT / source).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "log.jsonl").write_text(
        '{"step": 50, "s": 76, "picture": 0.3}\n{"step": 4200, "s": 3605, "picture_error_ratio": 0.6}\n'
    )
    (tmp_path / "portrait.jsonl").write_text(
        '{"step": 771, "s": 1560, "point_error": 0.0863, "point_error_p95": 0.19, "matte_error": 0.13}\n'
    )
    readme.main(
        [
            *("--quality", str(printed(tmp_path / "quality.json", quality()))),
            *("--live", str(printed(tmp_path / "live.json", live()))),
            str(printed(tmp_path / "live_384.json", live(size=384))),
            *("--log", str(tmp_path / "log.jsonl")),
            *("--portrait-log", str(tmp_path / "portrait.jsonl")),
            *("--readme", str(tmp_path / "README.md")),
            *("--card", str(tmp_path / "CARD.md")),
        ]
    )
    page, card = ((tmp_path / name).read_text(encoding="utf-8") for name in ("README.md", "CARD.md"))
    assert "| 384 | **N = 1, c = 1** (default) | 24.9 |" in page
    assert "0.612" in page
    assert "Not measured yet" not in page + card
    for said in (
        "| pocket | 4200 | 60 |",
        "| portrait | 771 | 26 |",
        "0.086",
        "| denoiser | 1.80 M |",
        "0.612",
    ):
        assert said in card, said


def test_blocks_without_files_stay_as_they_are(tmp_path: Path) -> None:
    for name in ("README.md", "CARD.md"):
        marks = [
            f"<!-- {block} -->\nkept\n<!-- /{block} -->"
            for block in ("quality", "live", "networks", "training", "scores")
        ]
        (tmp_path / name).write_text("\n".join(marks), encoding="utf-8")
    readme.main(["--readme", str(tmp_path / "README.md"), "--card", str(tmp_path / "CARD.md")])
    assert (tmp_path / "README.md").read_text(encoding="utf-8").count("kept") == 5
    assert (tmp_path / "CARD.md").read_text(encoding="utf-8").count(
        "kept"
    ) == 4  # parameters are always counted
