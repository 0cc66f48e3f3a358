"""The stylise mode's parts of a session: one more set of rooms (``rooms.Rooms``).

    Frame -> LikenessTracker -> Likeness -> (StandIn) -> LikenessControl -> pixels -> StreamPainter -> Picture

Here, and only here, camera pixels go on to the networks: what comes out shows the user's likeness. Where
there is no frame, the standby card is shown, not a painting of the last one; the card is never painted. The
pipeline, the threads, the outlets and the panic key are those of every session:
``Session(settings, rooms=StyliseRooms(stylise))`` (``rooms.py``).
"""

import queue
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.denoise.similarity import SimilarityFilter
from engine.pipeline import Row
from engine.post.letterbox import letterbox
from engine.stylise.painter import StreamPainter, Wish
from engine.stylise.settings import Closeness
from engine.types import Avatar, Control, Frame, Performance, RgbImage, TrackState

DepthMap = NDArray[np.float32]  # (h, w), near is large
_Number = TypeVar("_Number", np.uint8, np.float32)

NO_POINTS = np.zeros((0, 2), np.float32)
NO_SCORES = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness(Performance):
    """A frame itself, in a performance's place.

    Attributes:
        rgb: ``(H, W, 3)`` uint8, the camera's picture.
        depth: ``(h, w)`` of the same picture, or None.
    """

    rgb: RgbImage
    depth: DepthMap | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LikenessControl(Control):
    """What is to be painted: a frame, or the standby card.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        is_card: Whether it is the card, which is shown as it is.
        depth: ``(h, w)`` of the same picture, or None.
    """

    rgb: RgbImage
    is_card: bool
    depth: DepthMap | None = None


class DepthEye(Protocol):
    """Reads how far things are. Thread: the tracker's."""

    def read(self, frame: Frame) -> DepthMap:
        """Return the frame's depth, ``(h, w)``, near is large."""
        ...

    def reset(self) -> None:
        """Forget the past."""
        ...

    def close(self) -> None:
        """Release what it holds; idempotent."""
        ...


class LikenessTracker:
    """Hands every frame on as it is.

    Args:
        eye: Reads its depth, for a painter that wants it; or None.
    """

    def __init__(self, eye: DepthEye | None = None) -> None:
        self._eye = eye

    def track(self, frame: Frame) -> Performance:
        """Return the frame. Somebody to be painted is always there, whether a face is found or not."""
        return Likeness(
            frame_index=frame.index,
            captured_at_s=frame.captured_at_s,
            state=TrackState.FOUND,
            rgb=frame.rgb,
            depth=None if self._eye is None else self._eye.read(frame),
        )

    def reset(self) -> None:
        """Forget the past."""
        if self._eye is not None:
            self._eye.reset()

    def close(self) -> None:
        """Release what it holds."""
        if self._eye is not None:
            self._eye.close()


class LikenessDriver:
    """Brings a frame in, mirrored or not."""

    def __init__(self, *, mirror: bool) -> None:
        self.mirror = mirror

    def control(self, performance: Performance) -> Control:
        """Return the frame of a ``Likeness``."""
        assert isinstance(performance, Likeness)  # LikenessTracker made it
        rgb, depth = performance.rgb, performance.depth
        if self.mirror:
            rgb = np.ascontiguousarray(rgb[:, ::-1])
            depth = None if depth is None else np.ascontiguousarray(depth[:, ::-1])
        index, at_s = performance.frame_index, performance.captured_at_s
        return LikenessControl(NO_POINTS, NO_SCORES, index, at_s, rgb, False, depth)

    def set_avatar(self, avatar: Avatar) -> None:
        """There is none."""

    def calibrate(self) -> None:
        """There is nothing to learn."""


class CardActor:
    """The standby card, in the resting avatar's place."""

    def __init__(self, card: RgbImage) -> None:
        self._card = LikenessControl(NO_POINTS, NO_SCORES, -1, 0.0, card, True)

    def control(self, _time_s: float) -> Control:
        """Return the card."""
        return self._card


def at_once(start: Control, end: Control, _fraction: float) -> Control:
    """Go from the card to the person at once, and back: half a likeness is one, too."""
    return start if isinstance(start, LikenessControl) and start.is_card and _fraction < 1.0 else end


class LikenessConditioner:
    """A frame as the encoder takes it.

    Args:
        card: The standby card at the size of the pictures.

    Attributes:
        picture: Not used.
        plate: The card.
    """

    def __init__(self, card: RgbImage) -> None:
        self._size = card.shape[0]
        self.picture = torch.zeros(1, 4, 1, 1)
        self.plate = card
        self.reference: Row = {}

    def row(self, control: Control) -> Row:
        """Return what a ``StreamPainter`` is shown of the picture's middle square, and ``is_card (1,)``."""
        assert isinstance(control, LikenessControl)  # LikenessDriver or CardActor made it
        fitted = letterbox(_middle_square(control.rgb), self._size, self._size)
        pixels = torch.from_numpy(fitted).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        row = {"pixels": pixels, "is_card": torch.tensor([control.is_card])}
        if control.depth is not None:
            row["depth"] = torch.from_numpy(_middle_square(control.depth))[None]
        return row


def _middle_square(picture: NDArray[_Number]) -> NDArray[_Number]:
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return np.ascontiguousarray(picture[top : top + side, left : left + side])


_NOTHING = torch.zeros(1, 1, 1, 1)
_IS_CARD, _IS_FRAME = torch.tensor([True]), torch.tensor([False])


@dataclass(frozen=True, slots=True, eq=False)
class _Clean:
    latents: Tensor
    conditions: Mapping[str, Tensor]
    tag: object


class StylistBuffer:
    """A painter where the pipeline wants a buffer; with the similarity filter before it.

    Every row that enters comes out with its own tag, in order. A skipped one leaves what is under way as it
    is, and the picture before comes out once more. The standby card passes by the painter, at once; what was
    under way then is dropped, so that nothing older follows it.

    Args:
        painter: What paints.
        similarity: Skips frames, or None.
    """

    def __init__(self, painter: StreamPainter, similarity: SimilarityFilter | None) -> None:
        self._painter = painter
        self._similarity = similarity
        self._wishes: queue.SimpleQueue[Wish] = queue.SimpleQueue()
        self._waiting: deque[tuple[object, ...]] = deque()
        self._newest: Tensor | None = None

    def wish(self, change: Wish) -> None:
        """Have something changed before the next frame. Thread: any."""
        self._wishes.put(change)

    def wish_closeness(self, closeness: Closeness) -> None:
        """Have the closeness changed before the next frame; what a shorter way overtakes is lost.

        Thread: any.
        """

        def change(painter: StreamPainter) -> None:
            for _ in range(min(painter.set_closeness(closeness), len(self._waiting))):
                self._waiting.pop()

        self.wish(change)

    def wish_similarity(self, similarity: SimilarityFilter | None) -> None:
        """Have other frames skipped from the next one on. Thread: any."""

        def change(_painter: StreamPainter) -> None:
            self._similarity = similarity

        self.wish(change)

    def push(
        self, conditions: Row, latents: Tensor | None = None, tag: tuple[object, ...] = ()
    ) -> _Clean | None:
        """Take one frame in; see ``pipeline.Buffer.push``."""
        del latents
        self._grant()
        if bool(conditions["is_card"][0]):
            return self._card(tag)
        self._waiting.append(tag)
        if self._is_to_skip(conditions["pixels"]):
            assert self._newest is not None  # without one every frame is painted
            return self._clean([self._newest])
        became_clean = self._painter.paint(conditions)
        return self._clean(became_clean) if became_clean else None

    def drain(self) -> Iterator[_Clean]:
        """Hand out what is under way."""
        for latents in self._painter.drain():
            if self._waiting:
                yield self._clean([latents])
        while self._waiting and self._newest is not None:
            yield self._clean([self._newest])
        self.reset()

    def reset(self) -> None:
        """Forget what is under way."""
        self._painter.reset()
        self._forget()

    def set_reference(self, reference: Row) -> None:
        """There is no avatar to change."""

    def set_guidance(self, guidance_scale: float) -> None:
        """Set the guidance scale. Raises ``ValueError``."""
        self._painter.set_guidance(guidance_scale)

    def _grant(self) -> None:
        while True:
            try:
                self._wishes.get_nowait()(self._painter)
            except queue.Empty:
                return

    def _card(self, tag: tuple[object, ...]) -> _Clean:
        self._painter.pause()
        self._forget()
        return _Clean(_NOTHING, {"is_card": _IS_CARD}, tag)

    def _forget(self) -> None:
        self._waiting.clear()
        self._newest = None
        if self._similarity is not None:
            self._similarity.reset()

    def _is_to_skip(self, pixels: Tensor) -> bool:
        if self._similarity is None:
            return False
        if self._newest is None:
            self._similarity.reset()  # a filter that has accepted nothing yet lets every frame pass
        return not self._similarity.admits(pixels)

    def _clean(self, became_clean: Sequence[Tensor]) -> _Clean:
        tags = [self._waiting.popleft() for _ in became_clean]
        newest = became_clean[-1]
        if self._newest is None:
            self._newest = newest.clone()
        elif self._newest is not newest:
            self._newest.copy_(newest)
        latents = newest if len(became_clean) == 1 else torch.cat(list(became_clean))
        is_card = _IS_FRAME.expand(len(latents))
        return _Clean(latents, {"is_card": is_card}, tuple(mark for tag in tags for mark in tag))


class LikenessDecoder:
    """Latents to RGBA; the standby card where a row says so.

    Args:
        painter: Who decodes.
        card: ``(S, S, 3)``.
    """

    def __init__(self, painter: StreamPainter, card: RgbImage) -> None:
        self._painter = painter
        self._card = card

    @torch.inference_mode()
    def decode(self, latents: Tensor, conditions: Row, picture: Tensor) -> NDArray[np.uint8]:
        """Return ``(n, S, S, 4)`` uint8."""
        del picture
        rgba = np.full((len(latents), *self._card.shape[:2], 4), 255, np.uint8)
        for place, (frame, is_card) in enumerate(zip(latents, conditions["is_card"], strict=True)):
            rgba[place, ..., :3] = self._card if is_card else self._decoded(frame[None])
        return rgba

    def reset(self) -> None:
        """Nothing to forget."""

    def _decoded(self, latents: Tensor) -> RgbImage:
        pixels = self._painter.decode_latents(latents)[0]
        painted = (pixels.clamp(-1.0, 1.0) * 127.5 + 127.5).round().byte()
        rgb: RgbImage = painted.permute(1, 2, 0).cpu().numpy()
        return rgb
