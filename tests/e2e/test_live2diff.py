"""`understudy stylise --painter live2diff` on a tiny checkpoint in the published layout, clip and live."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.clock import SystemClock
from engine.errors import MemoryTooSmallError, SettingsError, WeightsError
from engine.pipeline import Composer, RgbaImages
from engine.post.standby import standby_card
from engine.session import Session
from engine.settings import Pace, Settings, StageSettings
from engine.stylise.parts import LikenessTracker
from engine.stylise.rooms import StyliseRooms
from engine.stylise.settings import StyliseSettings
from engine.types import RgbImage
from tests.e2e.clip_kit import faces, pictures_of, times_of, truncate, wall, write_clip
from tests.e2e.conftest import Understudy
from tests.e2e.small_networks import offer_small_sizes
from tests.engine.live2diff.kit import write_files
from tests.engine.stylise.kit import SIDE, SlopingEye, live2diff_settings, session_settings


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("live2diff"))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer_small_sizes(monkeypatch, tmp_path, (SIDE, 256))
    monkeypatch.setattr("engine.live2diff.memory.SIZES", (SIDE, 256))


def stylise(understudy: Understudy, files: Path, *more: str | Path) -> tuple[int, str, str]:
    model = ("--model", files / "base", "--motion", files / "live2diff.ckpt")
    how = ("--size", str(SIDE), "--runtime", "torch", "--painter", "live2diff")
    return understudy("stylise", "--prompt", "a pirate", *how, *model, *more)


def test_a_clip_becomes_a_clip_of_as_many_frames(understudy: Understudy, files: Path, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", faces(11))
    code, out, err = stylise(understudy, files, "--source", source, "--output", "out.mp4", "--json")
    assert code == 0
    assert times_of(tmp_path / "out.mp4") == times_of(source)
    report = json.loads(out.splitlines()[-1])
    assert (report["frames_in"], report["frames_out"]) == (11, 11)
    assert "your face and outline (approximate)" in report["runtime"]
    assert f"Memory: {SIDE} x {SIDE} at 2 levels needs" in err
    assert "likeness" in err
    card = standby_card(SIDE, SIDE).rgb
    painted = pictures_of(tmp_path / "out.mp4")
    assert all(np.abs(picture.astype(int) - card).mean() > 10 for picture in painted)


def test_a_clip_shorter_than_the_warm_up_is_painted_and_told(
    understudy: Understudy, files: Path, tmp_path: Path
) -> None:
    source = write_clip(tmp_path / "clip.mp4", [wall()] * 5)  # nobody, and the same depth everywhere
    code, _, err = stylise(understudy, files, "--source", source, "--output", "out.mp4")
    assert code == 0
    assert len(times_of(tmp_path / "out.mp4")) == 5
    assert "5 frames" in err
    assert "begins with 8" in err


def test_what_is_missing_or_damaged_is_one_sentence(
    understudy: Understudy, files: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.ckpt"
    half.write_bytes((files / "live2diff.ckpt").read_bytes())
    truncate(half, 0.5)
    torch.save({"other": torch.zeros(2)}, tmp_path / "other.ckpt")
    for file, said in (("half", "half a download"), ("other", "does not fit"), ("none", "no file")):
        code, _, err = stylise(understudy, files, "--motion", tmp_path / f"{file}.ckpt")
        assert code == WeightsError.exit_code
        for words in (said, "1.68 GB", "Apache-2.0", "understudy live"):
            assert words in err
    assert not list(tmp_path.glob("*.mp4"))


def test_what_does_not_fit_is_refused_with_options(
    understudy: Understudy, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.stylise.live2diff.free_memory", lambda _device: 70_000_000)
    code, _, err = stylise(understudy, files, "--size", "256")
    assert code == MemoryTooSmallError.exit_code
    assert "256 x 256 at 2 levels needs" in err
    assert " are free" in err
    for option in ("--levels 1", f"--size {SIDE}"):
        assert option in err


def test_options_of_the_other_painter_are_refused(
    understudy: Understudy, files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = stylise(understudy, files, "--negative-prompt", "ugly")
    assert (code, "--negative-prompt counts for nothing with live2diff" in err) == (9, True)
    code, _, err = understudy("stylise", "--prompt", "x", "--kv-format", "8bit")
    assert (code, "add --painter live2diff" in err) == (SettingsError.exit_code, True)
    with pytest.raises(SystemExit):
        understudy("stylise", "--prompt", "x", "--size", "500")
    assert "--size cannot be '500'" in capsys.readouterr().err


class Watching(StyliseRooms):
    """Keeps every picture that was painted."""

    def __init__(self, stylise: StyliseSettings) -> None:
        super().__init__(stylise)
        self.painted: list[RgbImage] = []
        self._card = standby_card(SIDE, SIDE).rgb

    @property
    def repainted(self) -> list[RgbImage]:
        """Without the card, which comes when the machine is too slow to go on."""
        return [picture for picture in self.painted if not np.array_equal(picture, self._card)]

    def composer(self, stage: StageSettings, size: tuple[int, int], plate: RgbImage) -> Composer:
        compose = super().composer(stage, size, plate)

        def watched(rgba: RgbaImages) -> RgbImage:
            self.painted.append(compose(rgba))
            return self.painted[-1]

        return watched

    def open_tracker(self, settings: Settings) -> LikenessTracker:
        del settings
        return LikenessTracker(SlopingEye())


def until(session: Session, is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 250.0  # a busy machine is no defect
    while not is_done():
        assert session.status().error is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_live_session_changes_its_prompt_in_mid_stream(files: Path, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "clip.mp4", faces(25))
    rooms = Watching(live2diff_settings(files))
    settings = session_settings(source=str(source), pace=Pace.LIVE, loop=True)
    session = Session(settings, rooms=rooms, clock=SystemClock())
    session.start()
    try:
        until(session, lambda: len(rooms.repainted) >= 10)
        rooms.set_prompt("a robot")
        until(session, lambda: len(rooms.repainted) >= 20)
        assert session.status().error is None
        assert "approximate" in session.runtime_text
    finally:
        session.stop()
    levels = np.array([picture.mean() for picture in rooms.repainted])
    assert np.abs(levels - np.median(levels)).max() < 60.0, "a picture of noise or of zeros"
