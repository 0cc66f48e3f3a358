"""The closing report, for people and for programs."""

from collections.abc import Mapping
from typing import Any

from app.cli.progress import frames_text
from engine.session import AnimateReport, RecordingReport
from engine.status import StageTime

_MEGABYTE = 1_000_000


def stages_text(stage_ms: Mapping[str, StageTime]) -> str:
    """Return the time per stage in one line."""
    return ", ".join(f"{name} {time.p50:.1f}" for name, time in stage_ms.items())


def stages_json(stage_ms: Mapping[str, StageTime]) -> dict[str, float]:
    """Return the median time of each stage in milliseconds."""
    return {name: round(time.p50, 2) for name, time in stage_ms.items()}


def recording_text(report: RecordingReport) -> str:
    """Return where the file is and what is in it."""
    sounds = {"none": "no sound", "copied": "sound copied", "converted": "sound converted to AAC"}
    facts = [frames_text(report.frames), f"{report.seconds:.2f} s", size_text(report.num_bytes)]
    return f"{report.path}  ({', '.join(facts)}, {sounds[report.sound.value]})"


def size_text(num_bytes: int) -> str:
    """Return a file's size in kilobytes, or in megabytes from one on."""
    return f"{num_bytes / 1000:.0f} kB" if num_bytes < _MEGABYTE else f"{num_bytes / _MEGABYTE:.1f} MB"


def animate_lines(report: AnimateReport, *, is_tracked: bool = True) -> list[str]:
    """Return the report of a clip; of faces only where somebody looked for them."""
    faces = f", a face in {report.frames_found}" if is_tracked else ""
    p50, p95 = report.motion_to_photon_p50_ms, report.motion_to_photon_p95_ms
    together = min(report.warm_up_frames, report.frames_in)
    warm_up = [
        f"warm-up   {report.warm_up_s:.1f} s of them on the first {frames_text(together)}, painted together"
    ]
    return [
        f"frames    {report.frames_in} in, {report.frames_out} out{faces}",
        f"speed     {report.fps:.1f} fps ({report.seconds:.1f} s, after {report.loading_s:.1f} s of loading)",
        *(warm_up if together else ()),
        f"latency   {p50:.0f} ms p50, {p95:.0f} ms p95 from reading a frame to its picture",
        f"ms/stage  {stages_text(report.stage_ms)}",
        f"runtime   {report.runtime_text}",
        f"file      {recording_text(report.recording)}",
    ]


def animate_json(report: AnimateReport) -> dict[str, Any]:
    """Return the report of `animate` as JSON values."""
    return {
        "file": str(report.recording.path.resolve()),
        "ending": report.ending.value,
        "frames_in": report.frames_in,
        "frames_out": report.frames_out,
        "frames_found": report.frames_found,
        "fps": round(report.fps, 2),
        "seconds": round(report.seconds, 2),
        "loading_s": round(report.loading_s, 2),
        "warm_up_frames": report.warm_up_frames,
        "warm_up_s": round(report.warm_up_s, 2),
        "motion_to_photon_p50_ms": round(report.motion_to_photon_p50_ms, 1),
        "motion_to_photon_p95_ms": round(report.motion_to_photon_p95_ms, 1),
        "stage_ms": stages_json(report.stage_ms),
        "sound": report.recording.sound.value,
        "runtime": report.runtime_text,
    }
