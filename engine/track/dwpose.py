"""The two networks of DWPose: YOLOX finds the person, RTMPose finds 133 points of the whole body.

After DWPose (Yang et al., arXiv:2307.15880) as RAIN's published program runs it: the largest person only, a
box with a quarter of air around it, two peaks a point ("SimCC", arXiv:2107.03332). The files are the
published ONNX ones; OpenVINO runs them. In: pictures. Out: points in fractions of the picture. Any one
thread.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from engine.errors import WeightsError
from engine.track.dwpose_files import find_files
from engine.types import RgbImage
from models.runtimes.openvino_runtime import compile_onnx_file
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings

Array = NDArray[np.float64]

NUM_POINTS = 133  # 17 of the body, 6 of the feet, 68 of the face, 21 of each hand

_PAD_GREY = 114
_STRIDES = (8, 16, 32)
_LEAST_SCORE = 0.3
_OVERLAP = 0.45
_AIR = 1.25  # side of the box over the person's
_PEAKS_PER_PIXEL = 2.0
_MEAN = np.array((123.675, 116.28, 103.53), np.float32)  # of ImageNet, RGB 0..255
_STD = np.array((58.395, 57.12, 57.375), np.float32)
_AGAIN = "Remove that file, and fetch it again with `understudy models fetch dwpose`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeBody:
    """What the pose network says of one person.

    Attributes:
        points: ``(133, 2)`` in fractions of the picture.
        scores: ``(133,)``, about 0..1.
    """

    points: Array
    scores: Array


class Dwpose:
    """Both networks, loaded.

    Args:
        folder: Where the files lie.
        num_threads: Threads of one call.

    Raises:
        WeightsError: a file is missing, damaged or of another network.
    """

    def __init__(self, folder: Path, num_threads: int = 1) -> None:
        detector, pose = find_files(folder)
        # Coordinates come out of these networks: half precision would move them.
        settings = RuntimeSettings(
            kind=RuntimeKind.OPENVINO, precision=Precision.F32, num_threads=num_threads
        )
        self._detector = _loaded(detector, settings, 1)
        self._pose = _loaded(pose, settings, 2)

    def find_person(self, rgb: RgbImage) -> Box | None:
        """Return the box of the largest person, in pixels, or None."""
        ((name, shape),) = self._detector.input_shapes.items()
        side = (shape[2], shape[3])
        ratio = min(side[0] / rgb.shape[0], side[1] / rgb.shape[1])
        size = (int(rgb.shape[1] * ratio), int(rgb.shape[0] * ratio))
        padded = np.full((*side, 3), _PAD_GREY, np.uint8)
        padded[: size[1], : size[0]] = cv2.resize(rgb, size, interpolation=cv2.INTER_LINEAR)
        pixels = torch.from_numpy(padded.transpose(2, 0, 1)[None].astype(np.float32))
        output = self._detector.run({name: pixels})[self._detector.output_names[0]][0]
        return largest_person(decoded_boxes(output.numpy(), side), ratio)

    def read_body(self, rgb: RgbImage, box: Box) -> WholeBody:
        """Return the points of the person in ``box``."""
        ((name, shape),) = self._pose.input_shapes.items()
        width, height = shape[3], shape[2]
        corner, size = framed(box, width / height)
        to_input = np.array(
            [
                [width / size[0], 0.0, -corner[0] * width / size[0]],
                [0.0, height / size[1], -corner[1] * height / size[1]],
            ]
        )
        cut = cv2.warpAffine(rgb, to_input, (width, height), flags=cv2.INTER_LINEAR)
        pixels = ((cut - _MEAN) / _STD).transpose(2, 0, 1)[None].astype(np.float32)
        outputs = self._pose.run({name: torch.from_numpy(np.ascontiguousarray(pixels))})
        along_x, along_y = (outputs[each][0].numpy() for each in self._pose.output_names)
        points, scores = peaks(along_x, along_y)
        placed = points / (width, height) * size + corner
        return WholeBody(points=placed / (rgb.shape[1], rgb.shape[0]), scores=scores)


def decoded_boxes(output: NDArray[np.float32], side: tuple[int, int]) -> Array:
    """Return YOLOX's rows as boxes with the score of a person.

    Args:
        output: ``(rows, 5 + classes)``: x, y, log w, log h in cells, objectness, classes (0 = person).
        side: Height and width of the network's input.

    Returns:
        ``(rows, 5)``: left, top, right, bottom in pixels of the input, score.
    """
    cells, strides = [], []
    for stride in _STRIDES:
        rows, columns = side[0] // stride, side[1] // stride
        grid = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
        cells.append(grid)
        strides.append(np.full((len(grid), 1), stride))
    stride_of = np.concatenate(strides)
    centres = (output[:, :2] + np.concatenate(cells)) * stride_of
    halves = np.exp(output[:, 2:4]) * stride_of / 2.0
    score = output[:, 4:5] * output[:, 5:6]
    return np.concatenate([centres - halves, centres + halves, score], axis=1).astype(np.float64)


def largest_person(boxes: Array, ratio: float) -> Box | None:
    """Return the largest of the boxes that are surely persons and not doubles of a surer one.

    Args:
        boxes: As ``decoded_boxes`` gives them.
        ratio: Pixels of the network's input per pixel of the picture.
    """
    sure = boxes[boxes[:, 4] > _LEAST_SCORE]
    kept: list[Array] = []
    for box in sure[np.argsort(-sure[:, 4])]:
        if all(_overlap(box, other) <= _OVERLAP for other in kept):
            kept.append(box)
    if not kept:
        return None
    left, top, right, bottom = max(kept, key=_area)[:4] / ratio
    return Box(left=left, top=top, right=right, bottom=bottom)


def _area(box: Array) -> float:
    return float(max(box[2] - box[0], 0.0) * max(box[3] - box[1], 0.0))


def _overlap(one: Array, other: Array) -> float:
    """Return the intersection over the union of two boxes."""
    inner = np.concatenate([np.maximum(one[:2], other[:2]), np.minimum(one[2:4], other[2:4])])
    shared = _area(inner)
    return shared / max(_area(one) + _area(other) - shared, 1e-9)


def framed(box: Box, aspect: float) -> tuple[Array, Array]:
    """Return corner and size (x, y) of what the pose network is shown: the box with air, of one aspect."""
    centre = np.array([(box.left + box.right) / 2.0, (box.top + box.bottom) / 2.0])
    width, height = (box.right - box.left) * _AIR, (box.bottom - box.top) * _AIR
    size = np.array([max(width, height * aspect), max(height, width / aspect)])
    return centre - size / 2.0, size


def peaks(along_x: NDArray[np.float32], along_y: NDArray[np.float32]) -> tuple[Array, Array]:
    """Return where the peaks are, in pixels of the input, and how high the lower of the two is.

    Args:
        along_x: ``(133, 2 * width)``.
        along_y: ``(133, 2 * height)``.
    """
    places = np.stack([along_x.argmax(axis=1), along_y.argmax(axis=1)], axis=1) / _PEAKS_PER_PIXEL
    scores = np.minimum(along_x.max(axis=1), along_y.max(axis=1))
    return places.astype(np.float64), scores.astype(np.float64)


def _loaded(path: Path, settings: RuntimeSettings, num_outputs: int) -> Network:
    try:
        network = compile_onnx_file(path, settings)
    except ValueError as error:
        raise WeightsError(f"DWPose cannot be loaded: {error}.", hint=_AGAIN) from error
    shapes = list(network.input_shapes.values())
    is_picture = len(shapes) == 1 and len(shapes[0]) == 4 and shapes[0][:2] == (1, 3)  # noqa: PLR2004 - N C H W
    if not is_picture or len(network.output_names) != num_outputs:
        raise WeightsError(
            f"{path} is another network: inputs {dict(network.input_shapes)}, "
            f"{len(network.output_names)} outputs instead of {num_outputs}.",
            hint=_AGAIN,
        )
    return network
