"""Each line of the report, well and ill; the whole is run once."""

import errno
import os
from pathlib import Path

import pytest

from engine import doctor
from engine.doctor import Check, Health, can_animate, check_disk, check_folder, check_library, check_python
from engine.errors import DisplayMissingError


def library(code: str, package: str = "numpy", *, is_needed: bool = True) -> doctor._Library:
    return doctor._Library("Thing", package, code, is_needed)


def test_an_old_python_is_said() -> None:
    assert check_python((3, 11, 2)).health is Health.OK
    old = check_python((3, 9, 1))
    assert old.health is Health.MISSING
    assert "3.11" in old.remedy


def test_a_library_that_loads_is_ok_with_its_version() -> None:
    check = check_library(library("import numpy"))
    assert check.health is Health.OK
    assert check.detail[0].isdigit()


def test_a_library_that_is_not_installed_is_named_with_its_command() -> None:
    check = check_library(library("", package="no-such-package"))
    assert check.health is Health.MISSING
    assert "pip install no-such-package" in check.remedy


def test_a_missing_system_library_is_named_with_the_apt_line() -> None:
    code = "raise OSError('libGLESv2.so.2: cannot open shared object file: No such file or directory')"
    check = check_library(library(code))
    assert check.health is Health.MISSING
    assert "libGLESv2.so.2" in check.detail
    assert "sudo apt install libgles2" in check.remedy


def test_a_library_that_crashes_costs_its_line_only() -> None:
    check = check_library(library("import os; os.abort()", is_needed=False))
    assert check.health is Health.LACKING
    assert "does not load" in check.detail
    assert can_animate([check])


def test_what_animate_needs_decides() -> None:
    well = Check(name="a", health=Health.OK, detail="")
    assert can_animate([well, Check(name="b", health=Health.LACKING, detail="")])
    assert not can_animate([well, Check(name="b", health=Health.MISSING, detail="")])


def test_the_tracker_s_models_are_checked_by_their_sums() -> None:
    assert doctor.check_trackers().health is Health.OK


def test_a_full_disk_is_said() -> None:
    assert check_disk("disk", Path.cwd(), 5 << 30).health is Health.OK
    full = check_disk("cache disk", Path("there"), 1 << 18)
    assert full.health is Health.LACKING
    assert full.detail == "0.2 MB free for there"


def test_a_disk_is_named_once_and_only_where_it_is_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    assert doctor.disk_looks() == [], "all on the current folder's disk"
    if not Path("/dev/shm").is_dir() or Path("/dev/shm").stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second disk")
    monkeypatch.setenv("UNDERSTUDY_HOME", "/dev/shm/not-there")
    assert [look().name for look in doctor.disk_looks()] == ["data disk"]


def test_a_read_only_folder_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_arguments: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)  # root may write everywhere
    check = check_folder("data folder", tmp_path / "deeper" / "still")
    assert check.health is Health.LACKING
    assert "Read-only" in check.detail
    assert "UNDERSTUDY_HOME" in check.remedy


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path: Path) -> None:
    assert check_folder("data folder", tmp_path / "deeper" / "still").health is Health.OK
    assert list(tmp_path.iterdir()) == [], "looking leaves nothing behind"


def test_the_display_is_the_window_s_to_judge() -> None:
    def refuse() -> None:
        raise DisplayMissingError("There is no display.", hint="Use animate.")

    assert doctor.display_check(lambda: None).health is Health.OK
    check = doctor.display_check(refuse)
    assert (check.health, check.remedy) == (Health.LACKING, "Use animate.")


def test_no_gpu_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    check = doctor.check_gpu()
    assert check.health is Health.LACKING
    assert "processor" in check.detail


def test_fetched_models_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path))
    check = doctor.check_published()
    assert check.health is Health.LACKING
    assert "understudy models" in check.remedy
    (tmp_path / "dwpose").mkdir()
    for name in ("yolox_l.onnx", "dw-ll_ucoco_384.onnx"):
        (tmp_path / "dwpose" / name).touch()
    check = doctor.check_published()
    assert (check.health, check.detail) == (Health.OK, "dwpose")


def test_the_whole_report_has_a_line_for_each_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "run_probe", lambda _code: (True, "fine"))
    extra = Check(name="display", health=Health.OK, detail="there is one")
    names = [check.name for check in doctor.examine([lambda: extra])]
    for name in (
        "Python",
        "MediaPipe",
        "runtime",
        "GPU",
        "weights",
        "fetched models",
        "camera",
        "display",
        "virtual camera",
        "disk",
    ):
        assert name in names
    assert len(names) == len(set(names))
