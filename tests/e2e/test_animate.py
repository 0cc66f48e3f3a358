"""A clip in, an avatar clip out: as many frames, at the same times, with the sound in step."""

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.clip_kit import CLICK_S, click_s, faces, pictures_of, rate_of, times_of, write_clip
from tests.e2e.conftest import Understudy


def test_a_clip_keeps_count_rate_times_and_sound(understudy: Understudy, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "me.mp4", faces(21), rate=Fraction(30000, 1001), has_sound=True)
    code, out, err = understudy("animate", "--source", source, "--json")
    report = json.loads(out)
    output = tmp_path / "understudy-me.mp4"
    assert code == 0, err
    assert report["file"] == str(output)
    assert (report["frames_in"], report["frames_out"]) == (21, 21)
    assert report["frames_found"] >= 19
    assert rate_of(output) == Fraction(30000, 1001)
    assert times_of(output) == pytest.approx(times_of(source), abs=1e-4)
    assert click_s(output) == pytest.approx(CLICK_S, abs=0.002)
    assert pictures_of(output)[0].shape == (256, 256, 3)


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("chunk", [1, 2])
def test_the_count_is_kept_whatever_the_buffer_holds(
    understudy: Understudy, tmp_path: Path, levels: int, chunk: int
) -> None:
    source = write_clip(tmp_path / "me.mp4", faces(7))
    settings = ("--levels", str(levels), "--chunk", str(chunk))
    code, _, err = understudy("animate", "--source", source, "--output", "out.mp4", *settings)
    assert code == 0, err
    assert times_of(tmp_path / "out.mp4") == pytest.approx([index / 25 for index in range(7)], abs=1e-4)


def test_a_variable_rate_stays_in_step(understudy: Understudy, tmp_path: Path) -> None:
    times_s = [0.0, 0.04, 0.05, 0.2, 0.21, 0.5]
    source = write_clip(tmp_path / "me.mkv", faces(6), times_s=times_s)
    code, _, err = understudy("animate", "--source", source)
    assert code == 0, err
    assert times_of(tmp_path / "understudy-me.mp4") == pytest.approx(times_of(source), abs=0.002)


def test_the_stage_and_the_shape_are_the_user_s(understudy: Understudy, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "me.mp4", faces(3))
    looks = ("--avatar", "zuri", "--backdrop", "green", "--frame", "640x360")
    code, _, err = understudy("animate", "--source", source, *looks)
    assert code == 0, err
    pictures = pictures_of(tmp_path / "understudy-me.mp4")
    assert pictures[0].shape == (360, 640, 3)
    corner = pictures[0][:40, :40].reshape(-1, 3).mean(axis=0)
    assert np.abs(corner - (0, 255, 0)).max() < 20


def test_torch_runs_it_too(understudy: Understudy, tmp_path: Path) -> None:
    source = write_clip(tmp_path / "me.mp4", faces(2))
    code, out, err = understudy("animate", "--source", source, "--json", "--runtime", "torch")
    assert code == 0, err
    assert json.loads(out)["runtime"].startswith("torch")
