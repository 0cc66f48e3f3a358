"""Depth from tracked points and a matte, without a depth network: a real map, but an approximate one.

What is known of a person is put together from simple solids, nearest wins: the matte as a flat figure, the
trunk as a cylinder below the shoulders, the head as an ellipsoid over the face's outline with a nose that
turns with it, forearms as rods that come nearer as they foreshorten. Furniture and walls are one plane
behind. It is no measurement: distances are those of an average body. In: ``Performance``. Out: one map, near
is large. Thread: any.
"""

import itertools
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.types import Performance, TrackState

DepthMap = NDArray[np.float32]  # (h, w)

_BACKGROUND, _FIGURE, _TRUNK = 0.0, 0.35, 0.5
_HEAD, _HEAD_BULGE, _NOSE = 0.5, 0.3, 0.12
_ARM, _ARM_REACH = 0.5, 0.4
_SURE = 0.3  # score from which a joint counts
_TRUNK_WIDTH = 1.35  # the body goes on beyond the joints, in half shoulder widths
_ABOVE_JOINTS = 0.2
_NECK_WIDTH = 0.4
_CHIN = 8
_NOSE_TIP = 30  # of the 68 points
_JAW = slice(0, 17)
_CROWN = 0.75  # the head goes on above the brows by so much of the face's height
_HAIR = 1.2  # and it is wider than the jaw
_ARM_LENGTH = 0.75  # a forearm that lies in the picture, in shoulder widths
_ARM_WIDTH = 0.1  # half of it, in shoulder widths


@dataclass(frozen=True, slots=True)
class _Grid:
    """Pixel coordinates of a map, in picture heights so that circles are round."""

    x: DepthMap
    y: DepthMap
    aspect: float

    def place(self, point: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a point given in fractions of the picture in these coordinates."""
        return np.array([point[0] * self.aspect, point[1]], np.float32)


def depth_from_points(performance: Performance, size: tuple[int, int]) -> DepthMap:
    """Return the approximate depth of one frame, ``(h, w)`` float32 in 0..1, near is large.

    Args:
        performance: What was tracked; with nobody in it the map is the background plane.
        size: ``(h, w)``.
    """
    height, width = size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    grid = _Grid((columns + 0.5) / width * performance.aspect, (rows + 0.5) / height, performance.aspect)
    depth = np.full(size, _BACKGROUND, np.float32)
    matte = _matte(performance, size)
    if matte is not None:
        depth = np.maximum(depth, _FIGURE * matte)
    if performance.state is not TrackState.FOUND:
        return depth
    solids = [_head(performance, grid)]
    if performance.body_score >= _SURE:
        solids += [_trunk(performance, grid), *_arms(performance, grid)]
    for solid in solids:
        depth = np.maximum(depth, solid)
    # outside the matte stands nobody, whatever the solids say
    if matte is not None:
        depth *= matte
    return depth


def _matte(performance: Performance, size: tuple[int, int]) -> DepthMap | None:
    if performance.matte is None:
        return None
    height, width = size
    resized = cv2.resize(performance.matte, (width, height), interpolation=cv2.INTER_LINEAR)
    matte: DepthMap = np.clip(resized, 0.0, 1.0).astype(np.float32)
    return matte


def _head(performance: Performance, grid: _Grid) -> DepthMap:
    points = np.stack([grid.place(point) for point in performance.face])
    left, right = points[_JAW, 0].min(), points[_JAW, 0].max()
    bottom, brow = points[_JAW, 1].max(), points[17:27, 1].min()
    top = brow - _CROWN * (bottom - brow)
    radius_x, radius_y = max(_HAIR * (right - left) / 2, 1e-3), max((bottom - top) / 2, 1e-3)
    inside = (
        1.0
        - ((grid.x - (left + right) / 2) / radius_x) ** 2
        - ((grid.y - (top + bottom) / 2) / radius_y) ** 2
    )
    skull = np.where(inside > 0.0, _HEAD + _HEAD_BULGE * np.sqrt(np.maximum(inside, 0.0)), _BACKGROUND)
    nose = points[_NOSE_TIP]
    distance = ((grid.x - nose[0]) ** 2 + (grid.y - nose[1]) ** 2) / (0.35 * radius_x) ** 2
    raised = skull + np.where(inside > 0.0, _NOSE * np.exp(-distance), 0.0)
    head: DepthMap = np.clip(raised, 0.0, 1.0).astype(np.float32)
    return head


def _trunk(performance: Performance, grid: _Grid) -> DepthMap:
    """Return a cylinder under a line through the shoulder joints, sloping away beyond them, and the neck."""
    left, right = (grid.place(point) for point in performance.shoulders)
    half = max(abs(right[0] - left[0]) / 2, 1e-3)
    across = (grid.x - (left[0] + right[0]) / 2) / (_TRUNK_WIDTH * half)
    share = (grid.x - left[0]) / (right[0] - left[0] + 1e-6)
    line = left[1] + np.clip(share, 0.0, 1.0) * (right[1] - left[1]) - _ABOVE_JOINTS * half
    is_below = grid.y > line + half * across**4
    round_ = _TRUNK * (0.7 + 0.3 * np.sqrt(np.maximum(1.0 - across**2, 0.0)))
    trunk: DepthMap = np.where(is_below & (np.abs(across) < 1.0), round_, _BACKGROUND).astype(np.float32)
    chin = grid.place(performance.face[_CHIN])
    middle = ((left + right) / 2).astype(np.float32)
    neck = _rod(grid, (chin, middle), (_TRUNK, _TRUNK), _NECK_WIDTH * half)
    return np.maximum(trunk, neck)


def _arms(performance: Performance, grid: _Grid) -> list[DepthMap]:
    shoulders = np.stack([grid.place(point) for point in performance.shoulders])
    width = float(np.linalg.norm(shoulders[1] - shoulders[0])) + 1e-6
    arms = []
    for side in range(2):
        if min(performance.arm_scores[side], performance.arm_scores[2 + side]) < _SURE:
            continue
        joints = [shoulders[side], grid.place(performance.elbows[side]), grid.place(performance.wrists[side])]
        seen = float(np.linalg.norm(joints[2] - joints[1])) / (_ARM_LENGTH * width)
        reach = _ARM_REACH * float(np.sqrt(max(0.0, 1.0 - min(seen, 1.0) ** 2)))
        at_joint = [_ARM, _ARM + 0.3 * reach, _ARM + reach]
        for (start, end), depths in zip(
            itertools.pairwise(joints), itertools.pairwise(at_joint), strict=True
        ):
            arms.append(_rod(grid, (start, end), depths, _ARM_WIDTH * width))
    return arms


def _rod(
    grid: _Grid,
    ends: tuple[NDArray[np.float32], NDArray[np.float32]],
    depths: tuple[float, float],
    radius: float,
) -> DepthMap:
    start, along = ends[0], ends[1] - ends[0]
    share = ((grid.x - start[0]) * along[0] + (grid.y - start[1]) * along[1]) / (float(along @ along) + 1e-6)
    share = np.clip(share, 0.0, 1.0)
    away = np.hypot(grid.x - start[0] - share * along[0], grid.y - start[1] - share * along[1])
    depth = depths[0] + share * (depths[1] - depths[0])
    return np.where(away < radius, np.clip(depth, 0.0, 1.0), _BACKGROUND).astype(np.float32)
