"""From what a user writes to the source."""

from pathlib import Path

import pytest

from engine.capture import sources
from engine.capture.file import FileSource
from engine.capture.sources import open_source
from engine.clock import FakeClock
from engine.errors import SourceError
from engine.settings import CameraSettings
from tests.engine.capture.clips import ClipSpec, write_clip


class FakeCameraSource:
    """Remembers what it was asked for."""

    def __init__(self, device: int | str, settings: CameraSettings, _clock: FakeClock) -> None:
        self.device = device
        self.settings = settings
        self.is_open = False

    def open(self) -> None:
        self.is_open = True


@pytest.mark.parametrize(
    ("spec", "device"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("camera:1", 1),
        ("camera:/dev/video3", "/dev/video3"),
        ("/dev/video3", "/dev/video3"),
        ("http://10.0.0.7:8080/video", "http://10.0.0.7:8080/video"),
    ],
)
def test_cameras(spec: str, device: int | str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "CameraSource", FakeCameraSource)
    settings = CameraSettings(width=1280, height=720)
    source = open_source(spec, True, FakeClock(), settings)
    assert isinstance(source, FakeCameraSource)
    assert (source.device, source.settings, source.is_open) == (device, settings, True)


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_clips(tmp_path: Path, prefix: str) -> None:
    path = write_clip(tmp_path / "7.mp4", ClipSpec())
    source = open_source(f"{prefix}{path}", False, FakeClock())
    assert isinstance(source, FileSource)
    assert source.num_frames == 10
    source.close()


def test_a_clip_named_by_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_clip(tmp_path / "0.mp4", ClipSpec()).rename(tmp_path / "0")
    monkeypatch.chdir(tmp_path)
    source = open_source("file:0", False, FakeClock())
    assert isinstance(source, FileSource)
    source.close()


def test_a_live_clip_may_loop(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mp4", ClipSpec())
    source = open_source(str(path), True, FakeClock(), loop=True)
    assert source.num_frames is None
    source.close()


@pytest.mark.parametrize("spec", ["", "  ", "nowhere.mp4"])
def test_nonsense_is_refused(spec: str) -> None:
    with pytest.raises(SourceError):
        open_source(spec, True, FakeClock())
