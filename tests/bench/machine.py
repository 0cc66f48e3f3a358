"""Whether this machine was free while something was timed: a reference matrix product before and after.

Speeds of a run on a busy machine are worth nothing; so every run says how fast one and the same product was.
"""

import os
import platform
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import torch

SIZE = 1024
REPEATS = 12
BUSY_BELOW = 0.8
"""A run whose product, before or after, falls below this share of the best one counts as busy."""


FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Speeds of the product at one moment, in GFLOP/s.

    Attributes:
        median: Of all repeats.
        best: Of all repeats.
    """

    median: float
    best: float


def measure_reference(threads: int = 2) -> Reference:
    """Time the product a few times. Cost: about half a second on two free cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        left, right = torch.ones(SIZE, SIZE), torch.ones(SIZE, SIZE)
        left @ right  # the first call starts the threads
        speeds = sorted(_speed(left, right) for _ in range(REPEATS))
    finally:
        torch.set_num_threads(before)
    return Reference(median=speeds[len(speeds) // 2], best=speeds[-1])


def is_busy(before: Reference, after: Reference) -> bool:
    """Whether the machine had other things to do, judged by the best product of the run itself."""
    best = max(before.best, after.best)
    return min(before.median, after.median) < BUSY_BELOW * best


def describe() -> dict[str, str | int]:
    """Return what the numbers belong to: commit, processor and what it computes natively, cores, torch."""
    return {
        "commit": _commit(),
        "cpu": _cpu_field("model name") or platform.processor(),
        "cpu_features": _cpu_features(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
    }


def rss_mb() -> float:
    """Return this process's resident memory in MB (Linux)."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def _speed(left: torch.Tensor, right: torch.Tensor) -> float:
    started_at_s = time.perf_counter()
    left @ right
    return 2.0 * SIZE**3 / (time.perf_counter() - started_at_s) / 1e9


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def _cpu_field(name: str) -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    values = [line.split(":", 1)[1].strip() for line in lines if line.split(":")[0].strip() == name]
    return values[0] if values else ""


def _cpu_features() -> str:
    # Those that decide how fast a network runs, widest last; empty where the system does not list them.
    flags = _cpu_field("flags").split()
    return " ".join(name for name in FEATURES if name in flags)
