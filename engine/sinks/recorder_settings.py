"""What a recording is to be, and what became of it."""

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from pathlib import Path

from engine.errors import SettingsError

_LEAST_TICKS_PER_S = 10_000
_MOST_TICKS_PER_S = 1_000_000  # an average of a variable rate can be any fraction
_PLAIN_TICK = Fraction(1, 90_000)
_CRF_RANGE = range(52)


@dataclass(frozen=True, slots=True, kw_only=True)
class MovieSettings:
    """How the pictures are encoded.

    Attributes:
        size: ``(width, height)`` in pixels; an odd side gets one more row or column in the file.
        rate: Nominal frames per second, exact: 29.97 is ``Fraction(30000, 1001)``.
        tick: Unit of the file's timestamps in seconds; None: fine enough for ``rate``. For a variable rate,
            the source's own time base.
        crf: x264's constant rate factor, 0 (lossless) .. 51; lower is finer and larger.
        preset: x264's preset name, ``ultrafast`` .. ``veryslow``.
        threads: Encoder threads, 0 = as many as x264 likes.
    """

    size: tuple[int, int]
    rate: Fraction = Fraction(30)
    tick: Fraction | None = None
    crf: int = 18
    preset: str = "veryfast"
    threads: int = 1

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise SettingsError(f"The recording's size is {self.size}.", hint="Give at least 1x1 pixels.")
        if self.rate <= 0:
            raise SettingsError(f"The recording's rate is {self.rate}.", hint="Give a rate above 0.")
        if self.tick is not None and not 0 < self.tick <= 1:
            raise SettingsError(f"The recording's time base is {self.tick}.", hint="Give a time below 1 s.")
        if self.crf not in _CRF_RANGE:
            raise SettingsError(f"The recording's crf is {self.crf}.", hint="Give a number from 0 to 51.")

    @property
    def even_size(self) -> tuple[int, int]:
        """Size in the file: both sides even."""
        return self.size[0] + self.size[0] % 2, self.size[1] + self.size[1] % 2

    @property
    def time_base(self) -> Fraction:
        """Seconds per unit of the file's timestamps; by default one frame is a whole number of them."""
        if self.tick is not None:
            return self.tick
        if self.rate.numerator > _MOST_TICKS_PER_S:
            return _PLAIN_TICK
        factor = -(-_LEAST_TICKS_PER_S // self.rate.numerator)
        return Fraction(1, self.rate.numerator * factor)


class Backlog(Enum):
    """What ``send`` does when the encoder is behind."""

    WAIT = "wait"  # offline: every picture is written
    DROP = "drop"  # live: the oldest waiting picture is dropped and counted, the worker never waits


class SoundKind(Enum):
    """How the recording came by its sound."""

    NONE = "none"
    COPIED = "copied"  # the source's AAC, bit for bit
    CONVERTED = "converted"  # another codec, encoded as AAC


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingReport:
    """What was written.

    Attributes:
        path: The file; not the one that was asked for where ``spared`` is given.
        frames: Pictures in it.
        dropped: Pictures that were not written because the encoder was behind (live only) or because their
            time did not advance (live only).
        seconds: From the first picture's start to the last one's end.
        num_bytes: Size of the file.
        sound: See ``SoundKind``.
        is_sound_complete: False when the source's sound was damaged and ends early.
        is_fast_start: False when the index could not be moved to the front; the file still plays.
        spared: The file that was asked for and is the one from before; None: there was none, or the recording
            has replaced it.
    """

    path: Path
    frames: int
    dropped: int
    seconds: float
    num_bytes: int
    sound: SoundKind
    is_sound_complete: bool
    is_fast_start: bool
    spared: Path | None = None
