"""Compare with StreamDiffusion's golden tensors: ``python -m tests.parity.streamdiffusion DIR``.

``DIR`` holds ``cases.json``, ``cases/`` and the networks' folders. Prints the error of every tensor that is
to be matched, then one JSON line; exit code 1 when one is out of its tolerance.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.parity.goldens import exit_code
from tests.parity.streamdiffusion.compare import run


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.parity.streamdiffusion")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    return exit_code(lambda: compared(folder))


def compared(folder: Path) -> int:
    """Compare all cases of a folder, print, and return the exit code."""
    checks = []
    for check in run(folder):
        checks.append(check)
        mark = "ok  " if check.passed else "MISS"
        sys.stdout.write(
            f"{mark} {check.case:30} {check.name:32} {check.metric:12} "
            f"{check.error:.3g} (at most {check.tolerance:g}) {check.note}".rstrip()
            + "\n"
        )
    missed = [f"{check.case}: {check.name}" for check in checks if not check.passed]
    sys.stdout.write(json.dumps({"checked": len(checks), "missed": missed}) + "\n")
    return 1 if missed or not checks else 0


if __name__ == "__main__":
    sys.exit(main())
