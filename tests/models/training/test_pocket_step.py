"""A training step: it sees what the engine hands over, it learns, and every network takes part."""

import pytest
import torch
from torch import Tensor

from models.networks.geometry import heat_maps
from models.networks.lids import skin_colour
from models.networks.looks import EachAlone, OlderRows, TemporalLook
from models.networks.pocket import PocketConfig, PocketNetworks
from models.networks.pocket_decoder import PocketComposite, PocketProps
from models.networks.pose import PoseMaker
from models.networks.warp import sample
from models.training.characters import training_rng
from models.training.pocket.data import Batch, draw_clip, make_batch
from models.training.pocket.patterns import buffer_levels
from models.training.pocket.step import LossWeights, TrainingStep, region_weights

SIZE, CELLS = 64, 8
CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))
LEVELS = torch.tensor(buffer_levels(4, 1))


@pytest.fixture(scope="module")
def batch() -> Batch:
    clip = draw_clip(training_rng(8, 1), SIZE)
    return make_batch([(clip, 2)], 4, torch.device("cpu"))


def fresh_step(crop_cells: int = 6) -> TrainingStep:
    torch.manual_seed(3)
    return TrainingStep(PocketNetworks(CONFIG), LossWeights(), crop_cells)


def loss_of(step: TrainingStep, batch: Batch, levels: Tensor = LEVELS) -> tuple[Tensor, dict[str, float]]:
    torch.manual_seed(4)  # the same crops and the same noise each time
    loss, parts = step(batch, levels, batch.driven)
    return loss, dict(parts)


def test_ten_steps_lower_the_loss_and_reach_every_weight(batch: Batch) -> None:
    step = fresh_step()
    optimizer = torch.optim.AdamW(step.parameters(), lr=2e-3)
    first, before = loss_of(step, batch)
    for _ in range(10):
        loss, parts = loss_of(step, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.9 * first.item()
    assert parts["picture"] < before["picture"]
    assert parts["autoencoder"] < before["autoencoder"]
    for name, weight in step.networks.named_parameters():
        assert weight.grad is not None, name
        assert torch.isfinite(weight.grad).all(), name
        assert weight.grad.abs().max() > 0, name


@pytest.mark.parametrize(
    "levels", [buffer_levels(1, 1), buffer_levels(2, 1), buffer_levels(2, 2), buffer_levels(4, 1, 0, 2)]
)
def test_every_pattern_can_be_trained(batch: Batch, levels: tuple[float, ...]) -> None:
    loss, parts = loss_of(fresh_step(), batch, torch.tensor(levels))
    assert torch.isfinite(loss)
    assert set(parts) == {"picture", "autoencoder", "latents", "spread"}


@pytest.mark.parametrize("across", [EachAlone(), OlderRows()])
def test_who_sees_whom_is_asked_of_the_denoiser(batch: Batch, across: TemporalLook) -> None:
    step = fresh_step()
    for cross in (step.networks.denoiser.middle_cross, step.networks.denoiser.coarse_cross):
        torch.nn.init.normal_(cross.temporal.to_out.weight)
    torch.nn.init.normal_(step.networks.denoiser.out.weight, std=0.1)
    torch.manual_seed(4)
    other = step(batch, LEVELS, batch.driven, across)[1]
    assert other["latents"] != pytest.approx(loss_of(step, batch)[1]["latents"], rel=1e-3)


def test_what_stays_as_it_is_has_no_loss_of_its_own(batch: Batch) -> None:
    step = fresh_step()
    for network in (step.networks.encoder, step.networks.reference, step.networks.painter):
        network.requires_grad_(requires_grad=False)
    loss, parts = loss_of(step, batch)
    assert set(parts) == {"picture", "latents"}
    loss.backward()
    assert step.networks.denoiser.out.weight.grad is not None
    assert step.networks.painter.out.weight.grad is None


def test_the_step_follows_the_seed(batch: Batch) -> None:
    assert loss_of(fresh_step(), batch)[1] == loss_of(fresh_step(), batch)[1]


class Overheard:
    """What the networks of a step were handed."""

    def __init__(self, step: TrainingStep) -> None:
        self.denoiser: list[tuple[object, ...]] = []
        self.painter: list[tuple[Tensor, ...]] = []
        step.networks.denoiser.register_forward_pre_hook(lambda _, given: self.denoiser.append(given))
        step.networks.painter.register_forward_pre_hook(lambda _, given: self.painter.append(given))


@pytest.mark.parametrize("half", [False, True])
def test_training_sees_the_geometry_that_the_engine_makes(batch: Batch, half: bool) -> None:
    # The whole picture as the crop, so that both have the same extent. Half precision is for the networks
    # alone: in it, a warp would move by pixels.
    step = fresh_step(crop_cells=CELLS)
    overheard = Overheard(step)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        loss_of(step, batch)
    points, scores = batch.driven[0], batch.scores[0]
    pose = PoseMaker()(points, scores, batch.reference_points, SIZE)
    skin = skin_colour(batch.reference, batch.reference_points).expand(len(points), -1)
    props = PocketProps()(points, pose.flows, pose.lids, skin, batch.reference)
    _, *seen, _ = overheard.painter[0]
    for theirs, ours in zip(seen, props, strict=True):
        torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=0)
    conditions = overheard.denoiser[0][2]
    assert isinstance(conditions, dict)
    torch.testing.assert_close(conditions["heat"], pose.heat)
    heat = heat_maps(batch.reference_points, batch.reference_scores, CELLS, CELLS)
    with torch.no_grad():
        stack, _ = step.networks.read_reference(batch.reference, heat)
    warped = sample(stack, pose.cut_flow, CELLS)
    tolerance = 0.03 if half else 1e-4
    assert (conditions["warped"] - warped).abs().mean() < tolerance * warped.std()


def test_training_blends_as_the_engine_does(batch: Batch) -> None:
    step = fresh_step(crop_cells=CELLS)
    torch.nn.init.normal_(step.networks.painter.flow.weight, std=0.3)
    overheard, made = Overheard(step), []
    step.networks.painter.register_forward_hook(lambda _, __, out: made.append(out))
    blends = []
    original = step._pixel_loss
    step._pixel_loss = lambda picture, *rest: (blends.append(picture), original(picture, *rest))[1]
    with torch.no_grad():
        loss_of(step, batch)
    layers, flow, _ = made[0]
    full = overheard.painter[0][2]
    pose = PoseMaker()(batch.driven[0], batch.scores[0], batch.reference_points, SIZE)
    rgba = PocketComposite()(layers, flow, full, pose.flows, batch.reference)
    picture = rgba[:, 3:] * rgba[:, :3] + (1.0 - rgba[:, 3:]) * batch.plate
    assert flow.abs().mean() > 1e-3
    # Training does not clamp, and interpolates the coarser grid once instead of twice.
    assert (blends[0].clamp(0, 1) - picture).abs().mean() < 4e-3


def test_eyes_and_mouth_weigh_more() -> None:
    points = torch.full((1, 61, 2), 0.5)
    points[:, 17:33] = torch.tensor([0.25, 0.25])
    points[:, 35:43] = torch.tensor([0.75, 0.75])
    weight = region_weights(points, 256, 5.0)[0, 0]
    assert weight[64, 64] == 11.0  # both eyes in one place
    assert weight[192, 192] == 6.0
    assert weight[128, 128] == 1.0
    assert int((weight > 1).sum()) == 2 * 12 * 12  # 6 px to each side
