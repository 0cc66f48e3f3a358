"""The README's first picture: ``python -m tests.bench.contact_sheet --output sheet.jpg``.

The performer of the sample clip above, what each of several built-in avatars makes of it below: tracker,
retargeting, buffer and decoder are the engine's own.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from engine.capture.avatars import load_built_in
from engine.capture.file import FileSource
from engine.capture.sample import sample_clip_path
from engine.clock import SystemClock
from engine.retarget.retargeter import Retargeter
from engine.retarget.settings import RetargetSettings
from engine.track.mediapipe_tracker import MediaPipeTracker
from engine.track.settings import TrackSettings
from engine.types import Control, Frame, Performance
from models.checkpoints.pocket import load_pocket
from models.runtimes.choose import choose_runtime, probe_machine
from tests.bench.picture_metrics import Picture
from tests.bench.quality import SHIPPED_WEIGHTS, Animator

DEFAULT_AVATARS = ("mika", "kenji", "amara", "luna", "theo")


@dataclass(frozen=True, slots=True, eq=False)
class Driver:
    """The sample clip and what was tracked in it."""

    frames: list[Frame]
    performances: list[Performance]


def track_sample() -> Driver:
    """Read and track the whole sample clip."""
    source = FileSource(sample_clip_path(), SystemClock())
    tracker = MediaPipeTracker(TrackSettings())
    frames, performances = [], []
    source.open()
    try:
        while (frame := source.read(timeout_s=5.0)) is not None:
            frames.append(frame)
            performances.append(tracker.track(frame))
    except EOFError:
        return Driver(frames, performances)
    finally:
        source.close()
        tracker.close()
    raise TimeoutError("the sample clip did not go on for 5 s")


def animate(name: str, driver: Driver, animator: Animator, columns: list[int]) -> list[Picture]:
    """Return the pictures of the driver's frames ``columns`` (each > 0)."""
    avatar = load_built_in(name)
    retargeter = Retargeter(avatar, RetargetSettings(mirror=False))
    retargeter.set_neutral(driver.performances[:20])
    controls: list[Control] = [retargeter.control(one) for one in driver.performances]
    # At N = 1 a picture depends on its own frame and, through the painter's memory, on the one before.
    pairs = [control for at in columns for control in (controls[at - 1], controls[at])]
    return list(animator.animate(avatar, pairs))[1::2]


def telling_frames(performances: list[Performance], count: int) -> list[int]:
    """Pick frames that differ most in what is done: farthest-point sampling on head and expression."""
    features = np.array(
        [
            (
                one.head.yaw_deg / 10,
                one.head.pitch_deg / 10,
                one.head.roll_deg / 10,
                one.expression.mouth_open * 8,
                one.expression.eye_open_left * 8,
                one.expression.gaze_x * 2,
            )
            for one in performances
        ]
    )
    chosen = [5]
    while len(chosen) < count:
        distances = np.linalg.norm(features[:, None] - features[chosen][None], axis=2).min(1)
        chosen.append(int(distances.argmax()))
    return sorted(chosen)


def _tile(picture: Picture, side: int) -> Picture:
    height, width, _ = picture.shape
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    square = picture[top : top + edge, left : left + edge]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[no-any-return]


def sheet(driver: Driver, rows: list[list[Picture]], columns: list[int], side: int, gap: int = 6) -> Picture:
    """Lay out the driver above the avatars on a dark ground."""
    pictures = [[driver.frames[at].rgb for at in columns], *rows]
    height = len(pictures) * (side + gap) + gap
    canvas = np.full((height, len(columns) * (side + gap) + gap, 3), 18, np.uint8)
    for y, row in enumerate(pictures):
        for x, picture in enumerate(row):
            top, left = gap + y * (side + gap), gap + x * (side + gap)
            canvas[top : top + side, left : left + side] = _tile(picture, side)
    return canvas


def main() -> None:
    """Make the sheet and print its path as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("contact_sheet.jpg"))
    parser.add_argument("--weights", type=Path, default=SHIPPED_WEIGHTS)
    parser.add_argument("--avatars", nargs="+", default=DEFAULT_AVATARS)
    parser.add_argument("--columns", type=int, default=8)
    parser.add_argument("--side", type=int, default=192)
    given = parser.parse_args()
    driver = track_sample()
    animator = Animator(load_pocket(given.weights), choose_runtime(probe_machine()).settings, (1, 1), 256)
    columns = telling_frames(driver.performances, given.columns)
    rows = [animate(name, driver, animator, columns) for name in given.avatars]
    picture = sheet(driver, rows, columns, given.side)
    cv2.imwrite(str(given.output), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])
    print(json.dumps({"output": str(given.output), "frames": columns}))


if __name__ == "__main__":
    main()
