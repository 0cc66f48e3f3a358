"""What cannot work is refused at once: torch and its like take seconds to import."""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.clip_kit import wall, write_clip

_REFUSED = """
import contextlib, io, sys
from app.main import main
here = "--source {clip}"
commands = [
    "animate --source no.mp4",
    "animate --source 0",
    f"animate {here} --avatar nobody",
    f"animate {here} --output a.avi",
    f"animate {here} --model rain",
    f"animate {here} --tracker dwpose",
    f"animate {here} --backdrop {{clip}}",
    "animate --guidance 3",
    "live --source no.mp4 --record a.mp4",
    "live --record a.mp4 --model rain",
    f"stylise --prompt x {here} --record a.avi",
    "stylise --prompt=",
    "stylise --prompt x --source no.mp4",
    f"stylise --prompt x {here}",
    f"stylise --prompt x {here} --model no/such",
    f"stylise --prompt x {here} --painter live2diff",
    "stylise --prompt x --guidance-scale 0.5",
]
for command in commands:
    said = io.StringIO()
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
        code = main(command.format(clip=sys.argv[1]).split())
    heavy = [name for name in ("torch", "diffusers", "mediapipe", "openvino") if name in sys.modules]
    print(code, heavy, command, repr(said.getvalue()))
"""


def test_what_cannot_work_is_refused_before_anything_heavy_is_imported(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4", [wall()])
    folders = {"UNDERSTUDY_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", _REFUSED, str(clip)],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, **folders, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 17
    for line in lines:
        code, heavy, _ = line.split(" ", 2)
        assert int(code) in (2, 4, 5, 6, 9), line
        assert heavy == "[]", line
        assert "Painting" not in line
        assert "Log file" not in line
