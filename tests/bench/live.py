"""How fast and how late the live path is.

``python -m tests.bench.live``: the sample clip at its own rate for 20 s through the live path, as `understudy
live` runs it, into a sink that notes when each picture was handed over. Prints a table and one JSON line. The
run is marked ``busy`` when a reference matrix product, timed before and after, was not near its best.
"""

import argparse
import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.quiet import silence

silence()

import numpy as np  # noqa: E402 - after the telemetry is off

from engine.clock import Clock, SystemClock  # noqa: E402
from engine.rooms import Studio  # noqa: E402
from engine.session import Session  # noqa: E402
from engine.settings import Quality, RuntimeChoice, Settings  # noqa: E402
from engine.standard_rooms import StandardRooms  # noqa: E402
from engine.types import Picture, Tracker  # noqa: E402
from tests.bench.machine import describe, is_busy, measure_reference, rss_mb  # noqa: E402

SETTLE_S = 5.0  # memory may grow this long: caches, first uses
START_LIMIT_S = 300.0


@dataclass
class CountingSink:
    """Notes what is handed over, and when."""

    clock: Clock
    indices: list[int] = field(default_factory=list)
    latencies_ms: list[float] = field(default_factory=list)
    first_at_s: float | None = None
    last_at_s: float = 0.0

    def open(self) -> None:
        """Nothing to open."""

    def send(self, picture: Picture) -> None:
        """Count pictures of frames; the resting avatar and the standby card are none."""
        if picture.frame_index < 0 or (self.indices and picture.frame_index <= self.indices[-1]):
            return
        now_s = self.clock.now_s()
        self.first_at_s = now_s if self.first_at_s is None else self.first_at_s
        self.last_at_s = now_s
        self.indices.append(picture.frame_index)
        self.latencies_ms.append((now_s - picture.captured_at_s) * 1e3)

    def heartbeat(self) -> None:
        """Nothing to keep alive."""

    def panic(self, is_on: bool) -> None:
        """Nothing to hide."""

    def close(self) -> None:
        """Nothing to close."""


class BenchRooms(StandardRooms):
    """The real rooms, with the counting sink in the virtual camera's place."""

    def __init__(self, sink: CountingSink, weights: Path | None) -> None:
        self.sink = sink
        self.tracker: Tracker | None = None
        self._weights = weights

    def virtual_camera(self, clock: Clock) -> CountingSink:  # noqa: ARG002 - the rooms' signature
        return self.sink

    def open_tracker(self, settings: Settings) -> Tracker:
        self.tracker = super().open_tracker(settings)
        return self.tracker

    def open_studio(self, settings: Settings) -> Studio:
        from engine.studio import open_studio  # noqa: PLC0415 - torch only with the networks, as in the product

        return open_studio(settings, self._weights)


def main() -> None:
    arguments = parse()
    if arguments.first_frame_since is not None:
        print(json.dumps({"first_frame_s": first_frame_s(arguments)}))
        return
    before = measure_reference()
    measured = measure(arguments)
    measured["first_frame_s"] = measure_first_frame(arguments)
    after = measure_reference()
    result = {
        "bench": "live",
        **describe(),
        "size": arguments.size,
        "levels": arguments.levels,
        "chunk": arguments.chunk,
        "reference_gflops_before": round(before.median, 1),
        "reference_gflops_after": round(after.median, 1),
        "reference_gflops_best": round(max(before.best, after.best), 1),
        "busy": is_busy(before, after),
        **measured,
    }
    print_table(result)
    print(json.dumps(result))


def parse() -> argparse.Namespace:
    default = Quality()
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    parser.add_argument("--size", type=int, choices=(256, 384, 512), default=default.size)
    parser.add_argument("--levels", type=int, choices=(1, 2, 4), default=default.levels)
    parser.add_argument("--chunk", type=int, choices=(1, 2, 4), default=default.chunk)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--source", default="sample")
    parser.add_argument("--runtime", choices=[choice.value for choice in RuntimeChoice], default="auto")
    parser.add_argument("--weights", type=Path, help="a weights file in place of the one that ships")
    parser.add_argument("--first-frame-since", type=float, help=argparse.SUPPRESS)
    return parser.parse_args()


def build(arguments: argparse.Namespace) -> tuple[Session, BenchRooms]:
    clock = SystemClock()
    rooms = BenchRooms(CountingSink(clock), arguments.weights)
    settings = Settings(
        source=arguments.source,
        loop=True,
        quality=Quality(size=arguments.size, levels=arguments.levels, chunk=arguments.chunk),
        runtime=RuntimeChoice(arguments.runtime),
    )
    return Session(settings, rooms=rooms, clock=clock), rooms


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Run the live path and return what was seen."""
    session, rooms = build(arguments)
    session.go_live()
    session.start()
    try:
        started_at_s = wait_for_first(session, rooms.sink)
        start = session.status()
        rss = sample_rss(arguments.seconds)
        status = session.status()
    finally:
        session.stop()
    return {
        **speeds(rooms.sink, started_at_s, arguments.seconds),
        "frames_in": status.frames_in,
        "frames_out": status.frames_out,
        "dropped": status.dropped - start.dropped,
        "rss_growth_mb": round(rss, 2),
        "stage_ms_p50": {name: round(stage.p50, 2) for name, stage in status.stage_ms.items()},
        "stage_ms_p95": {name: round(stage.p95, 2) for name, stage in status.stage_ms.items()},
        "tracker_hz": tracker_rates(rooms.tracker),
        "runtime": session.runtime_text,
    }


def wait_for_first(session: Session, sink: CountingSink) -> float:
    """Return when the first picture of a frame was handed over. Raises the session's error."""
    limit_s = time.monotonic() + START_LIMIT_S
    while sink.first_at_s is None:
        error = session.status().error
        if error is not None:
            raise error
        if time.monotonic() > limit_s:
            raise TimeoutError(f"no picture within {START_LIMIT_S:.0f} s: {session.status()}")
        time.sleep(0.005)
    return sink.first_at_s


def sample_rss(seconds: float) -> float:
    """Wait ``seconds``; return by how many MB memory grew after it had settled."""
    time.sleep(min(SETTLE_S, seconds / 2))
    settled = rss_mb()
    time.sleep(max(0.0, seconds - SETTLE_S))
    return rss_mb() - settled


def speeds(sink: CountingSink, started_at_s: float, seconds: float) -> dict[str, float]:
    """Return rate and latencies of the pictures within the measured time."""
    count = len(sink.indices)
    return {
        "unique_fps": round(count / max(seconds, sink.last_at_s - started_at_s), 2),
        "motion_to_photon_p50_ms": round(float(np.percentile(sink.latencies_ms, 50)), 1),
        "motion_to_photon_p95_ms": round(float(np.percentile(sink.latencies_ms, 95)), 1),
    }


def tracker_rates(tracker: Tracker | None) -> dict[str, float]:
    rates = getattr(tracker, "rates_hz", None)
    return {name: round(rate, 1) for name, rate in rates().items()} if rates is not None else {}


def measure_first_frame(arguments: argparse.Namespace) -> float:
    """Return the seconds from the start of a fresh process to its first picture of a frame."""
    command = [sys.executable, "-m", "tests.bench.live", "--size", str(arguments.size)]
    command += ["--levels", str(arguments.levels), "--chunk", str(arguments.chunk)]
    command += ["--source", arguments.source, "--runtime", arguments.runtime]
    if arguments.weights is not None:
        command += ["--weights", str(arguments.weights)]
    # The monotonic clock is the machine's, so the child can subtract the parent's reading.
    command += ["--first-frame-since", repr(time.monotonic())]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1])["first_frame_s"])


def first_frame_s(arguments: argparse.Namespace) -> float:
    """The child's part: run until the first picture of a frame, and say how long that took."""
    session, rooms = build(arguments)
    session.go_live()
    session.start()
    try:
        return round(wait_for_first(session, rooms.sink) - arguments.first_frame_since, 2)
    finally:
        session.stop()


def print_table(result: dict[str, Any]) -> None:
    rows = (
        "size levels chunk unique_fps motion_to_photon_p50_ms motion_to_photon_p95_ms dropped rss_growth_mb "
        "first_frame_s reference_gflops_before reference_gflops_after reference_gflops_best busy runtime"
    )
    for name in rows.split():
        print(f"{name:26} {result[name]}")
    print(f"{'tracker_hz':26} " + ", ".join(f"{name} {rate}" for name, rate in result["tracker_hz"].items()))
    print(f"\n{'stage':12} {'p50 ms':>8} {'p95 ms':>8}")
    for name, p50 in result["stage_ms_p50"].items():
        print(f"{name:12} {p50:8.2f} {result['stage_ms_p95'][name]:8.2f}")


if __name__ == "__main__":
    main()
