"""The stylise mode's parts of a session: StreamDiffusion as one more set of rooms (``rooms.Rooms``).

    Frame -> LikenessTracker -> Likeness -> (StandIn) -> LikenessControl -> pixels -> Stylist -> Picture

Here, and only here, camera pixels go on to the networks: what comes out shows the user's likeness. Where
there is no frame, the standby card is shown, not a painting of the last one. The pipeline, the threads, the
outlets and the panic key are those of every session: ``Session(settings, rooms=StyliseRooms(stylise))``
(``stylise_rooms.py``).
"""

import queue
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.denoise.similarity import SimilarityFilter
from engine.pipeline import Row
from engine.post.letterbox import letterbox
from engine.stylist import Stylist
from engine.types import Avatar, Control, Frame, Performance, RgbImage, TrackState

NO_POINTS = np.zeros((0, 2), np.float32)
NO_SCORES = np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Likeness(Performance):
    """A frame itself, in a performance's place.

    Attributes:
        rgb: ``(H, W, 3)`` uint8, the camera's picture.
    """

    rgb: RgbImage


@dataclass(frozen=True, slots=True, eq=False)
class LikenessControl(Control):
    """What is to be painted: a frame, or the standby card.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        is_card: Whether it is the card, which is shown as it is.
    """

    rgb: RgbImage
    is_card: bool


class LikenessTracker:
    """Hands every frame on as it is."""

    def track(self, frame: Frame) -> Performance:
        """Return the frame."""
        return Likeness(
            frame_index=frame.index,
            captured_at_s=frame.captured_at_s,
            state=TrackState.FOUND,
            rgb=frame.rgb,
        )

    def reset(self) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to release."""


class LikenessDriver:
    """Brings a frame in, mirrored or not."""

    def __init__(self, *, mirror: bool) -> None:
        self.mirror = mirror

    def control(self, performance: Performance) -> Control:
        """Return the frame of a ``Likeness``."""
        assert isinstance(performance, Likeness)  # LikenessTracker made it
        rgb = np.ascontiguousarray(performance.rgb[:, ::-1]) if self.mirror else performance.rgb
        return LikenessControl(
            NO_POINTS, NO_SCORES, performance.frame_index, performance.captured_at_s, rgb, False
        )

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
        """Return ``pixels (1, 3, S, S)``, -1..1, of the picture's middle square, and ``is_card (1,)``."""
        assert isinstance(control, LikenessControl)  # LikenessDriver or CardActor made it
        height, width, _ = control.rgb.shape
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = np.ascontiguousarray(control.rgb[top : top + side, left : left + side])
        fitted = letterbox(square, self._size, self._size)
        pixels = torch.from_numpy(fitted).permute(2, 0, 1)[None].float() / 127.5 - 1.0
        return {"pixels": pixels, "is_card": torch.tensor([control.is_card])}


@dataclass(frozen=True, slots=True, eq=False)
class _Clean:
    latents: Tensor
    conditions: Mapping[str, Tensor]
    tag: object


class StylistBuffer:
    """A stylist where the pipeline wants a buffer; with the similarity filter before it.

    Every row that enters comes out with its own tag, in order. A skipped one leaves what is under way as it
    is, and the picture before comes out once more.

    Args:
        stylist: What paints.
        similarity: Skips frames, or None.
    """

    def __init__(self, stylist: Stylist, similarity: SimilarityFilter | None) -> None:
        self._stylist = stylist
        self._similarity = similarity
        self._wishes: queue.SimpleQueue[Callable[[Stylist], object]] = queue.SimpleQueue()
        self._waiting: deque[tuple[object, Tensor]] = deque()
        self._newest: Tensor | None = None

    def wish(self, change: Callable[[Stylist], object]) -> None:
        """Have something changed before the next frame. Thread: any."""
        self._wishes.put(change)

    def wish_steps(self, t_index_list: Sequence[int]) -> None:
        """Have the steps changed before the next frame; what a shorter way overtakes is lost. Thread: any."""

        def change(stylist: Stylist) -> None:
            for _ in range(min(stylist.set_steps(t_index_list), len(self._waiting))):
                self._waiting.pop()

        self.wish(change)

    def push(self, conditions: Row, latents: Tensor | None = None, tag: object = None) -> _Clean | None:
        """Take one frame in; see ``RollingBuffer.push``."""
        del latents
        self._grant()
        pixels, is_card = conditions["pixels"], conditions["is_card"]
        self._waiting.append((tag, is_card))
        if self._newest is not None and self._similarity is not None and not self._similarity.admits(pixels):
            return self._next(self._newest)
        if self._similarity is not None and self._newest is None:
            self._similarity.admits(pixels)
        popped = self._stylist.paint(pixels)
        return None if popped is None else self._next(popped.latents)

    def drain(self) -> Iterator[_Clean]:
        """Hand out what is under way."""
        for popped in self._stylist.drain():
            if self._waiting:
                yield self._next(popped.latents)
        while self._waiting and self._newest is not None:
            yield self._next(self._newest)
        self.reset()

    def reset(self) -> None:
        """Forget what is under way."""
        self._stylist.reset()
        self._waiting.clear()
        self._newest = None
        if self._similarity is not None:
            self._similarity.reset()

    def set_reference(self, reference: Row) -> None:
        """There is no avatar to change."""

    def set_guidance(self, guidance_scale: float) -> None:
        """Set the guidance scale. Raises ``ValueError``."""
        self._stylist.set_guidance(guidance_scale)

    def _grant(self) -> None:
        while True:
            try:
                self._wishes.get_nowait()(self._stylist)
            except queue.Empty:
                return

    def _next(self, latents: Tensor) -> _Clean:
        tag, is_card = self._waiting.popleft()
        if self._newest is None:
            self._newest = latents.clone()
        elif self._newest is not latents:
            self._newest.copy_(latents)
        return _Clean(latents, {"is_card": is_card}, tag)


class LikenessDecoder:
    """Latents to RGBA; the standby card where a row says so.

    Args:
        stylist: Whose codec.
        card: ``(S, S, 3)``.
    """

    def __init__(self, stylist: Stylist, card: RgbImage) -> None:
        self._stylist = stylist
        self._card = card

    @torch.inference_mode()
    def decode(self, latents: Tensor, conditions: Row, picture: Tensor) -> NDArray[np.uint8]:
        """Return ``(1, S, S, 4)`` uint8."""
        del picture
        rgba = np.full((1, *self._card.shape[:2], 4), 255, np.uint8)
        if bool(conditions["is_card"][0]):
            rgba[0, ..., :3] = self._card
            return rgba
        pixels = self._stylist.decode_latents(latents)
        painted = (pixels.clamp(-1.0, 1.0) * 127.5 + 127.5).round().byte()
        rgba[..., :3] = painted.permute(0, 2, 3, 1).cpu().numpy()
        return rgba

    def reset(self) -> None:
        """Nothing to forget."""
