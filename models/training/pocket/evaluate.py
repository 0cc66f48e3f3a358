"""Scores of a training run on held-out characters: quick, on true points, against the thin-plate warp."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from models.networks.fill import background_plate, extend_colour
from models.networks.geometry import heat_maps
from models.networks.lids import skin_colour
from models.networks.pocket import LATENT_STRIDE, PocketNetworks
from models.networks.pocket_decoder import PocketComposite, PocketProps
from models.networks.pose import PoseMaker
from models.networks.warp import sample
from models.training.characters import NEUTRAL, draw, held_out_character, held_out_performance, pose
from models.training.pocket.metrics import baseline_warp, l1_by_region, region_masks


class PocketRenderer:
    """The networks in torch, float32, one frame at a time at N = 1: the plain reference for scores."""

    def __init__(
        self, networks: PocketNetworks, rgb: Tensor, alpha: Tensor, points: Tensor, scores: Tensor
    ) -> None:
        self._networks = networks
        self._reference = torch.cat([extend_colour(rgb, alpha), alpha], dim=1)
        self._plate = background_plate(rgb, alpha)
        self._points = points
        self._skin = skin_colour(self._reference, points)
        self._size = rgb.shape[-1]
        self._cells = self._size // LATENT_STRIDE
        heat = heat_maps(points, scores, self._cells, self._cells)
        self._stack, self._keys_values = networks.read_reference(self._reference, heat)
        self._maker, self._props, self._composite = PoseMaker(), PocketProps(), PocketComposite()
        self._memory = networks.painter.memory.initial_memory(self._cells, self._cells)
        self._generator = torch.Generator().manual_seed(0)

    def render(self, points: Tensor, scores: Tensor) -> Tensor:
        """Return the picture ``(3, S, S)`` for ``points (1, 61, 2)`` and ``scores (1, 61)``."""
        inputs = self._maker(points, scores, self._points, self._size)
        warped = sample(self._stack, inputs.cut_flow, self._cells)
        noise = torch.randn(
            warped[:, : self._networks.config.latent_channels].shape, generator=self._generator
        )
        conditions = {"heat": inputs.heat, "warped": warped}
        latents = self._networks.denoiser(noise, torch.ones(1), conditions, self._keys_values)
        curves, layered, inner = self._props(points, inputs.flows, inputs.lids, self._skin, self._reference)
        layers, flow, self._memory = self._networks.painter(latents, curves, layered, inner, self._memory)
        rgba = self._composite(layers, flow, layered, inputs.flows, self._reference)[0]
        picture: Tensor = rgba[3:] * rgba[:3] + (1.0 - rgba[3:]) * self._plate[0]
        return picture


def to_tensor(picture: np.ndarray) -> Tensor:
    """``(H, W, C)`` uint8 or ``(H, W)`` 0..1 float to ``(1, C, H, W)`` float32 0..1."""
    array = np.ascontiguousarray(np.atleast_3d(picture))
    tensor = torch.from_numpy(array).permute(2, 0, 1)[None].float()
    return tensor / 255.0 if picture.dtype == np.uint8 else tensor


@torch.no_grad()
def quick_scores(
    networks: PocketNetworks, sheet: Path | None = None, characters: int = 6, frames: int = 8, size: int = 256
) -> dict[str, float]:
    """Return L1 in levels and its ratios to the warp, on ``characters * frames`` held-out pictures."""
    networks.eval()
    sums: dict[str, list[float]] = {}
    rows = [_score_character(networks, index, frames, size, sums) for index in range(characters)]
    networks.train()
    if sheet is not None:
        cv2.imwrite(str(sheet), cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR))
    means = {name: float(np.mean(values)) for name, values in sums.items()}
    ratios = {
        f"{part}_error_ratio": means[part] / means[f"{part}_warp"] for part in ("picture", "eye", "mouth")
    }
    return {name: round(value, 4) for name, value in (means | ratios).items()}


def _score_character(
    networks: PocketNetworks, index: int, frames: int, size: int, sums: dict[str, list[float]]
) -> np.ndarray:
    character = held_out_character(index)
    rest = pose(character, NEUTRAL)
    neutral = draw(character, rest, size)
    rgb, alpha = to_tensor(neutral.rgb), to_tensor(neutral.alpha)
    points, scores = torch.from_numpy(rest.points)[None].float(), torch.from_numpy(rest.scores)[None].float()
    renderer = PocketRenderer(networks, rgb, alpha, points, scores)
    strips = []
    for act in held_out_performance(index, frames * 6)[::6]:
        posed = pose(character, act)
        truth = draw(character, posed, size).rgb
        driven = torch.from_numpy(posed.points)[None].float()
        made = _to_bytes(renderer.render(driven, torch.from_numpy(posed.scores)[None].float()))
        warped = _to_bytes(baseline_warp(rgb, points, driven)[0])
        masks = region_masks(posed.points, size)
        for name, picture in (("", made), ("_warp", warped)):
            for region, error in l1_by_region(picture, truth, masks).items():
                sums.setdefault(region + name, []).append(error)
        strips.append(np.concatenate([truth, made, warped]))
    return np.concatenate([np.concatenate([neutral.rgb] * 3), *strips], axis=1)


def _to_bytes(picture: Tensor) -> np.ndarray:
    return (picture.clamp(0, 1) * 255.0 + 0.5).byte().permute(1, 2, 0).numpy()
