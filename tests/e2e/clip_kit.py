"""Small clips and pictures for the real command line: with a face, without one, damaged, timed oddly."""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
from skimage import data

SIZE = (320, 240)  # width, height
SOUND_RATE = 48_000
CLICK_S = 0.4


@cache
def portrait(shift: int = 0) -> np.ndarray:
    """A real face (NASA, public domain), ``(240, 320, 3)``, a little to the side by ``shift`` pixels."""
    square = cv2.resize(data.astronaut()[:360, 40:400], (240, 240), interpolation=cv2.INTER_AREA)
    out = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
    left = 40 + shift
    out[:, left : left + 240] = square
    return out


def wall() -> np.ndarray:
    """Nobody."""
    return np.full((SIZE[1], SIZE[0], 3), 120, np.uint8)


def faces(count: int) -> list[np.ndarray]:
    """Frames in which a face sways."""
    return [portrait(round(20 * np.sin(index / 5))) for index in range(count)]


def write_clip(
    path: Path,
    frames: Sequence[np.ndarray],
    *,
    rate: Fraction = Fraction(25),
    times_s: Sequence[float] | None = None,
    has_sound: bool = False,
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames at ``rate``, or at ``times_s``, with a click at ``CLICK_S`` when there is sound."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = container.add_stream(
            "libx264", rate=rate, options={"preset": "ultrafast", "g": "5", "bf": "0"}
        )
        video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
        base = 1 / (rate * 100) if times_s is None else Fraction(1, 90_000)
        video.codec_context.time_base = base
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono") if has_sound else None
        for index, rgb in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(rgb, "rgb24")
            due = Fraction(index) / rate if times_s is None else Fraction(times_s[index])
            frame.pts, frame.time_base = round(due / base), base
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if sound is not None:
            samples = np.zeros((1, round(float(len(frames) / rate) * SOUND_RATE)), np.float32)
            samples[0, round(CLICK_S * SOUND_RATE) :][:400] = 0.8
            for start in range(0, samples.shape[1], 1024):
                block = av.AudioFrame.from_ndarray(samples[:, start : start + 1024], "fltp", "mono")
                block.sample_rate, block.pts, block.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
                container.mux(sound.encode(block))
            container.mux(sound.encode(None))
    return path


def write_sound_only(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("aac", rate=SOUND_RATE, layout="mono")
        for start in range(0, SOUND_RATE, 1024):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            block.sample_rate, block.pts, block.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
            container.mux(sound.encode(block))
        container.mux(sound.encode(None))
    return path


def truncate(path: Path, share: float) -> Path:
    """Cut the file off."""
    content = path.read_bytes()
    path.write_bytes(content[: round(len(content) * share)])
    return path


def times_of(path: Path) -> list[float]:
    """When each picture of a clip that plays is due."""
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def rate_of(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        return Fraction(container.streams.video[0].average_rate or 0)


def pictures_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def click_s(path: Path) -> float:
    """When the first loud sample is heard."""
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()[0]
            loud = np.flatnonzero(np.abs(samples) > 0.3)
            if loud.size:
                return float(frame.pts * frame.time_base) + int(loud[0]) / frame.sample_rate
    raise AssertionError("no click")
