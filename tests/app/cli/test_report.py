"""Small words: what a report and its warnings say of little, of nothing yet, and of what is not there."""

from dataclasses import replace
from pathlib import Path

import pytest

import app.cli.animate as animate_module
from app.cli.animate import loading_text
from app.cli.live import status_line
from app.cli.report import size_text
from app.main import main
from engine.status import SessionState, Status
from tests.fakes import FakeRooms, FakeSource


def test_a_small_file_is_counted_in_kilobytes() -> None:
    assert size_text(12_345) == "12 kB"
    assert size_text(2_340_000) == "2.3 MB"


def test_no_rate_is_said_before_it_is_known() -> None:
    begun = Status(state=SessionState.LIVE, frames_in=1, frames_out=1)
    assert "fps" not in status_line(begun)
    assert "12.0 fps" in status_line(replace(begun, fps=12.0))


def test_one_still_picture_is_said(rooms: FakeRooms, capsys: pytest.CaptureFixture[str]) -> None:
    rooms.source = FakeSource(count=1)
    assert main(["animate", "--source", "picture.mp4"]) == 0
    captured = capsys.readouterr()
    assert "picture.mp4 holds one still picture" in captured.err
    assert "(1 frame, " in captured.out


@pytest.mark.usefixtures("rooms")
def test_a_longer_clip_is_no_still_picture(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", "--source", "clip.mp4"]) == 0
    assert "still picture" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "way_out"), [("animate", "understudy live"), ("stylise --prompt x", "--record")]
)
def test_a_camera_s_way_out_is_that_of_the_command(
    capsys: pytest.CaptureFixture[str], command: str, way_out: str
) -> None:
    assert main([*command.split(), "--source", "0"]) == 2
    err = capsys.readouterr().err
    assert way_out in err
    assert ("stylise" in err) is False


def test_only_a_cache_that_can_be_kept_promises_a_quicker_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    assert loading_text().endswith("once")
    usage = type("Usage", (), {"free": 300_000})
    monkeypatch.setattr(animate_module.shutil, "disk_usage", lambda _place: usage)
    assert "at every start" in loading_text()
