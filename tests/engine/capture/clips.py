"""Small clips that the tests write: a frame's brightness is its number, so that they can be told apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

STEP = 8  # brightness from one frame to the next; survives compression


@dataclass(frozen=True, kw_only=True)
class ClipSpec:
    """What to write.

    Attributes:
        rate: Frames per second.
        num_frames: How many.
        ticks: Presentation times in units of ``time_base`` instead of a constant rate.
        has_audio: Whether there is a second of silence.
        rotation_deg: Rotation in the metadata, counter-clockwise.
        pixel_aspect: Width over height of a pixel.
        options: Of the container.
    """

    rate: Fraction = Fraction(25)
    num_frames: int = 10
    ticks: Sequence[int] = ()
    time_base: Fraction = Fraction(1, 90_000)
    has_audio: bool = False
    rotation_deg: int = 0
    pixel_aspect: Fraction | None = None
    size: tuple[int, int] = (64, 48)
    options: tuple[tuple[str, str], ...] = ()


def picture(index: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """A grey picture with a white left half-top quarter, brightness by index."""
    rgb = np.full((size[1], size[0], 3), 16 + STEP * (index % 24), np.uint8)
    rgb[: size[1] // 4, : size[0] // 4] = 255
    return rgb


def index_of(rgb: np.ndarray) -> int:
    """The number that ``picture`` was given (below 24)."""
    return round((float(rgb[-4:, -4:].mean()) - 16) / STEP)


def write_clip(path: Path, spec: ClipSpec) -> Path:
    """Write a clip with a picture, H.264."""
    with av.open(str(path), "w", options=dict(spec.options)) as container:
        video = container.add_stream("libx264", rate=spec.rate, options={"crf": "12", "preset": "ultrafast"})
        video.width, video.height = spec.size
        video.pix_fmt = "yuv420p"
        if spec.pixel_aspect is not None:
            video.codec_context.sample_aspect_ratio = spec.pixel_aspect
        if spec.rotation_deg:
            video.set_display_rotation(spec.rotation_deg)
        time_base = spec.time_base if spec.ticks else 1 / spec.rate
        video.codec_context.time_base = time_base
        audio = container.add_stream("aac", rate=44_100, layout="mono") if spec.has_audio else None
        for index, tick in enumerate(spec.ticks or range(spec.num_frames)):
            frame = av.VideoFrame.from_ndarray(picture(index, spec.size), format="rgb24")
            frame.pts, frame.time_base = tick, time_base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            for packet in _silence(audio):
                container.mux(packet)
    return path


def write_sound(path: Path) -> Path:
    """Write a clip without a picture."""
    with av.open(str(path), "w") as container:
        audio = container.add_stream("aac", rate=44_100)
        audio.layout = "mono"
        for packet in _silence(audio):
            container.mux(packet)
    return path


def _silence(audio: av.AudioStream) -> list[av.Packet]:
    sound = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
    sound.sample_rate, sound.pts = 44_100, 0
    return [*audio.encode(sound), *audio.encode(None)]
