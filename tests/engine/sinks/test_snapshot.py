"""Snapshots."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import SinkError
from engine.sinks.snapshot import save_png
from engine.types import Frame, Origin, Picture

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
PICTURE = Picture(rgb=RGB, origin=Origin.AVATAR)


def test_snapshot_comes_back_exactly_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "schnappschuß.PNG"
    path.write_bytes(b"old")
    save_png(PICTURE, path)
    back = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(back[:, :, ::-1], RGB)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_unwritable_snapshots_are_said_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    for path, message in {
        tmp_path / "picture.jpg": "does not end in",
        tmp_path / "missing" / "picture.png": "cannot be written",
        tmp_path / "folder.png": "cannot be written",
    }.items():
        with pytest.raises(SinkError, match=message) as caught:
            save_png(PICTURE, path)
        assert "another place" not in caught.value.hint
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]


def test_a_full_disk_is_said_with_a_way_out_that_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "now.png"
    path.write_bytes(b"old")

    def full(self: Path, _data: bytes) -> int:
        self.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(SinkError, match="no room left") as caught:
        save_png(PICTURE, path)
    assert "ree some space" in caught.value.hint
    assert "place" not in caught.value.hint, "the window has none to choose"
    assert [entry.name for entry in tmp_path.iterdir()] == ["now.png"]
    assert path.read_bytes() == b"old"


def test_only_pictures_are_saved(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="Picture"):
        save_png(Frame(rgb=RGB, index=0, captured_at_s=0.0), tmp_path / "me.png")  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []
