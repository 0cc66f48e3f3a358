"""An H.264 MP4 that is playable while it grows, and an ordinary fast-start MP4 when it is finished.

While recording, the file is *fragmented*: about once a second a self-contained piece (moof + mdat) is
appended, so a crash or a full disk loses the last piece at most (nothing is on disk before the first one).
On a clean finish the packets are copied, unchanged, into a file with its index at the front, which replaces
the fragmented one in a single step; when that copy fails (no room for two), the fragmented file stays.
An older movie of the same name is no concern of this module: see ``growing_file``.

A piece begins with a key frame, and one is asked for after a second of *time*, not after so many frames: a
live picture may come slowly. The encoder looks at no frame ahead, so what was written is in the file.

Two choices keep the timestamps exact: no B-frames, and an index delayed until the first piece, so that the
AAC encoder's priming becomes an edit list instead of a shift of the picture by 1024 samples.
"""

from __future__ import annotations  # av.Packet takes its type argument in stubs only

import contextlib
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import av
import av.error
import numpy as np
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from av.video.stream import VideoStream

from engine.errors import SinkError
from engine.sinks.output_file import unwritable
from engine.sinks.recorder_settings import MovieSettings
from engine.types import RgbImage

_FRAGMENTED = MappingProxyType(
    {"movflags": "frag_keyframe+delay_moov+default_base_moof", "flush_packets": "1"}
)
_FAST_START = MappingProxyType({"movflags": "faststart"})
_PIECE_S = 1
_NO_LOOKING_AHEAD = "rc-lookahead=0:sync-lookahead=0:mbtree=0"
_FAILURES = (OSError, av.error.FFmpegError)  # the second is no OSError where it has no errno


class MovieWriter:
    """Encodes pictures into the growing file. Thread: one caller at a time.

    Args:
        path: The file; an existing one is replaced.
        settings: Size, rate and quality.

    Raises:
        SinkError: the file cannot be created.
    """

    def __init__(self, path: Path, settings: MovieSettings) -> None:
        self.path = path.absolute()  # FFmpeg would take a relative 12:30.mp4 for a protocol named 12
        self.settings = settings
        self.container = av.open(str(self.path), "w", "mp4", options=dict(_FRAGMENTED))
        self._video = self._add_video()
        self._reformatter = VideoReformatter()
        self._piece_begins_at = 0  # timestamp from which on the next piece may begin

    def _add_video(self) -> VideoStream:
        settings = self.settings
        options = {
            "preset": settings.preset,
            "crf": str(settings.crf),
            "bf": "0",
            "x264-params": _NO_LOOKING_AHEAD,
        }
        stream = self.container.add_stream("libx264", rate=settings.rate, options=options)
        stream.width, stream.height = settings.even_size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.time_base = stream.time_base = settings.time_base
        context.gop_size = max(1, round(settings.rate * _PIECE_S))
        context.thread_count = settings.threads
        context.colorspace = Colorspace.ITU709
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.BT709
        return stream

    def start(self) -> None:
        """Create the file and open the encoder, once all streams are there.

        Raises:
            SinkError: the file cannot be created.
        """
        try:
            self.container.start_encoding()
        except _FAILURES as error:
            raise _unwritable(self.path, error) from error

    def write(self, rgb: RgbImage, pts: int) -> None:
        """Encode one picture.

        Args:
            rgb: ``(height, width, 3)`` uint8 of the settings' size.
            pts: Presentation time in units of the settings' time base, greater than the last one.

        Raises:
            SinkError: the file cannot be written any further.
        """
        frame = av.VideoFrame.from_ndarray(_padded(rgb, self.settings.even_size), "rgb24")
        frame = self._reformatter.reformat(
            frame,
            format="yuv420p",
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
            dst_colorspace=Colorspace.ITU709,
        )
        frame.pts, frame.time_base = pts, self.settings.time_base
        frame.duration = max(1, round(1 / self.settings.rate / self.settings.time_base))
        if pts >= self._piece_begins_at:
            frame.pict_type = PictureType.I
            self._piece_begins_at = pts + round(_PIECE_S / self.settings.time_base)
        self.mux(self._video.encode(frame))

    def mux(self, packets: Iterable[av.Packet[Any]]) -> None:
        """Append encoded packets of any stream. Raises ``SinkError`` when the file cannot grow."""
        try:
            for packet in packets:
                self.container.mux(packet)
        except _FAILURES as error:
            raise _unwritable(self.path, error) from error

    def flush_video(self) -> None:
        """Write what the encoder still holds. Raises ``SinkError``."""
        self.mux(self._video.encode(None))

    def finish(self) -> bool:
        """Write the end and put the index in front; returns whether that last step succeeded.

        Raises:
            SinkError: the end could not be written; the file plays up to the last complete piece.
        """
        try:
            self.container.close()
        except _FAILURES as error:
            raise _unwritable(self.path, error) from error
        return _make_fast_start(self.path)

    def abandon(self) -> bool:
        """Close after a failure: keep what is complete, cut off a torn last piece.

        Returns:
            Whether anything is left that plays.
        """
        with contextlib.suppress(*_FAILURES):
            self.container.close()
        try:
            return cut_torn_tail(self.path) > 0
        except _FAILURES:
            return False


def cut_torn_tail(path: Path) -> int:
    """Shorten a fragmented MP4 to its last complete piece, and return how many pieces that leaves.

    A piece is a ``moof`` box and the ``mdat`` box after it; every box starts with its length in four bytes
    (1 means that eight bytes follow the name) and its name (ISO/IEC 14496-12, 4.2).
    """
    file_size = path.stat().st_size
    complete = position = pieces = 0
    with path.open("r+b") as file:
        while position + 8 <= file_size:
            file.seek(position)
            head = file.read(16)
            size, name = int.from_bytes(head[:4], "big"), head[4:8]
            if size == 1:
                size = int.from_bytes(head[8:16], "big")
            if size == 0 or position + size > file_size:
                break
            position += size
            pieces += name == b"mdat"
            if name != b"moof":
                complete = position
        file.truncate(complete)
    return pieces


def _make_fast_start(path: Path) -> bool:
    finished = path.with_name(f".{path.name}.finishing")
    try:
        _copy_packets(path, finished)
        finished.replace(path)
    except _FAILURES:
        finished.unlink(missing_ok=True)
        return False
    return True


def _copy_packets(source: Path, target: Path) -> None:
    with (
        av.open(str(source)) as reader,
        av.open(str(target), "w", "mp4", options=dict(_FAST_START)) as writer,
    ):
        streams = {s.index: writer.add_stream_from_template(s, opaque=True) for s in reader.streams}
        for packet in reader.demux():
            if packet.dts is not None:  # the empty packet at the end has none
                packet.stream = streams[packet.stream.index]
                writer.mux(packet)


def _padded(rgb: RgbImage, size: tuple[int, int]) -> RgbImage:
    """Repeat the last row and column where H.264's chroma needs even sides."""
    bottom, right = size[1] - rgb.shape[0], size[0] - rgb.shape[1]
    if (bottom, right) == (0, 0):
        return np.ascontiguousarray(rgb)
    return np.pad(rgb, ((0, bottom), (0, right), (0, 0)), mode="edge")


def _unwritable(path: Path, error: OSError | av.error.FFmpegError) -> SinkError:
    return unwritable(path, error.errno, error.strerror or type(error).__name__)
