"""How steady and how faithful a painted clip is: the measures that Live2Diff's table uses, for any two clips.

``python -m models.training.metrics INPUT OUTPUT`` prints them for two files. After arXiv:2407.08701 and the
family it compares with (arXiv:2405.15757, arXiv:2312.17681):

- warp error: how much a painted frame differs from the one before, moved along by the camera's own motion;
- frame consistency: how alike the embeddings of successive painted frames are;
- depth error: how far the painted picture's depth is from the camera's.

The published figures rest on networks that have to be downloaded (RAFT, CLIP, a depth network) and on scales
that were not published, so only numbers of one run compare. Motion is OpenCV's dense inverse search unless
another flow is handed in; embeddings and depth are handed in (``--image-encoder``, ``--depth``), or left out.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Clip = Sequence[NDArray[np.uint8]]
"""RGB pictures ``(H, W, 3)`` of one size."""

Floats = NDArray[np.float32]

Flow = Callable[[NDArray[np.uint8], NDArray[np.uint8]], Floats]
"""``(picture, other) -> (H, W, 2)``: where each pixel of the picture is found in the other, x and y."""

Embed = Callable[[NDArray[np.uint8]], Tensor]
"""A picture's embedding, ``(D,)``: CLIP's image encoder in the published figures."""

ReadDepth = Callable[[NDArray[np.uint8]], Floats]
"""A picture's inverse relative depth, ``(h, w)``."""

_CONSISTENT_SHARE, _CONSISTENT_PIXELS = 0.01, 0.5
"""Sundaram et al. 2010, "Dense point trajectories", Eq. 1: when flow there and back do not agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """Measures of one painted clip; None where the network for it was not handed in.

    Attributes:
        warp_error: Mean square of the difference on colours of 0..1; lower is steadier.
        frame_consistency: 100 times the mean cosine similarity; higher is steadier.
        depth_error: Mean square of the difference of maps that are stretched to 0..1; lower is more faithful.
    """

    warp_error: float
    frame_consistency: float | None
    depth_error: float | None


def measure(
    inputs: Clip,
    outputs: Clip,
    *,
    flow: Flow | None = None,
    embed: Embed | None = None,
    read_depth: ReadDepth | None = None,
) -> Steadiness:
    """Return all measures of ``outputs``, painted from ``inputs``.

    Raises:
        ValueError: The clips have other lengths or sizes, or fewer than two frames.
    """
    _check(inputs, outputs)
    return Steadiness(
        warp_error=warp_error(inputs, outputs, flow),
        frame_consistency=None if embed is None else frame_consistency(outputs, embed),
        depth_error=None if read_depth is None else depth_error(inputs, outputs, read_depth),
    )


def warp_error(inputs: Clip, outputs: Clip, flow: Flow | None = None) -> float:
    """Return the mean square by which painted frames differ from the one before, moved by the input's flow.

    Pixels that are hidden in one of the two frames do not count, nor does what comes from beyond the edge.

    Args:
        inputs: What the camera saw.
        outputs: What was painted; as many, of the same size.
        flow: Motion between input frames; None: OpenCV's dense inverse search.

    Raises:
        ValueError: As ``measure``.
    """
    _check(inputs, outputs)
    motion = dense_flow() if flow is None else flow
    squares, num_pixels = 0.0, 0
    for (before, now), (painted_before, painted_now) in zip(pairwise(inputs), pairwise(outputs), strict=True):
        back, forth = motion(now, before), motion(before, now)
        seen = _is_seen(back, forth)
        moved = _moved(painted_before.astype(np.float32) / 255.0, back)
        difference = moved - painted_now.astype(np.float32) / 255.0
        squares += float((difference[seen] ** 2).mean(axis=1).sum())
        num_pixels += int(seen.sum())
    return squares / max(num_pixels, 1)


def frame_consistency(outputs: Clip, embed: Embed) -> float:
    """Return 100 times the mean cosine similarity of the embeddings of successive frames, at most 100."""
    embeddings = [torch.nn.functional.normalize(embed(frame).float(), dim=0) for frame in outputs]
    return 100.0 * float(np.mean([float(a @ b) for a, b in pairwise(embeddings)]))


def depth_error(inputs: Clip, outputs: Clip, read_depth: ReadDepth) -> float:
    """Return the mean square of the difference in depth, each map stretched to 0..1 by its own extremes."""
    errors = [
        float(((_stretched(read_depth(shown)) - _stretched(read_depth(painted))) ** 2).mean())
        for shown, painted in zip(inputs, outputs, strict=True)
    ]
    return float(np.mean(errors))


def dense_flow() -> Flow:
    """Return OpenCV's dense inverse search (Kroeger et al., arXiv:1603.03590) as a ``Flow``."""
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def flow(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> Floats:
        grey = [cv2.cvtColor(each, cv2.COLOR_RGB2GRAY) for each in (picture, other)]
        found = np.zeros((*picture.shape[:2], 2), np.float32)
        return np.asarray(search.calc(grey[0], grey[1], found), np.float32)

    return flow


def read_clip(path: Path, max_frames: int = 300) -> list[NDArray[np.uint8]]:
    """Return the first frames of a clip. Raises ``ValueError`` where there are none."""
    video = cv2.VideoCapture(str(path))
    try:
        frames = list(_frames(video, max_frames))
    finally:
        video.release()
    if not frames:
        raise ValueError(f"there is no picture in {path}")
    return frames


def _frames(video: cv2.VideoCapture, max_frames: int) -> Iterator[NDArray[np.uint8]]:
    for _ in range(max_frames):
        is_there, bgr = video.read()
        if not is_there:
            return
        yield np.ascontiguousarray(bgr[..., ::-1])


def _check(inputs: Clip, outputs: Clip) -> None:
    if len(inputs) != len(outputs) or len(outputs) < 2:  # noqa: PLR2004 - a pair
        raise ValueError(
            f"expected two clips of one length, at least 2, got {len(inputs)} and {len(outputs)}"
        )
    sizes = {frame.shape for frame in (*inputs, *outputs)}
    if len(sizes) != 1:
        raise ValueError(f"expected pictures of one size, got {sorted(sizes)}")


def _moved(picture: Floats, flow: Floats) -> Floats:
    """Return the picture with each pixel taken from where ``flow`` says it was."""
    height, width = flow.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    moved = cv2.remap(picture, columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_LINEAR)
    return np.asarray(moved, np.float32)


def _is_seen(back: Floats, forth: Floats) -> NDArray[np.bool_]:
    """Return which pixels are seen in both frames: flow back and forth agree, inside the picture."""
    height, width = back.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = columns + back[..., 0], rows + back[..., 1]
    is_inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    there = _moved(forth, back)
    apart = ((back + there) ** 2).sum(axis=2)
    along = (back**2).sum(axis=2) + (there**2).sum(axis=2)
    seen: NDArray[np.bool_] = is_inside & (apart <= _CONSISTENT_SHARE * along + _CONSISTENT_PIXELS)
    return seen


def _stretched(depth: Floats) -> Floats:
    low, high = float(depth.min()), float(depth.max())
    if high <= low:
        return np.full_like(depth, 0.5)
    return (depth - low) / (high - low)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the measures of two clips, those for which there is a network. Returns the exit code."""
    parser = argparse.ArgumentParser(description="How steady a painted clip is.")
    parser.add_argument("input", type=Path, help="what the camera saw")
    parser.add_argument("output", type=Path, help="what was painted")
    parser.add_argument("--image-encoder", type=Path, metavar="FOLDER", help="a fetched CLIP: consistency")
    parser.add_argument("--depth", metavar="FOLDER", help="a fetched depth network: depth error")
    options = parser.parse_args(arguments)
    inputs, outputs = read_clip(options.input), read_clip(options.output)
    common = min(len(inputs), len(outputs))
    height, width = outputs[0].shape[:2]
    fitting = [np.asarray(cv2.resize(frame, (width, height)), np.uint8) for frame in inputs[:common]]
    embed, read_depth = _networks(options)
    steadiness = measure(fitting, outputs[:common], embed=embed, read_depth=read_depth)
    sys.stdout.write(json.dumps(asdict(steadiness)) + "\n")
    return 0


def _networks(options: argparse.Namespace) -> tuple[Embed | None, ReadDepth | None]:
    from models.training.metric_networks import depth_with, embed_with  # noqa: PLC0415 - needs the types above

    embed = None if options.image_encoder is None else embed_with(options.image_encoder)
    return embed, None if options.depth is None else depth_with(options.depth)


if __name__ == "__main__":
    sys.exit(main())
