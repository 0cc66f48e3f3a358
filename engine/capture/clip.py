"""The video stream of a clip: what it says of itself, and its frames with their times.

Out: decoded frames, media times, upright RGB. Thread: one reader.
"""

from __future__ import annotations  # av.Packet takes its type argument in stubs only

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import av
import av.error
import cv2
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from engine.errors import SourceError
from engine.types import RgbImage

DEFAULT_RATE = Fraction(25)
_USUAL_RATES = (
    *(Fraction(rate) for rate in (24, 25, 30, 48, 50, 60, 100, 120)),
    *(Fraction(1000 * rate, 1001) for rate in (24, 30, 48, 60, 120)),
)
_SAME_RATE = 0.0003  # an average this near to a usual rate means that rate (30 and 29.97 are 0.001 apart)
_LATE_FRAMES = 2  # a stream that ends this many frames before its stated end broke off

TimedFrame: TypeAlias = tuple[VideoFrame, float]
"""A decoded frame and its media time in seconds."""


class Clip:
    """The first video stream of an open file that is no cover picture.

    Args:
        path: The file.

    Attributes:
        rate: Nominal frames per second, exact (30000/1001); the average for a variable rate.
        time_base: Unit of the stream's time stamps in seconds.
        num_frames: Frames in all as stated, or as the duration says; None when unknown.
        audio_codec: Name of the first sound stream's codec, or None.

    Raises:
        SourceError: it is missing, unreadable, or has no video stream.
    """

    def __init__(self, path: Path) -> None:
        self._container = _open_container(path)
        try:
            self._stream = _video_stream(self._container, path)
        except SourceError:
            self._container.close()
            raise
        self.rate = _nominal_rate(self._stream)
        self.time_base = self._stream.time_base or Fraction(1, 1000)
        audio = self._container.streams.audio
        self.audio_codec = audio[0].codec_context.name if audio else None
        self._stated_end_s = self._read_stated_end_s()
        stated_frames = round(self._stated_end_s * self.rate) if self._stated_end_s else None
        self.num_frames = self._stream.frames or stated_frames
        self._offset_s = 0.0
        self._end_s = 0.0  # when the last frame is over, in this round's own time
        self._is_damaged = False

    @property
    def is_truncated(self) -> bool:
        """Whether something could not be read, or the stream ended well before the end that it states."""
        shortest_s = (self._stated_end_s or 0.0) - _LATE_FRAMES / self.rate
        return self._is_damaged or self._end_s < shortest_s

    def frames(self) -> Iterator[TimedFrame]:
        """Yield the frames of one round with their media times; a damaged clip gives what can be read."""
        for packet in self._packets():
            for frame in self._decoded(packet):
                media_s = self._end_s if frame.pts is None else float(frame.pts * self.time_base)
                length_s = float(frame.duration * self.time_base) if frame.duration else float(1 / self.rate)
                self._end_s = media_s + length_s
                yield frame, self._offset_s + media_s

    def again(self) -> Iterator[TimedFrame]:
        """Go back to the start; the times of the new round follow on those of the last."""
        self._offset_s += self._end_s
        self._end_s = 0.0
        self._container.seek(0)
        return self.frames()

    def upright(self, frame: VideoFrame) -> RgbImage:
        """Return a frame as RGB, turned upright, with square pixels; a new array."""
        rgb = frame.to_ndarray(format="rgb24")
        pixel_aspect = self._stream.sample_aspect_ratio
        if pixel_aspect and pixel_aspect != 1:
            width = max(round(frame.width * pixel_aspect), 1)
            rgb = np.asarray(cv2.resize(rgb, (width, frame.height), interpolation=cv2.INTER_AREA), np.uint8)
        quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as numpy turns
        return np.ascontiguousarray(np.rot90(rgb, quarter_turns))

    def close(self) -> None:
        """Close the file; idempotent."""
        self._container.close()

    def _packets(self) -> Iterator[Packet[VideoStream] | None]:
        """Yield the packets that can be read, then None, which flushes the decoder."""
        try:
            for packet in self._container.demux(self._stream):
                if packet.size:
                    yield packet
        except av.error.FFmpegError:
            self._is_damaged = True
        yield None

    def _decoded(self, packet: Packet[VideoStream] | None) -> list[VideoFrame]:
        try:
            return self._stream.codec_context.decode(packet)
        except av.error.FFmpegError:
            self._is_damaged = True
            return []

    def _read_stated_end_s(self) -> float | None:
        if self._stream.duration is not None:
            return float((self._stream.duration + (self._stream.start_time or 0)) * self.time_base)
        if self._container.duration is not None:
            return (self._container.duration + (self._container.start_time or 0)) / av.time_base
        return None


def _open_container(path: Path) -> InputContainer:
    if path.is_dir():
        raise SourceError(f"{path} is a folder.", hint="Give a clip in it.")
    if path.is_file() and path.stat().st_size == 0:
        raise SourceError(f"{path} is empty.", hint="Copy or download it again.")
    try:
        return av.open(str(path), mode="r")
    except FileNotFoundError as error:
        raise SourceError(f"There is no file {path}.", hint="Check the path.") from error
    except PermissionError as error:
        raise SourceError(f"{path} may not be read.", hint="Check the file's permissions.") from error
    except (av.error.FFmpegError, OSError) as error:
        raise SourceError(
            f"{path} cannot be read as a clip ({error.strerror}).",
            hint="It may be damaged or broken off before its index was written; try another file.",
        ) from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:
            stream.thread_type = "AUTO"
            return stream
    raise SourceError(f"{path} has no video stream.", hint="Choose a clip with a picture.")


def _nominal_rate(stream: VideoStream) -> Fraction:
    """Return the average rate, or the usual one that it means: Matroska rounds times to milliseconds."""
    average = Fraction(stream.average_rate or stream.guessed_rate or DEFAULT_RATE)
    return next((rate for rate in _USUAL_RATES if abs(average / rate - 1) < _SAME_RATE), average)
