"""Train the portrait network: ``python -m models.training.portrait.train --minutes 20``.

Pictures are drawn by ``models.training.characters``; crops, flips, colours, blur and noise vary them, and a
share of them shows no face: then no point is visible, which is how the network tells. The score is the mean
distance of the points on held-out characters at rest, in inter-ocular distances.
"""

import argparse
import json
import logging
import math
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.types import CONTROL_NAMES, mirrored_controls
from models.checkpoints.pocket import load_portrait, save_portrait
from models.networks.portrait import INPUT_SIZE, PortraitConfig, PortraitNet, PortraitReading
from models.networks.warp import KNOWN
from models.training.characters import NEUTRAL, draw, held_out_character, pose
from models.training.pocket.data import CLIP_FRAMES, Clip, ClipPool, DataSettings
from models.training.portrait.faceless import faceless

logger = logging.getLogger(__name__)

NUM_SCORED = 40
REACH = 0.55  # how far from the crop's middle a point may lie and still count
BLURRED, FLIPPED, FACELESS = 0.3, 0.5, 0.2  # shares of the pictures
SAVE_S = 240.0
FACE_ROWS = [
    row for row, name in enumerate(CONTROL_NAMES) if not name.startswith(("elbow", "wrist", "shoulder"))
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """Pictures and what is true of them; coordinates in fractions of the crop.

    Where a picture shows no face all scores and alpha are 0, and points and depth mean nothing.
    """

    rgb: Tensor  # (B, 3, 128, 128)
    points: Tensor  # (B, 61, 2)
    scores: Tensor  # (B, 61)
    depth: Tensor  # (B, 61)
    alpha: Tensor  # (B, 1, 64, 64)


_MIRRORED = mirrored_controls()


def examples(clips: list[Clip], generator: torch.Generator) -> Examples:
    """Cut a crop around the head out of one frame of each clip, and vary its colours."""
    frames = torch.randint(0, CLIP_FRAMES, (len(clips),), generator=generator).tolist()
    rgb = (
        torch.stack([torch.from_numpy(clip.rgb[f]) for clip, f in zip(clips, frames, strict=True)]).float()
        / 255
    )
    alpha = torch.stack(
        [torch.from_numpy(clip.alpha[f]) for clip, f in zip(clips, frames, strict=True)]
    ).float()
    points = torch.stack([torch.from_numpy(clip.points[f]) for clip, f in zip(clips, frames, strict=True)])
    scores = torch.stack([torch.from_numpy(clip.scores[f]) for clip, f in zip(clips, frames, strict=True)])
    depth = torch.stack([torch.from_numpy(clip.depth) for clip in clips])
    corner, side = _crops(points, generator)
    rgb, alpha = (_cut(x, corner, side, n) for x, n in ((rgb, INPUT_SIZE), (alpha / 255, INPUT_SIZE // 2)))
    points = (points - corner[:, None]) / side[:, None, None]
    inside = ((points - 0.5).abs() < REACH).all(-1)
    made = Examples(
        rgb=_recoloured(rgb, generator),
        points=points,
        scores=scores * inside,
        depth=depth / side[:, None],
        alpha=alpha,
    )
    return _some_faceless(_flipped(made, generator), generator)


def _crops(points: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    # From a close crop of the head to more than the whole picture, somewhere around the head.
    count = points.shape[0]
    centre = points[:, 15:17].mean(1)
    side = 0.45 + 0.75 * torch.rand(count, generator=generator)
    shift = (torch.rand(count, 2, generator=generator) - 0.5) * 0.35 * side[:, None]
    return centre + shift - side[:, None] / 2, side


def _cut(picture: Tensor, corner: Tensor, side: Tensor, size: int) -> Tensor:
    steps = (torch.arange(size) + 0.5) / size
    x = (corner[:, :1] + side[:, None] * steps) * 2 - 1  # (B, size)
    y = (corner[:, 1:] + side[:, None] * steps) * 2 - 1
    grid = torch.stack([x[:, None, :].expand(-1, size, -1), y[:, :, None].expand(-1, -1, size)], dim=-1)
    return functional.grid_sample(picture, grid, padding_mode="reflection", align_corners=False)


def _recoloured(rgb: Tensor, generator: torch.Generator) -> Tensor:
    count = rgb.shape[0]

    def rand(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=generator)

    mixed = rgb + (rand(3, 1, 1) - 0.5) * 0.25
    mixed = (mixed - 0.5) * (0.7 + 0.6 * rand(1, 1, 1)) + 0.5
    grey = mixed.mean(1, keepdim=True)
    mixed = grey + (mixed - grey) * (1.4 * rand(1, 1, 1))
    blurred = functional.avg_pool2d(mixed, 3, stride=1, padding=1, count_include_pad=False)
    mixed = torch.where(rand(1, 1, 1) < BLURRED, blurred, mixed)
    noise = 0.06 * rand(1, 1, 1) * torch.randn(rgb.shape, generator=generator)
    return (mixed + noise).clamp(0, 1)


def _flipped(made: Examples, generator: torch.Generator) -> Examples:
    flip = torch.rand(made.rgb.shape[0], generator=generator) < FLIPPED

    def choose(mirrored: Tensor, kept: Tensor) -> Tensor:
        return torch.where(flip.view(-1, *(1,) * (kept.ndim - 1)), mirrored, kept)

    mirrored_points = made.points[:, _MIRRORED].clone()
    mirrored_points[..., 0] = 1.0 - mirrored_points[..., 0]
    return Examples(
        rgb=choose(made.rgb.flip(-1), made.rgb),
        points=choose(mirrored_points, made.points),
        scores=choose(made.scores[:, _MIRRORED], made.scores),
        depth=choose(made.depth[:, _MIRRORED], made.depth),
        alpha=choose(made.alpha.flip(-1), made.alpha),
    )


def _some_faceless(made: Examples, generator: torch.Generator) -> Examples:
    is_faceless = torch.rand(made.rgb.shape[0], generator=generator) < FACELESS
    if not is_faceless.any():
        return made
    rgb = made.rgb.clone()
    rgb[is_faceless] = faceless(made.rgb[is_faceless], generator)
    with_face = (~is_faceless).float()
    return replace(
        made,
        rgb=rgb,
        scores=made.scores * with_face[:, None],
        alpha=made.alpha * with_face[:, None, None, None],
    )


def loss_of(reading: PortraitReading, made: Examples) -> Tensor:
    """Laplace likelihood of the points, depth, visibility and matte."""
    known = (made.scores > KNOWN).float()
    distance = (reading.points - made.points).abs().sum(-1)
    likelihood = distance / reading.spread + 2.0 * torch.log(reading.spread)
    points = ((20.0 * distance + 0.2 * likelihood) * known).sum() / known.sum()
    depth = ((reading.depth - made.depth).abs() * known).sum() / known.sum()
    visible = functional.binary_cross_entropy_with_logits(reading.visible, known)
    alpha = functional.binary_cross_entropy_with_logits(reading.alpha, made.alpha)
    return points + 2.0 * depth + 0.5 * visible + alpha


@torch.no_grad()
def score(network: PortraitNet) -> dict[str, float]:
    """Measure on held-out characters at rest.

    Returns:
        Point errors in inter-ocular distances, error of the matte, and how sure the network is on average
        that there is a face: in these pictures, and in faceless ones made of them.
    """
    network.eval()
    generator = torch.Generator().manual_seed(0)
    errors, mattes, seen, mistaken = [], [], [], []
    for index in range(NUM_SCORED):
        character = held_out_character(index)
        rest = pose(character, NEUTRAL)
        drawing = draw(character, rest, 256)
        rgb = torch.from_numpy(drawing.rgb).permute(2, 0, 1)[None].float() / 255
        small = functional.interpolate(rgb, size=INPUT_SIZE, mode="bilinear", antialias=True)
        reading = network(small)
        between = np.linalg.norm(rest.points[33] - rest.points[34])
        errors.append(np.linalg.norm(reading.points[0].numpy() - rest.points, axis=1)[FACE_ROWS] / between)
        truth = functional.interpolate(torch.from_numpy(drawing.alpha)[None, None], size=64, mode="area")
        mattes.append(float((reading.alpha.sigmoid() - truth).abs().mean()))
        seen.append(float(reading.presence))
        mistaken.append(float(network(faceless(small, generator)).presence))
    network.train()
    return {
        "point_error": float(np.mean(errors)),
        "point_error_p95": float(np.percentile(errors, 95)),
        "matte_error": float(np.mean(mattes)),
        "presence": float(np.mean(seen)),
        "presence_faceless": float(np.mean(mistaken)),
    }


def train(folder: Path, minutes: float, resume: Path | None, data: DataSettings, batch: int = 24) -> None:
    """Train for ``minutes``; write ``portrait.safetensors`` and the log into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = torch.Generator().manual_seed(data.seed)
    torch.manual_seed(data.seed)
    network = load_portrait(resume) if resume else PortraitNet(PortraitConfig())
    network.train().requires_grad_(requires_grad=True)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # not in torch's stub
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    started_at_s, step, saved_s = time.monotonic(), 0, 0.0
    with ClipPool(data) as pool:
        while (elapsed_s := time.monotonic() - started_at_s) < minutes * 60:
            progress = elapsed_s / (minutes * 60)
            for group in optimizer.param_groups:
                group["lr"] = (
                    2e-3 * (0.02 + 0.49 * (1 + math.cos(math.pi * progress))) * min(1, (step + 1) / 100)
                )
            made = examples(pool.clips(batch), generator)
            with torch.autocast("cpu", dtype=torch.bfloat16):
                reading = network(made.rgb.contiguous(memory_format=torch.channels_last))
            loss = loss_of(reading, made)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]  # torch has no types here
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            if elapsed_s - saved_s > SAVE_S:
                saved_s = elapsed_s
                _keep(network, folder, step, elapsed_s)
    _keep(network, folder, step, elapsed_s)


def _keep(network: PortraitNet, folder: Path, step: int, elapsed_s: float) -> None:
    save_portrait(network, folder / "portrait.safetensors")
    line = {"step": step, "s": round(elapsed_s), **score(network)}
    logger.info("%s", line)
    with (folder / "log.jsonl").open("a") as log:
        log.write(json.dumps(line) + "\n")


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--folder", type=Path, default=Path("runs/portrait"))
    parser.add_argument("--resume", type=Path)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    torch.set_num_threads(given.threads)
    train(given.folder, given.minutes, given.resume, DataSettings(seed=given.seed, reuse=2.0))


if __name__ == "__main__":
    main()
