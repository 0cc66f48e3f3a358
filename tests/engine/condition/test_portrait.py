"""A user's picture to an avatar, with the network that ships: drawn faces are found, nothing else is."""

from pathlib import Path

import numpy as np
import pytest
import torch

import assets
from engine.condition.portrait import AVATAR_SIZE, NO_FACE, avatar_from_picture
from engine.errors import NoFaceError
from engine.types import CONTROL_NAMES, control_indices
from models.checkpoints.pocket import load_portrait
from models.networks.portrait import PortraitNet, PortraitReading
from models.training.characters import NEUTRAL, draw, held_out_character, pose

WEIGHTS = Path(assets.__file__).parent / "pocket" / "portrait.safetensors"
PUPILS = control_indices(("pupil_left", "pupil_right"))
FACE = slice(0, CONTROL_NAMES.index("hair_left"))


@pytest.fixture(scope="module")
def network() -> PortraitNet:
    if not WEIGHTS.exists():
        pytest.skip("the portrait weights do not ship yet")
    return load_portrait(WEIGHTS)


def mean_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance of the face's points in distances of the eyes, wherever the avatar frames the head."""
    scale, shift = fit(truth[FACE], found[FACE])
    there = truth * scale + shift
    between = np.linalg.norm(there[PUPILS[0]] - there[PUPILS[1]])
    return float(np.linalg.norm(found - there, axis=1)[FACE].mean() / between)


@pytest.mark.parametrize("index", [40, 42, 45])  # none of those that training scores itself on
def test_a_drawn_face_is_found_where_it_is(network: PortraitNet, index: int) -> None:
    character = held_out_character(index)
    rest = pose(character, NEUTRAL)
    found = avatar_from_picture("mine", draw(character, rest, 512).rgb, network)
    assert found.rgb.shape == (AVATAR_SIZE, AVATAR_SIZE, 3)
    assert found.matte is not None
    assert found.matte.shape == (AVATAR_SIZE, AVATAR_SIZE)
    assert found.points.shape == (61, 2)
    assert NO_FACE <= found.confidence <= 1.0
    assert mean_error(found.points, rest.points) < 0.12
    head = (
        found.points[CONTROL_NAMES.index("contour_4"), 1] - found.points[CONTROL_NAMES.index("hair_top"), 1]
    )
    assert 0.3 < head < 0.7


def fit(source: np.ndarray, target: np.ndarray) -> tuple[float, np.ndarray]:
    """Scale and shift that bring ``source`` nearest to ``target``."""
    centred, goal = source - source.mean(0), target - target.mean(0)
    scale = float((centred * goal).sum() / (centred**2).sum())
    return scale, target.mean(0) - scale * source.mean(0)


def test_the_avatar_shows_the_picture_it_was_made_from(network: PortraitNet) -> None:
    character = held_out_character(40)
    drawing = draw(character, pose(character, NEUTRAL), 512)
    found = avatar_from_picture("mine", drawing.rgb, network)
    pupil = (found.points[PUPILS[0]] * AVATAR_SIZE).astype(int)
    true_pupil = (pose(character, NEUTRAL).points[PUPILS[0]] * 512).astype(int)
    patch = found.rgb[pupil[1] - 4 : pupil[1] + 5, pupil[0] - 4 : pupil[0] + 5].mean((0, 1))
    truth = drawing.rgb[true_pupil[1] - 4 : true_pupil[1] + 5, true_pupil[0] - 4 : true_pupil[0] + 5]
    assert np.abs(patch - truth.mean((0, 1))).max() < 60


def test_what_its_author_cut_out_is_the_character(network: PortraitNet) -> None:
    drawing = draw(held_out_character(40), pose(held_out_character(40), NEUTRAL), 512)
    alpha = drawing.alpha.astype(np.float32)
    white = np.round(drawing.rgb * alpha[..., None] + 255 * (1 - alpha[..., None])).astype(np.uint8)
    found = avatar_from_picture("mine", white, network, alpha)
    guessed = avatar_from_picture("mine", white, network)
    assert found.matte is not None
    assert guessed.matte is not None
    np.testing.assert_array_equal(found.points, guessed.points)
    # white in the framed picture is exactly where the matte says that nothing is
    outside = found.matte < 0.01
    assert found.rgb[outside].min() >= 250
    edge = (guessed.matte > 0.02) & (guessed.matte < 0.98)
    crisp = (found.matte > 0.02) & (found.matte < 0.98)
    assert crisp.sum() < 0.5 * edge.sum()  # the network sees 64 x 64 places


@pytest.mark.parametrize(("height", "width"), [(512, 1400), (900, 512)])
def test_a_picture_that_is_not_square_works(network: PortraitNet, height: int, width: int) -> None:
    character = held_out_character(42)
    rest = pose(character, NEUTRAL)
    rgb = draw(character, rest, 512).rgb
    canvas = np.full((height, width, 3), rgb[2, 2], np.uint8)
    top, left = (height - 512) // 2, (width - 512) // 2
    canvas[top : top + 512, left : left + 512] = rgb
    found = avatar_from_picture("mine", canvas, network)
    assert mean_error(found.points, rest.points) < 0.12


@pytest.mark.parametrize("kind", ["noise", "flat", "ramp"])
def test_what_shows_no_face_is_refused(network: PortraitNet, kind: str) -> None:
    pictures = {
        "noise": np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8),
        "flat": np.full((300, 300, 3), 140, np.uint8),
        "ramp": np.broadcast_to(
            np.linspace(0, 255, 300).astype(np.uint8)[:, None, None], (300, 300, 3)
        ).copy(),
    }
    with pytest.raises(NoFaceError, match="'mine'") as caught:
        avatar_from_picture("mine", pictures[kind], network)
    assert "drawn portrait" in caught.value.hint


class Unsure(PortraitNet):
    """Finds a face from the front wherever it looks, and states the given spread."""

    def __init__(self, spread: float) -> None:
        torch.nn.Module.__init__(self)
        self.spread = spread

    def forward(self, rgb: torch.Tensor) -> PortraitReading:
        rest = torch.from_numpy(pose(held_out_character(40), NEUTRAL).points).float()
        points = rest.expand(rgb.shape[0], -1, -1)
        flat = torch.zeros(points.shape[:2])
        return PortraitReading(
            points, flat + self.spread, flat, flat + 1.0, torch.zeros(len(points), 1, 64, 64)
        )


def test_a_network_that_is_not_sure_finds_nobody() -> None:
    # Whatever it is shown it answers alike, so two looks at different parts cannot agree either.
    rgb = np.zeros((128, 128, 3), np.uint8)
    with pytest.raises(NoFaceError, match=f"{NO_FACE} is needed"):
        avatar_from_picture("mine", rgb, Unsure(spread=0.2))
