"""ONNX files of DWPose's true layout that always say the same: published names, shapes and open batch."""

from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

SIDE = 640
POSE_SIZE = (288, 384)


def _write(
    path: Path, given: tuple[str, list[object]], outputs: dict[str, NDArray[np.float32]], batch: object
) -> None:
    """Each output is a constant plus nothing times the picture's mean, so that it hangs on the input."""
    name, shape = given
    nodes = [helper.make_node("ReduceMean", [name], ["mean"], keepdims=0)]
    initial = [numpy_helper.from_array(np.zeros((), np.float32), "zero")]
    nodes.append(helper.make_node("Mul", ["mean", "zero"], ["nothing"]))
    for output, values in outputs.items():
        initial.append(numpy_helper.from_array(values, f"{output}_constant"))
        nodes.append(helper.make_node("Add", [f"{output}_constant", "nothing"], [output]))
    graph = helper.make_graph(
        nodes,
        "constant",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)],
        [
            helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, *values.shape[1:]])
            for output, values in outputs.items()
        ],
        initial,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def write_detector(path: Path, boxes: list[tuple[float, float, float, float, float]]) -> None:
    """Write a YOLOX that sees persons: left, top, right, bottom in pixels of 640 x 640, score."""
    rows = np.zeros((1, 8400, 85), np.float32)
    rows[..., 2:4] = 1.0
    for index, (left, top, right, bottom, score) in enumerate(boxes):
        stride, first = 32, 6400 + 1600
        column, row = index % 20, index // 20
        cell = first + row * 20 + column
        centre = np.array([(left + right) / 2, (top + bottom) / 2]) / stride - (column, row)
        rows[0, cell, :2] = centre
        rows[0, cell, 2:4] = np.log(np.array([right - left, bottom - top]) / stride)
        rows[0, cell, 4], rows[0, cell, 5] = 1.0, score
    _write(path, ("images", [1, 3, SIDE, SIDE]), {"output": rows}, 1)


def write_pose(path: Path, points: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    """Write an RTMPose that sees 133 points, ``(133, 2)`` in pixels of its 288 x 384 input."""
    outputs = {}
    for axis, name in enumerate(("simcc_x", "simcc_y")):
        values = np.zeros((1, len(points), 2 * POSE_SIZE[axis]), np.float32)
        places = np.clip(np.rint(points[:, axis] * 2).astype(int), 0, 2 * POSE_SIZE[axis] - 1)
        values[0, np.arange(len(points)), places] = scores
        outputs[name] = values
    _write(path, ("input", ["batch", 3, POSE_SIZE[1], POSE_SIZE[0]]), outputs, "batch")
