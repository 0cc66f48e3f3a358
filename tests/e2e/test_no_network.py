"""Understudy talks to nobody: a whole run under strace makes no internet connection and sends no packet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.privacy_stage import face

ROOT = Path(__file__).parents[2]


def write_magenta_clip(path: Path, num_frames: int = 12) -> Path:
    import av  # noqa: PLC0415 - the strace run itself must not need it

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 480, 480, "yuv420p"
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(face(), "rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def traced(command: list[str], log: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    strace = ["strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg,bind", "-o", str(log)]
    return subprocess.run(
        [*strace, *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )


def internet_calls(log: Path) -> list[str]:
    return [line for line in log.read_text(errors="replace").splitlines() if "AF_INET" in line]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "probe.log"
    if traced(["true"], log, dict(os.environ)).returncode != 0:
        pytest.skip("this machine does not let strace attach")
    # Nothing that would silence a library from outside: the program must do that itself.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "ORT_", "DO_NOT_TRACK", "GLOG"))}
    return kept | {"UNDERSTUDY_HOME": str(tmp_path / "home"), "HOME": str(tmp_path)}


def test_strace_sees_a_connection(tmp_path: Path, environment: dict[str, str]) -> None:
    """The instrument works: a program that connects is caught."""
    code = "import socket; s = socket.socket(); s.settimeout(1); s.connect_ex(('127.0.0.1', 9))"
    traced([sys.executable, "-c", code], tmp_path / "trace.log", environment)
    assert len(internet_calls(tmp_path / "trace.log")) == 1


def test_animate_talks_to_nobody(tmp_path: Path, environment: dict[str, str]) -> None:
    clip = write_magenta_clip(tmp_path / "clip.mp4")
    out = tmp_path / "out.mp4"
    command = [sys.executable, "-m", "app.main", "animate", "--source", str(clip), "--output", str(out)]
    done = traced(command, tmp_path / "trace.log", environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert out.stat().st_size > 1000
    assert internet_calls(tmp_path / "trace.log") == []
