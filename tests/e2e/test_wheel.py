"""The wheel alone: installed into an empty folder, away from the checkout, without a network."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import av
import pytest

from tests.wheel import ROOT


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed") / "site"
    command = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(folder),
        str(wheel),
    ]
    subprocess.run([sys.executable, *command], check=True)
    return folder


@pytest.fixture
def environment(site: Path, tmp_path: Path) -> Mapping[str, str]:
    """Nothing of the checkout, of a display or of the user's folders."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "OMP_NUM_THREADS")}
    home = tmp_path / "home"
    home.mkdir()
    return {**kept, "PYTHONPATH": str(site), "HOME": str(home), "UNDERSTUDY_HOME": str(home)}


def fence() -> list[str]:
    """Return what starts a program in a network of its own, without any way out; nothing where forbidden."""
    command = ["unshare", "--map-root-user", "--net"]
    if shutil.which("unshare") is None:
        return []
    allowed = subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0
    return command if allowed else []


def run(
    arguments: list[str], environment: Mapping[str, str], folder: Path
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*fence(), sys.executable, *arguments],
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )


def video(path: Path) -> tuple[str, int, float]:
    """Return codec, number of frames that decode, and average rate."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        rate = float(stream.average_rate or 0)
        return stream.codec_context.name, sum(1 for _ in container.decode(stream)), rate


def test_the_packages_are_those_of_the_wheel(
    site: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    code = "import app, engine, models, assets; print(*(m.__file__ for m in (app, engine, models, assets)))"
    done = run(["-c", code], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(Path(file).is_relative_to(site) for file in done.stdout.split())


@pytest.mark.timeout(600)  # twelve seconds of video, painted; half a minute on two idle cores
def test_the_sample_becomes_an_avatar_clip(
    site: Path, environment: Mapping[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out.mp4"
    script = site / "bin" / "understudy"
    done = run([str(script), "animate", "--output", str(output)], environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert str(output) in done.stdout + done.stderr, "the report says where the file is"
    _, sample_frames, sample_rate = video(ROOT / "assets/samples/performer.mp4")
    codec, num_frames, rate = video(output)
    assert codec == "h264"
    assert num_frames == sample_frames
    assert rate == pytest.approx(sample_rate, rel=1e-3)


def test_a_mistake_is_a_sentence_and_a_code(environment: Mapping[str, str], tmp_path: Path) -> None:
    done = run(["-m", "app.main", "animate", "--source", "missing.mp4"], environment, tmp_path)
    assert done.returncode != 0
    assert "missing.mp4" in done.stderr
    assert "Traceback" not in done.stderr
