"""A disk that takes nothing more costs the log, and nothing else."""

import logging
from pathlib import Path

import pytest

from app.cli.log import FILE_NAME, log_file
from app.main import main
from engine.paths import logs_dir
from tests.fakes import FakeRooms, FakeTracker

needs_full_disk = pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full: not Linux")


@pytest.fixture
def full_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    logs_dir().mkdir(parents=True)
    path = logs_dir() / FILE_NAME
    path.symlink_to("/dev/full")
    return path


@needs_full_disk
@pytest.mark.usefixtures("full_log")
def test_a_full_disk_is_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with log_file():
        logging.getLogger("any").info("a line")
        logging.getLogger("any").info("another")
    assert capsys.readouterr().err == ""


@needs_full_disk
def test_a_clip_is_painted_although_the_log_s_disk_is_full(
    rooms: FakeRooms, full_log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Chatty(FakeTracker):
        def track(self, frame):  # type: ignore[no-untyped-def]
            logging.getLogger("any").warning("a line for the log")
            return super().track(frame)

    rooms.tracker = Chatty()
    assert full_log.is_symlink()
    code = main(["animate", "--source", "clip.mp4"])
    captured = capsys.readouterr()
    assert code == 0
    assert "Traceback" not in captured.err
    assert "understudy-clip.mp4" in captured.out
