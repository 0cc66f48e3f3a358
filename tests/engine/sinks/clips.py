"""Little clips with a flash and a click at one known moment, and readers for what came out."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from engine.types import Origin, Picture

SOUND_RATE = 48_000
CLICK_S = 0.5


def picture(level: int, media_s: float, index: int = 0, size: tuple[int, int] = (64, 48)) -> Picture:
    rgb = np.full((size[1], size[0], 3), level, np.uint8)
    return Picture(rgb=rgb, origin=Origin.AVATAR, frame_index=index, media_s=media_s)


def click_samples(seconds: float) -> np.ndarray:
    samples = np.zeros(round(seconds * SOUND_RATE), np.float32)
    start = round(CLICK_S * SOUND_RATE)
    samples[start : start + 240] = 0.8
    return samples


def write_clip(path: Path, *, codec: str = "aac", seconds: float = 1.5, start_s: int = 0) -> Path:
    """A black clip of 25 fps with a click; ``codec``: the sound's encoder, ``start_s``: its first time."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream(codec, rate=SOUND_RATE)
        sound.layout = "mono"
        for index in range(round(seconds * 25)):
            frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")
            frame.pts, frame.time_base = index + start_s * 25, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        samples = click_samples(seconds)
        for start in range(0, len(samples), 1024):
            block = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = (
                SOUND_RATE,
                start + start_s * SOUND_RATE,
                Fraction(1, SOUND_RATE),
            )
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def video_times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [frame.pts * frame.time_base for frame in container.decode(video=0)]


def video_pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def sound_packets(path: Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        packets = container.demux(audio=0)
        return [(p.pts * p.time_base, bytes(p)) for p in packets if p.dts is not None]


def click_time_s(path: Path) -> float:
    """When the first loud sample is heard."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()[0]
            full_scale = np.iinfo(samples.dtype).max if samples.dtype.kind == "i" else 1.0
            loud = np.flatnonzero(np.abs(samples / full_scale) > 0.3)
            if loud.size:
                return float(frame.pts * frame.time_base) + int(loud[0]) / frame.sample_rate
    raise AssertionError("no click")


def top_boxes(path: Path) -> list[str]:
    """Names of the file's top-level MP4 boxes."""
    data = path.read_bytes()
    names, position = [], 0
    while position + 8 <= len(data):
        size = int.from_bytes(data[position : position + 4], "big")
        names.append(data[position + 4 : position + 8].decode("latin1"))
        if size < 8:
            break
        position += size
    return names
