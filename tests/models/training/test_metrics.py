"""Measures of steadiness on clips whose answer is known."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from models.checkpoints.rain_encoders import IMAGE_ENCODER
from models.training import metrics
from models.training.metric_networks import depth_with, embed_with
from tests.models.checkpoints.test_depth import anything
from tests.models.checkpoints.test_depth import write as write_depth
from tests.models.checkpoints.test_rain_encoders import write_encoders

SIZE = 96
Picture = np.ndarray


def texture(seed: int = 0, size: int = SIZE + 64) -> Picture:
    noise = np.random.default_rng(seed).integers(60, 196, (size // 8, size // 8, 3), np.uint8)
    return cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)


def panned(frames: int = 6, step: int = 3) -> list[Picture]:
    """A camera that moves over a texture by whole pixels."""
    whole = texture()
    return [np.ascontiguousarray(whole[:SIZE, step * i : step * i + SIZE]) for i in range(frames)]


def test_a_clip_that_moves_as_its_input_does_has_no_warp_error() -> None:
    clip = panned()
    repainted = [255 - frame for frame in clip]
    assert metrics.warp_error(clip, clip) < 2e-4
    assert metrics.warp_error(clip, repainted) < 2e-4


def test_flicker_is_its_own_square() -> None:
    """Every other frame 51 of 255 brighter: 0.2 squared, whatever the motion."""
    clip = panned()
    flickering = [frame // 2 + 51 * (index % 2) for index, frame in enumerate(clip)]
    assert metrics.warp_error(clip, flickering) == pytest.approx(0.04, rel=0.02)


def test_noise_is_twice_its_variance() -> None:
    still = [texture(size=SIZE)] * 6
    random = np.random.default_rng(1)
    noisy = [np.clip(128 + random.normal(0, 20, (SIZE, SIZE, 3)), 0, 255).astype(np.uint8) for _ in range(6)]
    assert metrics.warp_error(still, noisy) == pytest.approx(2 * (20 / 255) ** 2, rel=0.03)


def test_a_painted_clip_that_stands_still_while_the_camera_moves_is_wrong() -> None:
    clip = panned()
    assert metrics.warp_error(clip, [clip[0]] * 6) > 20 * metrics.warp_error(clip, clip)


def test_what_is_hidden_does_not_count() -> None:
    """A flow that is told: the right half comes from nowhere, and only there the pictures differ."""

    def flow(picture: Picture, other: Picture) -> Picture:
        found = np.zeros((SIZE, SIZE, 2), np.float32)
        if int(picture[0, 0, 0]) > int(other[0, 0, 0]):  # back in time
            found[:, SIZE // 2 :, 1] = 5.0  # and not so forth: they do not agree
        return found

    inputs = [np.full((SIZE, SIZE, 3), 10 * index, np.uint8) for index in range(2)]
    outputs = [np.zeros((SIZE, SIZE, 3), np.uint8) for _ in range(2)]
    outputs[1][:, SIZE // 2 :] = 255
    assert metrics.warp_error(inputs, outputs, flow) == 0.0
    outputs[1][:, : SIZE // 2] = 51
    assert metrics.warp_error(inputs, outputs, flow) == pytest.approx(0.04)


def mean_colour(picture: Picture) -> Tensor:
    return torch.tensor(picture.astype(np.float32).mean((0, 1)))


def test_consistency_is_the_cosine_of_successive_embeddings() -> None:
    red, green = np.zeros((2, 4, 4, 3), np.uint8)
    red[..., 0], green[..., 1] = 200, 50
    assert metrics.frame_consistency([red, red, red // 2], mean_colour) == pytest.approx(100.0)
    assert metrics.frame_consistency([red, green, red], mean_colour) == pytest.approx(0.0)
    assert metrics.frame_consistency([red, red + green], mean_colour) == pytest.approx(
        100 * 200 / (200**2 + 50**2) ** 0.5, rel=1e-5
    )


def brightness(picture: Picture) -> Picture:
    return picture.astype(np.float32).mean(2)


def test_depth_error_knows_neither_scale_nor_shift() -> None:
    ramp = np.repeat(np.linspace(0, 200, 8).astype(np.uint8)[None, :, None], 8, 0).repeat(3, 2)
    assert metrics.depth_error([ramp], [ramp // 2 + 20], brightness) < 1e-4
    mirrored = np.ascontiguousarray(ramp[:, ::-1])
    places = np.linspace(0, 1, 8)
    expected = float(((places - places[::-1]) ** 2).mean())
    assert metrics.depth_error([ramp], [mirrored], brightness) == pytest.approx(expected, rel=0.02)
    flat = np.zeros_like(ramp)
    assert metrics.depth_error([flat], [flat], brightness) == 0.0


def test_all_at_once_leaves_out_what_was_not_handed_in() -> None:
    clip = panned(3)
    alone = metrics.measure(clip, clip)
    assert (alone.frame_consistency, alone.depth_error) == (None, None)
    full = metrics.measure(clip, clip, embed=mean_colour, read_depth=brightness)
    assert full.depth_error == 0.0
    assert full.frame_consistency is not None


def test_two_files_are_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("input.avi", "output.avi"):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*"MJPG"), 10, (SIZE, SIZE))
        for frame in panned(4):
            writer.write(frame[..., ::-1])
        writer.release()
    assert metrics.main([str(tmp_path / "input.avi"), str(tmp_path / "output.avi")]) == 0
    assert json.loads(capsys.readouterr().out)["warp_error"] < 1e-3


def test_fetched_networks_add_their_measures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.manual_seed(0)
    write_encoders(tmp_path / "rain")
    network = anything().eval()
    depth = write_depth(tmp_path / "depth", network)
    frames = panned(3)
    for name, clip in (("input.avi", frames), ("output.avi", [255 - frame for frame in frames])):
        writer = cv2.VideoWriter(str(tmp_path / name), cv2.VideoWriter_fourcc(*"MJPG"), 10, (SIZE, SIZE))
        for frame in clip:
            writer.write(frame[..., ::-1])
        writer.release()
    options = ["--image-encoder", str(tmp_path / "rain" / IMAGE_ENCODER), "--depth", str(depth)]
    assert metrics.main([str(tmp_path / "input.avi"), str(tmp_path / "output.avi"), *options]) == 0
    told = json.loads(capsys.readouterr().out)
    painted = metrics.read_clip(tmp_path / "output.avi")
    embed, read_depth = embed_with(tmp_path / "rain" / IMAGE_ENCODER), depth_with(str(depth))
    assert told["frame_consistency"] == pytest.approx(metrics.frame_consistency(painted, embed))
    shown = metrics.read_clip(tmp_path / "input.avi")
    assert told["depth_error"] == pytest.approx(metrics.depth_error(shown, painted, read_depth))
    assert told["depth_error"] > 0.0


def test_clips_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    clip = panned(3)
    with pytest.raises(ValueError, match="3 and 2"):
        metrics.measure(clip, clip[:2])
    with pytest.raises(ValueError, match="one size"):
        metrics.measure(clip, [frame[:50] for frame in clip])
    with pytest.raises(ValueError, match="no picture in"):
        metrics.read_clip(tmp_path / "none.mp4")
