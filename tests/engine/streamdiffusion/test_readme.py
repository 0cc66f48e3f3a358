"""The README's script runs as it stands, on a tiny checkpoint instead of the one it names, and small."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.streamdiffusion import wrapper
from tests.models.checkpoints import published_layouts as layouts

README = Path(__file__).parents[3] / "README.md"


def script() -> str:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    (block,) = [block for block in blocks if "engine.streamdiffusion" in block]
    return str(block)


def test_the_readmes_script_paints_a_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 60, 3), np.uint8)).save("me.png")
    folder = layouts.write_folder(tmp_path / "model")
    (named,) = re.findall(r'StreamDiffusionWrapper\(\s*"(.+?)"', script())
    monkeypatch.setattr(wrapper, "TAESD", str(folder / "vae"))
    exec(script().replace(named, str(folder)).replace("512", "64"), {})
    with Image.open("painted.png") as painted:
        assert painted.size == (64, 64)
        assert np.asarray(painted).std() > 1.0  # and not the grey of a buffer that fills
