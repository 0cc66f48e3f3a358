"""The source clip's sound, carried into the recording with its own timestamps."""

from __future__ import annotations  # av.Packet takes its type argument in stubs only

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from engine.sinks.recorder_settings import SoundKind

_BITS_PER_S = 160_000


class SoundTrack:
    """Reads a clip's first sound track: AAC is copied, anything else is encoded as AAC.

    Thread: one caller at a time, the recorder's.

    Args:
        source: The clip.

    Attributes:
        kind: See ``SoundKind``; known once attached.
        is_complete: False when the clip was damaged and its sound ends early.
        origin_s: Time of the clip at which the recording begins: what sounds earlier is left out, and all
            times are counted from there. 0 until the recorder sets it.
    """

    def __init__(self, source: Path) -> None:
        self.kind = SoundKind.NONE
        self.is_complete = True
        self.origin_s = 0.0
        self._source = source.absolute()  # see MovieWriter
        self._reader: InputContainer | None = None
        self._packets: Iterator[av.Packet[AudioStream]] = iter(())
        self._next: av.Packet[AudioStream] | None = None

    def attach(self, writer: OutputContainer) -> None:
        """Add a sound stream to ``writer``, before its header is written; nothing for a silent clip."""
        try:
            self._reader = av.open(str(self._source))
        except (OSError, av.error.FFmpegError):
            self.is_complete = False
            return
        if not self._reader.streams.audio:
            return
        stream = self._reader.streams.audio[0]
        # Raw streams (ADTS) carry no decoder configuration, which an MP4 needs: those are encoded anew.
        if stream.codec_context.name == "aac" and stream.codec_context.extradata:
            self.kind = SoundKind.COPIED
            self._packets = self._copied(stream, writer.add_stream_from_template(stream, opaque=True))
        else:
            self.kind = SoundKind.CONVERTED
            self._packets = self._converted(stream, _add_aac(writer, stream))

    @property
    def start_s(self) -> float:
        """Time of the clip's earliest sound or picture: 0 but for transport streams and the like."""
        start = self._reader.start_time if self._reader is not None else None
        return max(0.0, (start or 0) / av.time_base)

    def until(self, end_s: float) -> Iterator[av.Packet[AudioStream]]:
        """Yield the packets that begin before ``end_s`` of the clip and were not yielded yet."""
        while True:
            if self._next is None:
                self._next = next(self._packets, None)
            if self._next is None or _start_s(self._next) >= end_s:
                return
            packet, self._next = self._next, None
            # A codec's priming lies before the clip's own start, and belongs to it.
            if self.origin_s <= self.start_s or _start_s(packet) >= self.origin_s:
                yield self._shifted(packet)

    def close(self) -> None:
        """Close the clip; idempotent."""
        self._packets, self._next = iter(()), None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _shifted(self, packet: av.Packet[AudioStream]) -> av.Packet[AudioStream]:
        if self.origin_s and packet.time_base:
            ticks = round(self.origin_s / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - ticks
            packet.dts = None if packet.dts is None else packet.dts - ticks
        return packet

    def _demuxed(self, stream: AudioStream) -> Iterator[av.Packet[AudioStream]]:
        """Yield the packets that can be read; a damaged clip ends early."""
        assert self._reader is not None
        try:
            yield from self._reader.demux(stream)
        except av.error.FFmpegError:
            self.is_complete = False

    def _copied(self, stream: AudioStream, target: AudioStream) -> Iterator[av.Packet[AudioStream]]:
        for packet in self._demuxed(stream):
            if packet.dts is not None:  # the empty packet at the end has none
                packet.stream = target
                yield packet

    def _converted(self, stream: AudioStream, target: AudioStream) -> Iterator[av.Packet[AudioStream]]:
        for packet in self._demuxed(stream):
            try:
                frames = stream.codec_context.decode(packet)
            except av.error.FFmpegError:
                self.is_complete = False
                continue
            for frame in frames:
                yield from target.encode(frame)
        yield from target.encode(None)


def _add_aac(writer: OutputContainer, stream: AudioStream) -> AudioStream:
    rate = stream.codec_context.sample_rate
    target = writer.add_stream("aac", rate=rate if rate in _AAC_RATES else 48_000)
    target.layout = "mono" if stream.codec_context.layout.nb_channels == 1 else "stereo"
    target.bit_rate = _BITS_PER_S
    return target


_AAC_RATES = frozenset({8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000})


def _start_s(packet: av.Packet[AudioStream]) -> float:
    pts = packet.pts if packet.pts is not None else packet.dts
    time_base = packet.time_base if packet.time_base is not None else Fraction(1)
    return float((pts or 0) * time_base)
