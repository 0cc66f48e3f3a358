"""MediaPipe's four graphs, each as one call: picture in, arrays out. The only file that imports mediapipe.

A graph that raised hangs the process unless it is closed, and raises once more while closing: ``close``
swallows that second copy, the first one has been raised already. Thread: one caller each.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib.resources import files
from typing import Any, Protocol, TypeVar

import cv2
import mediapipe as mp
import numpy as np
from mediapipe.tasks.python import BaseOptions, vision
from numpy.typing import NDArray

from engine.quiet import drop_opencv_qt_paths
from engine.track.native_log import native_log_fence
from engine.types import RgbImage

drop_opencv_qt_paths()

Array = NDArray[np.float64]

MATTE_SIDE = 256  # the segmenter sees no more, whatever it is given
_WIDE = 1.5  # aspect from which the segmenter's landscape form fits better
_MODE = vision.RunningMode.VIDEO


class _Task(Protocol):
    def close(self) -> None: ...


def _base_options(name: str) -> Any:
    return BaseOptions(model_asset_buffer=(files("assets") / "trackers" / name).read_bytes())


def _image(rgb: RgbImage) -> Any:
    return mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(rgb))


class Graph:
    """A native graph with a life cycle. Its time stamps rise, whatever the media time does."""

    def __init__(self, task: _Task) -> None:
        self._task: Any = task
        self._is_closed = False
        self._last_ms = -1

    def close(self) -> None:
        """Release the native graph; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            self._task.close()
        except (RuntimeError, ValueError):
            return  # the error that the graph raised before, raised once more

    def _stamp_ms(self, at_s: float) -> int:
        self._last_ms = max(self._last_ms + 1, round(at_s * 1000))
        return self._last_ms


class FaceGraph(Graph):
    """Finds one face and its mesh."""

    def __init__(self) -> None:
        options = vision.FaceLandmarkerOptions(
            base_options=_base_options("face_landmarker.task"), running_mode=_MODE, num_faces=1
        )
        super().__init__(vision.FaceLandmarker.create_from_options(options))

    def read(self, rgb: RgbImage, at_s: float) -> Array | None:
        """Return the mesh ``(478, 3)`` (fractions; z in widths, towards the viewer negative), or None."""
        faces = self._task.detect_for_video(_image(rgb), self._stamp_ms(at_s)).face_landmarks
        if not faces:
            return None
        return np.array([(point.x, point.y, point.z) for point in faces[0]], np.float64)


class PoseGraph(Graph):
    """Finds one body."""

    def __init__(self) -> None:
        options = vision.PoseLandmarkerOptions(
            base_options=_base_options("pose_landmarker.task"), running_mode=_MODE
        )
        super().__init__(vision.PoseLandmarker.create_from_options(options))

    def read(self, rgb: RgbImage, at_s: float) -> Array | None:
        """Return ``(33, 4)``: x, y in fractions, visibility, presence (0..1); or None."""
        bodies = self._task.detect_for_video(_image(rgb), self._stamp_ms(at_s)).pose_landmarks
        if not bodies:
            return None
        rows = [(point.x, point.y, point.visibility, point.presence) for point in bodies[0]]
        return np.array(rows, np.float64)


class HandGraph(Graph):
    """Finds up to two hands."""

    def __init__(self) -> None:
        options = vision.HandLandmarkerOptions(
            base_options=_base_options("hand_landmarker.task"), running_mode=_MODE, num_hands=2
        )
        super().__init__(vision.HandLandmarker.create_from_options(options))

    def read(self, rgb: RgbImage, at_s: float) -> Array:
        """Return one row for each hand, ``(0..2, 3)``: x, y of the wrist in fractions, score 0..1."""
        found = self._task.detect_for_video(_image(rgb), self._stamp_ms(at_s))
        rows = [
            (hand[0].x, hand[0].y, sides[0].score)
            for hand, sides in zip(found.hand_landmarks, found.handedness, strict=True)
        ]
        return np.array(rows, np.float64).reshape(-1, 3)


class MatteGraph(Graph):
    """Cuts the person out. ``aspect`` of the pictures chooses the model's form."""

    def __init__(self, aspect: float) -> None:
        form = "_landscape" if aspect >= _WIDE else ""
        options = vision.ImageSegmenterOptions(
            base_options=_base_options(f"selfie_segmentation{form}.tflite"),
            running_mode=_MODE,
            output_confidence_masks=True,
        )
        super().__init__(vision.ImageSegmenter.create_from_options(options))

    def read(self, rgb: RgbImage, at_s: float) -> NDArray[np.float32]:
        """Return the person's mask ``(h, w)`` 0..1, longer side 256 at most, a new array."""
        height, width = rgb.shape[:2]
        ratio = min(MATTE_SIDE / max(height, width), 1.0)
        size = (max(round(width * ratio), 1), max(round(height * ratio), 1))
        small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        found = self._task.segment_for_video(_image(np.asarray(small, np.uint8)), self._stamp_ms(at_s))
        mask = found.confidence_masks[0]
        return np.array(mask.numpy_view(), np.float32).reshape(size[1], size[0])


_AnyGraph = TypeVar("_AnyGraph", bound=Graph)


class Graphs:
    """The graphs in use, each built when it is first called.

    Args:
        aspect: Width over height of the pictures.
    """

    def __init__(self, aspect: float = 1.0) -> None:
        self._aspect = aspect
        self._built: dict[type[Graph], Graph] = {}
        self._noisy: set[type[Graph]] = {FaceGraph, PoseGraph, HandGraph, MatteGraph}

    def face(self, rgb: RgbImage, at_s: float) -> Array | None:
        """Return the face mesh; see ``FaceGraph.read``."""
        with self._fence(FaceGraph):
            mesh = self._graph(FaceGraph, FaceGraph).read(rgb, at_s)
        self._noisy.discard(FaceGraph)
        return mesh

    def pose(self, rgb: RgbImage, at_s: float) -> Array | None:
        """Return the body; see ``PoseGraph.read``."""
        with self._fence(PoseGraph):
            body = self._graph(PoseGraph, PoseGraph).read(rgb, at_s)
        if body is not None:  # it comments on the first body that it finds
            self._noisy.discard(PoseGraph)
        return body

    def hands(self, rgb: RgbImage, at_s: float) -> Array:
        """Return the hands; see ``HandGraph.read``."""
        with self._fence(HandGraph):
            hands = self._graph(HandGraph, HandGraph).read(rgb, at_s)
        self._noisy.discard(HandGraph)
        return hands

    def matte(self, rgb: RgbImage, at_s: float) -> NDArray[np.float32]:
        """Return the person's mask; see ``MatteGraph.read``."""
        with self._fence(MatteGraph):
            mask = self._graph(MatteGraph, lambda: MatteGraph(self._aspect)).read(rgb, at_s)
        self._noisy.discard(MatteGraph)
        return mask

    def close(self) -> None:
        """Release all graphs; idempotent. A later call builds them anew."""
        while self._built:
            self._built.popitem()[1].close()

    def _fence(self, kind: type[Graph]) -> AbstractContextManager[None]:
        return native_log_fence() if kind in self._noisy else nullcontext()

    def _graph(self, kind: type[_AnyGraph], build: Callable[[], _AnyGraph]) -> _AnyGraph:
        graph = self._built.get(kind)
        if not isinstance(graph, kind):
            graph = build()
            self._built[kind] = graph
        return graph
