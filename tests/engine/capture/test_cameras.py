"""Listing cameras, and the sentences for those that cannot be opened."""

import sys
from pathlib import Path

import pytest

from engine.capture import cameras
from engine.capture.camera_errors import explain_failure
from engine.capture.cameras import CameraInfo, can_capture, list_linux_cameras, probe_cameras
from engine.errors import CameraBusyError, SourceError
from tests.engine.capture.fake_camera import FakeCamera

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="device nodes are Linux's")


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    folder = tmp_path / "dev"
    folder.mkdir()
    for name in ("video0", "video1", "video2", "video10", "videotape", "null"):
        (folder / name).touch()
    return folder


def test_linux_cameras_have_names_and_come_in_order(tmp_path: Path, devices: Path) -> None:
    names = tmp_path / "names"
    for node, name in (("video0", "Ada Cam: Ada Cam\n"), ("video10", "Capture Card\n")):
        (names / node).mkdir(parents=True)
        (names / node / "name").write_text(name)
    found = list_linux_cameras(devices, names, lambda node: node.name != "video1")
    assert found == [
        CameraInfo(index=0, name="Ada Cam: Ada Cam"),
        CameraInfo(index=2, name="Camera 2"),
        CameraInfo(index=10, name="Capture Card"),
    ]


@linux_only
def test_a_file_is_no_camera(devices: Path) -> None:
    assert not can_capture(devices / "video0")
    assert not can_capture(devices / "video99")


def test_elsewhere_numbers_are_tried_until_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    camera = FakeCamera()
    monkeypatch.setattr(
        cameras,
        "open_video_capture",
        lambda device, settings: camera.open(device, settings) if device < 2 else None,
    )
    assert probe_cameras() == [CameraInfo(index=0, name="Camera 0"), CameraInfo(index=1, name="Camera 1")]
    assert camera.released == 2


def test_listing_opens_nothing_that_fails() -> None:
    assert isinstance(cameras.list_cameras(), list)


@linux_only
def test_missing_camera(tmp_path: Path) -> None:
    error = explain_failure(7, tmp_path)
    assert not isinstance(error, CameraBusyError)
    assert error.message == "There is no camera 7."
    assert error.hint


@linux_only
def test_busy_camera(devices: Path) -> None:
    error = explain_failure(0, devices)
    assert isinstance(error, CameraBusyError)
    assert "gives no picture" in error.message
    assert "Another program" in error.hint


@linux_only
def test_forbidden_camera(devices: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    error = explain_failure(str(devices / "video0"), devices)
    assert isinstance(error, CameraBusyError)
    assert "usermod" in error.hint


def test_missing_camera_names_those_that_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(
        "engine.capture.camera_errors.list_cameras", lambda: [CameraInfo(index=2, name="Ada Cam")]
    )
    assert explain_failure(0, tmp_path).hint == "Choose one of these: 2 (Ada Cam)."


@pytest.mark.parametrize(("platform", "place"), [("win32", "Privacy"), ("darwin", "System Settings")])
def test_other_systems_are_told_where_access_is_allowed(
    platform: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    error = explain_failure(0)
    assert isinstance(error, SourceError)
    assert place in error.hint
