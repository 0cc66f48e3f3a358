"""Runs inside the virtual machine: our camera process writes, OpenCV reads, the program is killed.

Prints what came over and exits with 1 when anything is wrong.
"""

import json
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np

from engine.errors import SinkError
from engine.post.letterbox import letterbox
from engine.post.standby import standby_card
from engine.sinks.camera_devices import virtual_camera_available
from engine.sinks.virtual_camera import VirtualCamera
from engine.sinks.virtual_camera_process import CameraSettings
from engine.types import Origin, Picture

WIDTH, HEIGHT, BITS = 1280, 720, 10
NUMBERED, CARDS = 40, 10  # readings of each kind that are asked for
MOST_READINGS = 300
COLOUR = (40, 120, 200)


def numbered(number: int) -> Picture:
    """A picture that says its number in a row of blocks at the top, and its complement at the bottom."""
    rgb = np.full((HEIGHT, WIDTH, 3), COLOUR, np.uint8)
    block = WIDTH // BITS
    for bit in range(BITS):
        is_set = bool((number >> bit) & 1)
        rgb[: HEIGHT // 6, bit * block : (bit + 1) * block] = 255 * is_set
        rgb[-HEIGHT // 6 :, bit * block : (bit + 1) * block] = 255 * (not is_set)
    return Picture(rgb=rgb, origin=Origin.AVATAR, frame_index=number)


def number_in(rgb: np.ndarray) -> int | None:
    """The number of a picture, or None when top and bottom do not belong together."""
    block = WIDTH // BITS
    top, bottom = 0, 0
    for bit in range(BITS):
        middle = bit * block + block // 2
        top |= int(rgb[HEIGHT // 12, middle].mean() > 127) << bit
        bottom |= int(rgb[-HEIGHT // 12, middle].mean() > 127) << bit
    if top ^ bottom == (1 << BITS) - 1:
        return top
    say(f"torn: {top} above, {bottom ^ ((1 << BITS) - 1)} below")
    return None


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def is_card(rgb: np.ndarray, card: np.ndarray) -> bool:
    return float(np.abs(rgb.astype(int) - card).mean()) < 3


def open_patiently(camera: VirtualCamera, attempts: int = 6) -> None:
    """An emulated machine on a busy host may need more than the half minute that a process is given."""
    for attempt in range(attempts):
        try:
            camera.open()
        except SinkError as error:
            say(f"attempt {attempt}: {error}")
        else:
            return


def program() -> None:
    """The program with the engine: numbers its pictures until it is killed."""
    camera = VirtualCamera(
        standby_card(WIDTH, HEIGHT),
        fit=letterbox,
        folder=Path(tempfile.mkdtemp()),
        settings=CameraSettings(linger_s=120.0),
    )
    open_patiently(camera)
    say(f"opened {camera.device}")
    number = 0
    while True:
        camera.send(numbered(number % (1 << BITS)))
        number += 1
        time.sleep(0.03)


class Reader:
    """OpenCV at the other end of the device."""

    def __init__(self) -> None:
        self._capture = cv2.VideoCapture(0, cv2.CAP_V4L2)
        self.size = (
            self._capture.get(cv2.CAP_PROP_FRAME_WIDTH),
            self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT),
        )
        self._card = standby_card(WIDTH, HEIGHT).rgb.astype(int)

    def read(self) -> tuple[str, int]:
        """What is on the air: ("number", n), ("card", 0) or ("broken", 0)."""
        is_read, bgr = self._capture.read()
        if not is_read:
            return "broken", 0
        rgb = bgr[:, :, ::-1]
        if is_card(rgb, self._card):
            return "card", 0
        number = number_in(rgb)
        return ("broken", 0) if number is None else ("number", number)

    def read_until(self, kind: str, count: int) -> list[tuple[str, int]]:
        """Readings until ``count`` of ``kind`` have come."""
        readings: list[tuple[str, int]] = []
        while sum(reading[0] == kind for reading in readings) < count and len(readings) < MOST_READINGS:
            readings.append(self.read())
        return readings


def findings(alive: list[tuple[str, int]], dead: list[tuple[str, int]]) -> dict[str, object]:
    numbers = [number for kind, number in alive if kind == "number"]
    steps = [(later - earlier) % (1 << BITS) for earlier, later in pairwise(numbers)]
    kinds = [kind for kind, _ in dead]
    first_card = kinds.index("card") if "card" in kinds else len(kinds)
    return {
        "numbers_read": len(numbers),
        "distinct_numbers": len(set(numbers)),
        "numbers_in_order": all(step < 1 << (BITS - 1) for step in steps),
        "cards_while_alive_after_start": [kind for kind, _ in alive[5:]].count("card"),
        "broken": [kind for kind, _ in alive + dead].count("broken"),
        "readings_before_card": first_card,
        "only_cards_after": set(kinds[first_card:]) == {"card"},
        "cards_read": kinds.count("card"),
    }


def is_good(found: dict[str, object]) -> bool:
    return bool(
        found["distinct_numbers"] > NUMBERED // 4  # type: ignore[operator]
        and found["numbers_in_order"]
        and found["broken"] == 0
        and found["only_cards_after"]
        and found["cards_read"] >= CARDS  # type: ignore[operator]
    )


def main() -> int:
    say(f"virtual_camera_available(): {virtual_camera_available()}")
    command = [sys.executable, "-B", "-m", "tests.e2e.virtual_camera.guest", "program"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    while not (line := process.stdout.readline()).startswith("opened"):
        say(line.strip())
        assert process.poll() is None, "the program ended"
    reader = Reader()
    say(f"OpenCV reads {reader.size}")
    began_s = time.monotonic()
    alive = reader.read_until("number", NUMBERED)
    say(f"{len(alive)} readings in {time.monotonic() - began_s:.1f} s")
    process.kill()
    process.wait()
    killed_s = time.monotonic()
    dead = reader.read_until("card", CARDS)
    say(f"{len(dead)} readings in {time.monotonic() - killed_s:.1f} s after the kill")
    found = findings(alive, dead)
    say(json.dumps(found))
    return 0 if is_good(found) else 1


if __name__ == "__main__":
    sys.exit(program() if sys.argv[1:] == ["program"] else main())
