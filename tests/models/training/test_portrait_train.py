"""Examples for the portrait network: points stay on the drawing, mirrored pictures are so throughout."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.types import CONTROL_INDEX, CONTROL_NAMES, mirrored_controls
from models.checkpoints.pocket import load_portrait
from models.networks.portrait import PortraitConfig, PortraitNet, PortraitReading
from models.training.characters import NEUTRAL, draw, held_out_character, pose
from models.training.pocket.data import CLIP_FRAMES, Clip, DataSettings
from models.training.portrait import train as training
from models.training.portrait.faceless import faceless
from models.training.portrait.train import Examples, _crops, _cut, _flipped, examples, loss_of

SMALL = PortraitConfig(widths=(8, 8, 8, 8))


@pytest.fixture
def _all_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "FACELESS", 0.0)


def test_mirroring_twice_changes_nothing_and_sides_change_names() -> None:
    rows = mirrored_controls()
    assert sorted(rows) == list(range(len(CONTROL_NAMES)))
    assert [rows[row] for row in rows] == list(range(len(CONTROL_NAMES)))
    becomes = {name: CONTROL_NAMES[row] for name, row in zip(CONTROL_NAMES, rows, strict=True)}
    assert becomes["pupil_left"] == "pupil_right"
    assert becomes["eye_left_0"] == "eye_right_4"  # the outer corner stays an outer corner
    assert becomes["eye_left_2"] == "eye_right_2"  # the middle of the upper lid
    assert becomes["eye_right_5"] == "eye_left_7"
    assert becomes["brow_left_0"] == "brow_right_2"
    assert becomes["contour_0"] == "contour_8"
    assert becomes["lip_outer_1"] == "lip_outer_3"
    assert becomes["lip_inner_0"] == "lip_inner_4"
    assert becomes["wrist_right"] == "wrist_left"
    for name in ("contour_4", "nose_tip", "nose_bridge", "hair_top", "neck", "lip_inner_2", "lip_outer_6"):
        assert becomes[name] == name


def test_a_face_from_the_front_is_its_own_mirror_image() -> None:
    points = pose(held_out_character(2), NEUTRAL).points
    mirrored = points[mirrored_controls()] * (-1, 1) + (1, 0)
    face = slice(0, CONTROL_INDEX["hair_left"])
    middle = points[CONTROL_INDEX["nose_tip"], 0]
    shift = (2 * middle - 1.0, 0.0)  # the head may stand beside the middle
    assert np.abs(mirrored[face] + shift - points[face]).max() < 0.02


def marked_clip() -> Clip:
    """A black picture with one white dot; every point of the left pupil lies on it, the others beside it."""
    size = 256
    points = np.full((CLIP_FRAMES, 61, 2), 0.5, np.float32)
    rgb = np.zeros((CLIP_FRAMES, 3, size, size), np.uint8)
    for frame in range(CLIP_FRAMES):
        x, y = 100 + 3 * frame, 150 - 2 * frame
        rgb[frame, :, y - 2 : y + 3, x - 2 : x + 3] = 255
        points[frame, CONTROL_INDEX["pupil_left"]] = (x + 0.5) / size, (y + 0.5) / size
    return Clip(
        reference=np.zeros((4, size, size), np.uint8),
        reference_points=points[0],
        reference_scores=np.ones(61, np.float32),
        depth=np.linspace(0, 1, 61, dtype=np.float32),
        rgb=rgb,
        alpha=np.ascontiguousarray(rgb[:, :1]),
        points=points,
        driven=points,
        scores=np.ones((CLIP_FRAMES, 61), np.float32),
    )


def brightness_at(picture: Tensor, point: Tensor) -> float:
    grid = (point * 2 - 1)[None, None, None]
    read = torch.nn.functional.grid_sample(picture[None], grid, align_corners=False)
    return float(read.mean())


@pytest.mark.usefixtures("_all_faces")
def test_points_stay_on_the_drawing_through_crop_and_flip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_recoloured", lambda rgb, _: rgb)
    made = examples([marked_clip()] * 24, torch.Generator().manual_seed(5))
    assert made.rgb.shape == (24, 3, 128, 128)
    assert made.alpha.shape == (24, 1, 64, 64)
    left, right = CONTROL_INDEX["pupil_left"], CONTROL_INDEX["pupil_right"]
    flipped = 0
    for picture, alpha, points in zip(made.rgb, made.alpha, made.points, strict=True):
        on_left, on_right = (brightness_at(picture, points[row]) for row in (left, right))
        assert max(on_left, on_right) > 0.8  # the dot was found, under one name or the other
        assert min(on_left, on_right) < 0.1
        row = left if on_left > on_right else right
        assert brightness_at(alpha, points[row]) > 0.4  # coarser
        flipped += row == right
    assert 4 < flipped < 20


def test_flipping_is_undone_by_flipping() -> None:
    generator = torch.Generator().manual_seed(1)
    made = Examples(
        rgb=torch.rand(6, 3, 8, 8, generator=generator),
        points=torch.rand(6, 61, 2, generator=generator),
        scores=torch.rand(6, 61, generator=generator),
        depth=torch.rand(6, 61, generator=generator),
        alpha=torch.rand(6, 1, 4, 4, generator=generator),
    )
    once = _flipped(made, torch.Generator().manual_seed(2))
    twice = _flipped(once, torch.Generator().manual_seed(2))  # the same pictures again
    assert not torch.equal(once.rgb, made.rgb)
    for name in ("rgb", "points", "scores", "depth", "alpha"):
        torch.testing.assert_close(getattr(twice, name), getattr(made, name))


def test_a_crop_shows_what_its_coordinates_say() -> None:
    ramp = torch.linspace(0, 1, 257)[:-1] + 0.5 / 256
    picture = torch.stack([ramp.expand(256, 256), ramp[:, None].expand(256, 256)])[None]
    corner, side = torch.tensor([[0.25, 0.5]]), torch.tensor([0.4])
    cut = _cut(picture, corner, side, 64)
    centres = (torch.arange(64) + 0.5) / 64
    torch.testing.assert_close(cut[0, 0, 10], 0.25 + 0.4 * centres, atol=1e-3, rtol=0)
    torch.testing.assert_close(cut[0, 1, :, 10], 0.5 + 0.4 * centres, atol=1e-3, rtol=0)


def test_crops_hold_the_nose() -> None:
    points = torch.full((200, 61, 2), 0.4)
    corner, side = _crops(points, torch.Generator().manual_seed(0))
    nose = (0.4 - corner) / side[:, None]
    assert ((nose > 0.3) & (nose < 0.7)).all()
    assert side.min() < 0.5
    assert side.max() > 1.1


@pytest.mark.usefixtures("_all_faces")
def test_points_far_out_of_the_crop_do_not_count() -> None:
    made = examples([marked_clip()] * 16, torch.Generator().manual_seed(3))
    outside = ((made.points - 0.5).abs() >= training.REACH).any(-1)
    assert (made.scores[outside] == 0).all()
    assert (made.scores[~outside] == 1).all()


def test_examples_follow_the_seed() -> None:
    clips = [marked_clip()] * 4
    first, again = (examples(clips, torch.Generator().manual_seed(9)) for _ in range(2))
    assert torch.equal(first.rgb, again.rgb)
    assert not torch.equal(first.rgb, examples(clips, torch.Generator().manual_seed(10)).rgb)


@pytest.mark.usefixtures("_all_faces")
def test_the_loss_is_least_at_the_truth() -> None:
    made = examples([marked_clip()] * 4, torch.Generator().manual_seed(4))
    visible = torch.where(made.scores > 0.5, 8.0, -8.0)
    alpha = torch.where(made.alpha > 0.5, 8.0, -8.0)

    def loss(offset: float, spread: float = 0.01) -> float:
        reading = PortraitReading(
            points=made.points + offset,
            spread=torch.full((4, 61), spread),
            depth=made.depth,
            visible=visible,
            alpha=alpha,
        )
        return float(loss_of(reading, made))

    assert loss(0.0) < loss(0.01) < loss(0.05)
    # The stated spread that fits best is the error itself: half of |dx| + |dy|.
    assert loss(0.02, spread=0.02) < min(loss(0.02, spread=0.01), loss(0.02, spread=0.04))


def test_a_share_shows_no_face_and_says_so() -> None:
    made = examples([marked_clip()] * 100, torch.Generator().manual_seed(6))
    hidden = (made.scores == 0).all(1)
    assert 8 < int(hidden.sum()) < 35
    assert (made.alpha[hidden] == 0).all()
    assert made.alpha[~hidden].amax((1, 2, 3)).min() > 0
    loss = loss_of(
        PortraitReading(made.points + 0.5, made.scores + 0.1, made.depth, made.scores, made.alpha), made
    )
    for part in ("points", "depth"):  # whatever is said about them there, it does not count
        changed = getattr(made, part).clone()
        changed[hidden] += 7.0
        reading = PortraitReading(made.points + 0.5, made.scores + 0.1, made.depth, made.scores, made.alpha)
        torch.testing.assert_close(loss_of(reading, replace(made, **{part: changed})), loss)


def test_faceless_pictures_are_pictures_and_are_not_the_face() -> None:
    character = held_out_character(0)
    face = torch.from_numpy(draw(character, pose(character, NEUTRAL), 128).rgb).permute(2, 0, 1) / 255.0
    faces = face.expand(40, -1, -1, -1)
    made = faceless(faces, torch.Generator().manual_seed(0))
    assert made.shape == faces.shape
    assert made.min() >= 0
    assert made.max() <= 1
    assert (made - faces).abs().mean((1, 2, 3)).min() > 0.02
    upside_down = [torch.equal(one, face.flip(-2)) for one in made]
    assert 1 < sum(upside_down) < 20  # one way of five
    assert torch.equal(made, faceless(faces, torch.Generator().manual_seed(0)))


class StillPool:
    """A pool that has one clip."""

    def __init__(self, _settings: DataSettings) -> None:
        self._clip = marked_clip()

    def __enter__(self) -> "StillPool":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def clips(self, count: int) -> list[Clip]:
        return [self._clip] * count


def test_a_run_writes_weights_and_log_and_can_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr(training, "ClipPool", StillPool)
    monkeypatch.setattr(training, "PortraitConfig", lambda: SMALL)
    monkeypatch.setattr(training, "score", lambda _: {"point_error": 0.5})
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    data = DataSettings(seed=2)
    training.train(tmp_path, 3 / 60, None, data, batch=2)
    weights = load_portrait(tmp_path / "portrait.safetensors")
    assert weights.config == SMALL
    (line,) = (json.loads(text) for text in (tmp_path / "log.jsonl").read_text().splitlines())
    assert line["step"] == 2
    assert line["point_error"] == 0.5
    training.train(tmp_path / "more", 3 / 60, tmp_path / "portrait.safetensors", data, batch=2)
    assert (tmp_path / "more" / "portrait.safetensors").exists()


def test_the_score_is_the_error_in_distances_of_the_eyes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "NUM_SCORED", 2)
    people = [held_out_character(index) for index in (0, 0, 1, 1)]  # as it is, and made faceless
    rests = iter([pose(one, NEUTRAL) for one in people])
    drawings = iter([draw(one, pose(one, NEUTRAL), 64) for one in people])

    class Knowing(PortraitNet):
        """Answers with the truth, moved to the right by a tenth of the eyes' distance."""

        def forward(self, rgb: Tensor) -> PortraitReading:
            rest, drawing = next(rests), next(drawings)
            between = np.linalg.norm(rest.points[33] - rest.points[34])
            moved = torch.from_numpy(rest.points + np.array([0.1 * between, 0.0]))[None].float()
            assert rgb.shape == (1, 3, 128, 128)
            alpha = torch.logit(torch.from_numpy(drawing.alpha)[None, None].clamp(1e-4, 1 - 1e-4))
            return PortraitReading(moved, moved[..., 0], moved[..., 0], moved[..., 0], alpha)

    network = Knowing(SMALL)
    scores = training.score(network)
    assert scores["point_error"] == pytest.approx(0.1, abs=1e-3)
    assert scores["point_error_p95"] == pytest.approx(0.1, abs=1e-3)
    assert scores["matte_error"] < 0.02
    assert network.training
