"""The stages as straight lines: one tracked frame in, the pictures that became ready out.

    performance -> stand_in -> Control -> conditioner -> conditions -> buffer -> latents -> decoder -> RGBA
    -> composer -> Picture

A picture carries the ticket (index and times) of the frame that it shows, through the rolling buffer, so that
latency and sound stay exact. No camera pixel comes this far: performances hold none. Thread: the worker's.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.latency import StageTimes
from engine.post.dissolve import Dissolve
from engine.stand_in import Performer, Presence, RestingActor, StandIn
from engine.types import Control, Origin, Performance, Picture, RgbImage

if TYPE_CHECKING:  # the window imports this module at its start: torch comes with the networks, later
    from torch import Tensor

Row: TypeAlias = "Mapping[str, Tensor]"
RgbaImages = NDArray[np.uint8]  # (c, S, S, 4)

STAGES = ("track", "retarget", "condition", "denoise", "decode", "compose", "send")
"""What is timed, in the order in which a frame travels."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Which source frame a picture belongs to.

    Attributes:
        index: Its index, or -1 when there was no frame.
        captured_at_s: Monotonic time of capture.
        media_s: Presentation time.
    """

    index: int
    captured_at_s: float
    media_s: float


class Conditioner(Protocol):
    """One avatar for one model (``engine.condition``)."""

    @property
    def reference(self) -> Row:
        """What stays between changes of avatar."""
        ...

    @property
    def picture(self) -> "Tensor":
        """The avatar as the decoder refines it, ``(1, 4, S, S)``."""
        ...

    @property
    def plate(self) -> RgbImage:
        """The avatar's own background, ``(S, S, 3)``."""
        ...

    def row(self, control: Control) -> Row:
        """Return one frame's conditions, each with a leading dimension of 1."""
        ...


class CleanRow(Protocol):
    """Frames that left the buffer together: views, valid until its next call.

    They are c frames, or those of several pushes when a system begins with a whole window (Live2Diff).
    """

    @property
    def latents(self) -> "Tensor":
        """``(c, C, h, w)``, oldest first."""
        ...

    @property
    def conditions(self) -> Row:
        """What entered with these frames."""
        ...

    @property
    def tag(self) -> object:
        """What was pushed as their marks, one for each frame; those of several pushes are joined."""
        ...


class Buffer(Protocol):
    """The rolling buffer (``engine.denoise``)."""

    def push(
        self, conditions: Row, latents: "Tensor | None" = None, tag: tuple[object, ...] = ()
    ) -> CleanRow | None:
        """Take c frames in, with a mark each; return the frames that became clean, or None without any."""
        ...

    def drain(self) -> Iterator[CleanRow]:
        """Hand out what is under way, each valid until the next, and be as new."""
        ...

    def reset(self) -> None:
        """Forget what is under way."""
        ...

    def set_reference(self, reference: Row) -> None:
        """Change the avatar."""
        ...

    def set_guidance(self, guidance_scale: float) -> None:
        """Change the guidance scale. Raises ``ValueError`` when the system has none."""
        ...


class Decoder(Protocol):
    """Latents to pictures, with the memory that it carries (``engine.decode``)."""

    def decode(self, latents: "Tensor", conditions: Row, picture: "Tensor") -> RgbaImages:
        """Return ``(c, S, S, 4)`` uint8 straight RGBA of the avatar ``picture``, for all frames of a row."""
        ...

    def reset(self) -> None:
        """Forget the memory."""
        ...


class Composer(Protocol):
    """The avatar on its stage (``engine.post``)."""

    def __call__(self, rgba: RgbaImages) -> RgbImage:
        """Return ``(H, W, 3)`` uint8 in new memory."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cast:
    """What belongs to one avatar.

    Attributes:
        performer: Brings the person's performance into its proportions.
        resting: It by itself.
        conditioner: Its tensors.
        composer: Its stage (which may show the avatar's own background).
    """

    performer: Performer
    resting: RestingActor
    conditioner: Conditioner
    composer: Composer


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Machinery:
    """What belongs to one quality setting.

    Attributes:
        buffer: For rows of ``chunk`` frames.
        decoder: For as many.
        join: Puts the conditions of c frames together, in front.
        chunk: Frames c of a row.
        is_guided: Whether the buffer takes a guidance scale.
        warm_up_frames: Frames with which it begins, painted together; 0: each by itself.
    """

    buffer: Buffer
    decoder: Decoder
    join: Callable[[Sequence[Row]], Row]
    chunk: int
    is_guided: bool = False
    warm_up_frames: int = 0


@dataclass(frozen=True, slots=True)
class _Entry:
    """One frame on its way: who it is, and on whose behalf it is painted; None fills up the last chunk.

    The performance is kept so that the frame can start again for another avatar.
    """

    ticket: Ticket | None
    origin: Origin
    performance: Performance | None = None


class Pipeline:
    """The stages of one quality setting.

    Args:
        stand_in: Chooses each frame's control; shared by successive pipelines of a session.
        machinery: Buffer and decoder.
        cast: The avatar.
        times: Where stage times go.
        fade_s: Seconds of media time over which another avatar replaces the present one; 0 cuts.

    Attributes:
        on_stage: Called after every stage, on the calling thread: a sign of life. It must not wait.
    """

    def __init__(
        self, stand_in: StandIn, machinery: Machinery, cast: Cast, times: StageTimes, *, fade_s: float = 0.0
    ) -> None:
        self._stand_in = stand_in
        self._buffer = machinery.buffer
        self._decoder = machinery.decoder
        self._join = machinery.join
        self._chunk = machinery.chunk
        self._cast = cast
        self._times = times
        self.on_stage: Callable[[], None] = lambda: None
        self._entries: list[_Entry] = []
        self._row: list[Row] = []
        self._pushed: deque[_Entry] = deque()
        self._dissolve = Dissolve(fade_s)
        self._buffer.set_reference(cast.conditioner.reference)

    @property
    def presence(self) -> Presence:
        """Who moved the avatar in the newest frame that came in."""
        return self._stand_in.presence

    @property
    def cast(self) -> Cast:
        """The avatar's parts."""
        return self._cast

    def step(self, ticket: Ticket, performance: Performance | None) -> list[Picture]:
        """Take one frame in and return the pictures that became ready, oldest first.

        Args:
            ticket: Which frame.
            performance: What the tracker saw; None when there is no frame, and the avatar stands in.
        """
        with self._stage("retarget"):
            control, origin = self._stand_in.control(performance, ticket.media_s)
        with self._stage("condition"):
            self._row.append(self._cast.conditioner.row(control))
        self._entries.append(_Entry(ticket, origin, performance))
        return self._push() if len(self._row) == self._chunk else []

    def finish(self) -> list[Picture]:
        """Return the pictures of all frames that are still inside, and be as new."""
        pictures: list[Picture] = []
        if self._row:
            missing = self._chunk - len(self._row)
            self._row += [self._row[-1]] * missing
            self._entries += [_Entry(None, Origin.IDLE) for _ in range(missing)]
            pictures += self._push()
        for popped in self._buffer.drain():
            pictures += self._paint(popped)
        self._decoder.reset()
        return pictures

    def recast(self, cast: Cast) -> int:
        """Put another avatar (or the same on another stage) in; the buffer's memory stays.

        Frames under way are in the old avatar's proportions and on their way to its face. They start again
        for the new one, at once: what has been seen is kept, so no picture mixes the two, none is lost, and
        the show waits for N - 1 shorter ticks only.

        Returns:
            How many frames started again.
        """
        is_same_avatar = cast.conditioner is self._cast.conditioner
        self._cast = cast
        if is_same_avatar:
            return 0
        self._stand_in.recast(cast.performer, cast.resting)
        entries = (*self._pushed, *self._entries)
        again = [(entry.ticket, entry.performance) for entry in entries if entry.ticket]
        self.reset()
        self._buffer.set_reference(cast.conditioner.reference)
        self._dissolve.begin()
        for ticket, performance in again:
            self.step(ticket, performance)
        return len(again)

    def set_guidance(self, guidance_scale: float) -> None:
        """Set how closely the network keeps to its conditions. Raises ``ValueError`` where there is none."""
        self._buffer.set_guidance(guidance_scale)

    def forget_person(self) -> int:
        """Another source: nobody is on stage yet; returns how many frames were dropped."""
        self._stand_in.reset()
        return self.reset()

    def reset(self) -> int:
        """Forget the frames that are under way; returns how many they were."""
        dropped = sum(entry.ticket is not None for entry in self._pushed) + len(self._entries)
        self._row, self._entries = [], []
        self._pushed.clear()
        self._buffer.reset()
        self._decoder.reset()
        return dropped

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        with self._times.measure(name):
            yield
        self.on_stage()

    def _push(self) -> list[Picture]:
        conditions = self._row[0] if self._chunk == 1 else self._join(self._row)
        entries, self._entries, self._row = tuple(self._entries), [], []
        self._pushed.extend(entries)
        with self._stage("denoise"):
            popped = self._buffer.push(conditions, tag=entries)
        return [] if popped is None else self._paint(popped)

    def _paint(self, popped: CleanRow) -> list[Picture]:
        entries = popped.tag
        assert isinstance(entries, tuple)  # this class pushed them
        while self._pushed.popleft() is not entries[-1]:  # those that the buffer has dropped go, too
            pass
        with self._stage("decode"):
            rgba = self._decoder.decode(popped.latents, popped.conditions, self._cast.conditioner.picture)
        with self._stage("compose"):
            pairs = [(entry, frame) for entry, frame in zip(entries, rgba, strict=True) if entry.ticket]
            return [self._picture(entry, self._cast.composer(frame)) for entry, frame in pairs]

    def _picture(self, entry: _Entry, rgb: RgbImage) -> Picture:
        assert entry.ticket is not None  # fillers are left out before
        ticket = entry.ticket
        rgb = self._dissolve(rgb, ticket.media_s)
        return Picture(rgb, entry.origin, ticket.index, ticket.captured_at_s, ticket.media_s)
