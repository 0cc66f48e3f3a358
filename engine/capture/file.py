"""A clip as a source: every frame in order, or due at its own rate as if it were a camera.

Out: ``Frame``. Sound is not decoded here (the recorder copies it); whether there is any is said.
Thread: one reader; frames are decoded in ``read``.
"""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from engine.capture.clip import DEFAULT_RATE, Clip, TimedFrame
from engine.clock import Clock
from engine.errors import SourceError
from engine.types import Frame


class FileSource:
    """Reads a clip's picture. What the clip says of itself is known from ``open`` on.

    Args:
        path: The clip.
        clock: Time for live mode.
        live: Offline (False): every frame in order. Live (True): the first frame is due at the first
            ``read``, the others at their media times; the newest due one wins, the others are dropped.
        loop: In live mode, start again at the end; index and media time go on rising.

    Attributes:
        dropped: Frames that were skipped in live mode.
        truncated: Whether the clip is damaged or broke off before its stated end; complete once ``read`` has
            raised ``EOFError``.
    """

    def __init__(self, path: str | Path, clock: Clock, *, live: bool = False, loop: bool = False) -> None:
        self.path = Path(path)
        self.dropped = 0
        self.truncated = False
        self._clock = clock
        self._live = live
        self._loop = live and loop
        self._clip: Clip | None = None
        self._decoded: Iterator[TimedFrame] = iter(())
        self._next: TimedFrame | None = None
        self._index = -1
        self._start_s: float | None = None

    @property
    def rate(self) -> Fraction:
        """Nominal frames per second, exact (30000/1001); the average for a variable rate."""
        return DEFAULT_RATE if self._clip is None else self._clip.rate

    @property
    def fps(self) -> float:
        """``rate`` as a number."""
        return float(self.rate)

    @property
    def time_base(self) -> Fraction:
        """Unit of the stream's time stamps in seconds."""
        return Fraction(1, 1000) if self._clip is None else self._clip.time_base

    @property
    def num_frames(self) -> int | None:
        """Frames in all as the clip states or its duration says; None for a loop or when unknown."""
        return None if self._clip is None or self._loop else self._clip.num_frames

    @property
    def audio_codec(self) -> str | None:
        """Name of the sound's codec, or None."""
        return None if self._clip is None else self._clip.audio_codec

    @property
    def has_audio(self) -> bool:
        """Whether there is a sound stream."""
        return self.audio_codec is not None

    def open(self) -> None:
        """Open the clip and decode its first frame. Raises ``SourceError``."""
        self.close()
        self.dropped, self.truncated = 0, False
        self._index, self._start_s = -1, None
        self._clip = Clip(self.path)
        self._decoded = self._clip.frames()
        self._next = next(self._decoded, None)
        if self._next is None:
            self.close()
            raise SourceError(
                f"{self.path} has no picture that can be read.", hint="Check the clip in a player."
            )

    def read(self, timeout_s: float) -> Frame | None:
        """Return the next frame (offline) or the newest due one (live); None when none is due in time.

        Raises:
            EOFError: the clip has ended; ``truncated`` says whether too early.
            SourceError: the source is not open.
        """
        if self._clip is None:
            raise SourceError(f"{self.path} is not open.", hint="Open the source before reading.")
        if self._next is None:
            self.truncated = self._clip.is_truncated
            raise EOFError
        if self._live:
            return self._read_live(self._next[1], timeout_s)
        return self._frame(self._advance(), self._clock.now_s())

    def close(self) -> None:
        """Close the clip; idempotent."""
        if self._clip is not None:
            self._clip.close()
        self._clip, self._decoded, self._next = None, iter(()), None

    def _read_live(self, next_s: float, timeout_s: float) -> Frame | None:
        now_s = self._clock.now_s()
        if self._start_s is None:
            self._start_s = now_s - next_s
        wait_s = self._start_s + next_s - now_s
        self._clock.sleep_s(min(max(wait_s, 0.0), timeout_s))
        if wait_s > timeout_s:
            return None
        media_now_s = max(self._clock.now_s() - self._start_s, next_s)  # a sleep may end a little early
        timed = self._advance()
        while self._next is not None and self._next[1] <= media_now_s:
            timed = self._advance()
            self.dropped += 1
        return self._frame(timed, self._start_s + timed[1])

    def _advance(self) -> TimedFrame:
        """Return the frame that was decoded ahead, and decode the one after it."""
        assert self._clip is not None
        assert self._next is not None
        timed = self._next
        self._index += 1
        self._next = next(self._decoded, None)
        if self._next is None and self._loop:
            self._decoded = self._clip.again()
            self._next = next(self._decoded, None)
        return timed

    def _frame(self, timed: TimedFrame, at_s: float) -> Frame:
        assert self._clip is not None
        rgb = self._clip.upright(timed[0])
        return Frame(rgb=rgb, index=self._index, captured_at_s=at_s, media_s=timed[1])
