"""One forward pass of training: from a batch to losses, through denoiser and painter to pixels.

The loss is on pixels through the decoder from the first step (L1, squared error and gradients, weighted at
eyes and mouth), with a small loss on latents that keeps the noisy rows meaningful. A share of the sequences
goes through the autoencoder alone, with noise on its latents, so that latents stay smooth and decodable.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.networks.geometry import CurveMaps, heat_maps
from models.networks.layered_warp import cut_layers, layer_masks
from models.networks.lids import lid_mask, shut_lids, skin_colour
from models.networks.looks import TemporalLook
from models.networks.pocket import BOTH_WAYS, LATENT_STRIDE, NUM_SOURCES, PocketNetworks, composite
from models.networks.pose import PoseInputs, PoseMaker
from models.networks.warp import sample, sampling_grid
from models.training.pocket.data import Batch

FACE_SHARE = 0.75  # of the crops sit on the face, where people look


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """Relative weights of the parts of the loss."""

    squared: float = 1.0
    gradient: float = 0.5
    alpha: float = 0.5
    latents: float = 0.15
    autoencoder: float = 0.5
    spread: float = 0.1
    regions: float = 6.0
    paint: float = 0.5


def region_weights(points: Tensor, size: int, weight: float) -> Tensor:
    """Return ``(F, 1, size, size)``: 1, plus ``weight`` in the boxes around both eyes and the mouth."""
    cells = (torch.arange(size, device=points.device) + 0.5) / size
    total = torch.ones(points.shape[0], 1, size, size, device=points.device)
    margin = 6.0 / 256.0
    for region in (slice(17, 25), slice(25, 33), slice(35, 43)):
        low = points[:, region].amin(1) - margin
        high = points[:, region].amax(1) + margin
        inside_x = (cells >= low[:, :1]) & (cells <= high[:, :1])
        inside_y = (cells >= low[:, 1:]) & (cells <= high[:, 1:])
        total = total + weight * (inside_y[:, None, :, None] & inside_x[:, None, None, :])
    return total


def _gradients(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture[..., :, 1:] - picture[..., :, :-1], picture[..., 1:, :] - picture[..., :-1, :]


class TrainingStep(nn.Module):
    """Computes the loss of a batch under a pattern of noise levels."""

    def __init__(self, networks: PocketNetworks, weights: LossWeights, crop_cells: int = 20) -> None:
        super().__init__()
        self.networks = networks
        self.weights = weights
        self.crop_cells = crop_cells
        self.curves = CurveMaps()
        self.maker = PoseMaker()

    def forward(
        self, batch: Batch, levels: Tensor, driven: Tensor, across: TemporalLook = BOTH_WAYS
    ) -> tuple[Tensor, Mapping[str, float]]:
        """Return the loss and its parts.

        Args:
            batch: B sequences of ``frames`` frames.
            levels: Levels of the frames that see each other, ``(f,)``; f divides ``frames``.
            driven: The points shown to the network ``(B, frames, 61, 2)``.
            across: Who sees whom among these frames.
        """
        sequences, frames = driven.shape[:2]
        size = batch.rgb.shape[-1]

        def flat(x: Tensor) -> Tensor:
            return x.flatten(0, 1)

        def per_frame(x: Tensor) -> Tensor:
            return x.repeat_interleave(frames, dim=0)

        with _exact(driven):
            pose = self.maker(flat(driven), flat(batch.scores), per_frame(batch.reference_points), size)
        heat = heat_maps(batch.reference_points, batch.reference_scores, *pose.heat.shape[-2:])
        stack, keys_values = self.networks.read_reference(batch.reference, heat)
        warped = sample(per_frame(stack).float(), pose.cut_flow, stack.shape[-1])
        share = max(1, sequences // 3) * frames  # goes through the autoencoder alone, and trains the encoder
        clean = self._encode(torch.cat([flat(batch.rgb), flat(batch.alpha)], dim=1), share)
        groups = frames // levels.shape[0]
        x0 = self.networks.denoiser(
            *_noised(clean.detach(), levels.repeat(sequences * groups)),
            {"heat": pose.heat, "warped": warped},
            {name: x.repeat_interleave(groups, dim=0) for name, x in keys_values.items()},
            across,
        ).float()
        main = self._picture_loss(x0, batch, pose)
        latents = F.l1_loss(x0, clean.detach()) + F.mse_loss(x0, clean.detach())
        loss = main + self.weights.latents * latents
        parts = {"picture": main, "latents": latents}
        if clean.requires_grad:  # else encoder and painter stay as they are
            own, spread = self._autoencoder_losses(clean[:share], batch, pose)
            loss = loss + self.weights.autoencoder * own + self.weights.spread * spread
            parts |= {"autoencoder": own, "spread": spread}
        return loss, {name: float(value.detach()) for name, value in parts.items()}

    def _autoencoder_losses(self, learnt: Tensor, batch: Batch, pose: PoseInputs) -> tuple[Tensor, Tensor]:
        frames = batch.rgb.shape[1]
        noisy = learnt + 0.15 * torch.randn_like(learnt)
        head = _head_of(batch, len(learnt) // frames)
        own = self._picture_loss(noisy, head, _head_of_pose(pose, len(learnt)))
        spread = learnt.mean((0, 2, 3)).square().mean() + (learnt.var((0, 2, 3)) - 1.0).square().mean()
        return own, spread

    def _encode(self, rgba: Tensor, share: int) -> Tensor:
        learnt: Tensor = self.networks.encoder(rgba[:share]).float()
        if share == len(rgba):
            return learnt
        with torch.no_grad():  # second: autocast keeps the weights of the first call, with their gradients
            rest = self.networks.encoder(rgba[share:]).float()
        return torch.cat([learnt, rest])

    def _picture_loss(self, latents: Tensor, batch: Batch, pose: PoseInputs) -> Tensor:
        sequences, frames = batch.rgb.shape[:2]
        size = batch.rgb.shape[-1]
        crop = _Crop.sample(batch, self.crop_cells, size)
        repeated = crop.repeat(frames)
        reference = batch.reference.repeat_interleave(frames, dim=0)
        skin = skin_colour(batch.reference, batch.reference_points)
        grids = [repeated.cut(_dense(flow, size), 1) for flow in pose.flows.chunk(3, dim=1)]
        upper, lower, inner = (_sample(reference, grid) for grid in grids)
        x, y = repeated.centres(size // 2)
        with _exact(pose.points):
            curves = self.curves(pose.points, x.to(pose.points), y.to(pose.points))
            lids = lid_mask(pose.lids, x.to(pose.points), y.to(pose.points), size)
            upper = shut_lids(upper, skin.repeat_interleave(frames, dim=0), lids)
            layered = cut_layers(upper, lower, inner, layer_masks(curves, upper.shape[-1], size))
        memory = latents.new_zeros(
            sequences, self.networks.painter.memory.width, self.crop_cells, self.crop_cells
        )
        cut_latents = repeated.cut(latents, LATENT_STRIDE)
        layers, flow, _ = self.networks.painter(cut_latents, curves, layered, F.avg_pool2d(inner, 2), memory)
        # The base grid is cut at full size; the residual is smooth and is brought up to it.
        residual = F.interpolate(flow.float(), size=layered.shape[-2:], mode="bilinear", align_corners=False)
        moved = _sample(reference, grids[2] + residual)
        rgba = composite(layers, layered, moved)
        target, alpha = repeated.cut(batch.rgb.flatten(0, 1), 1), repeated.cut(batch.alpha.flatten(0, 1), 1)
        plate = repeated.cut(batch.plate.repeat_interleave(frames, dim=0), 1)
        picture = rgba[:, 3:] * rgba[:, :3] + (1.0 - rgba[:, 3:]) * plate
        weight = repeated.cut(region_weights(batch.points.flatten(0, 1), size, self.weights.regions), 1)
        blended = self._pixel_loss(picture, target, weight) + self.weights.alpha * F.l1_loss(
            rgba[:, 3:], alpha
        )
        return blended + self.weights.paint * _paint_loss(layers, target, alpha, weight)

    def _pixel_loss(self, picture: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        difference = picture - target
        loss = (weight * (difference.abs() + self.weights.squared * difference.square())).mean()
        across, down = _gradients(difference)
        edges = (weight[..., 1:] * across.abs()).mean() + (weight[..., 1:, :] * down.abs()).mean()
        return loss + self.weights.gradient * edges


@dataclass(frozen=True, slots=True)
class _Crop:
    """Windows of ``cells`` latent cells a side, one per picture; ``left`` and ``top`` in cells."""

    left: tuple[int, ...]
    top: tuple[int, ...]
    cells: int
    grid_cells: int

    @classmethod
    def sample(cls, batch: Batch, cells: int, size: int) -> "_Crop":
        grid_cells = size // LATENT_STRIDE
        sequences = batch.rgb.shape[0]
        face = batch.points[:, 0, 15:51].mean(1).cpu() * grid_cells - cells / 2  # (B, 2)
        jittered = face + 3.0 * torch.randn(sequences, 2)
        anywhere = torch.rand(sequences, 2) * (grid_cells - cells)
        corner = torch.where(torch.rand(sequences, 1) < FACE_SHARE, jittered, anywhere)
        corner = corner.round().clamp(0, grid_cells - cells).int()
        return cls(tuple(corner[:, 0].tolist()), tuple(corner[:, 1].tolist()), cells, grid_cells)

    def repeat(self, frames: int) -> "_Crop":
        def each(values: tuple[int, ...]) -> tuple[int, ...]:
            return tuple(value for value in values for _ in range(frames))

        return _Crop(each(self.left), each(self.top), self.cells, self.grid_cells)

    def cut(self, x: Tensor, stride: int) -> Tensor:
        scale = LATENT_STRIDE // stride
        side = self.cells * scale
        corners = zip(self.left, self.top, strict=True)
        return torch.stack(
            [
                one[:, top * scale : top * scale + side, left * scale : left * scale + side]
                for one, (left, top) in zip(x, corners, strict=True)
            ]
        )

    def centres(self, pixels: int) -> tuple[Tensor, Tensor]:
        per_cell = pixels // self.grid_cells
        steps = torch.arange(self.cells * per_cell) + 0.5
        x = (steps[None] + torch.tensor(self.left)[:, None] * per_cell) / pixels
        y = (steps[None] + torch.tensor(self.top)[:, None] * per_cell) / pixels
        return x, y


def _paint_loss(layers: Tensor, target: Tensor, alpha: Tensor, weight: Tensor) -> Tensor:
    # Paint learns by itself, too: through the blend it gets no gradient where the warp has won once.
    paint = layers[:, NUM_SOURCES:].float() + 0.5
    colour = (weight * alpha * (paint[:, :3] - target).abs()).mean()
    return colour + F.l1_loss(paint[:, 3:], alpha)


def _exact(coordinates: Tensor) -> torch.autocast:
    # Autocast would run the matrix products of the geometry in bfloat16, which moves a warp by pixels.
    return torch.autocast(coordinates.device.type, enabled=False)


def _noised(clean: Tensor, levels: Tensor) -> tuple[Tensor, Tensor]:
    t = levels[:, None, None, None]
    return (1.0 - t) * clean + t * torch.randn_like(clean), levels


def _dense(flow: Tensor, size: int) -> Tensor:
    return sampling_grid(flow, size).permute(0, 3, 1, 2)


def _sample(picture: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(picture, grid.permute(0, 2, 3, 1), padding_mode="border", align_corners=False)


def _head_of(batch: Batch, sequences: int) -> Batch:
    return Batch(**{name: getattr(batch, name)[:sequences] for name in Batch.__dataclass_fields__})


def _head_of_pose(pose: PoseInputs, frames: int) -> PoseInputs:
    return PoseInputs(**{name: getattr(pose, name)[:frames] for name in PoseInputs.__dataclass_fields__})
