"""The one command: ``python -m tests.check`` runs every check, prints each, and ends in a summary.

Steps, in order: format, lint, types, imports, tests. Every step runs, whatever became of the one before it;
the exit code is 0 only when all passed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# One thread for each library: the suite is many small calls, and spinning threads of several pools on two
# cores slow one another down many times over.
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

QUICK_MARKERS = "not gpu and not slow and not vm"
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main()"


@dataclass(frozen=True, slots=True)
class Step:
    """One check: a name to call it by, and the command after the interpreter's."""

    name: str
    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended."""

    name: str
    exit_code: int
    seconds: float


def steps(*, fast: bool = False) -> tuple[Step, ...]:
    """Return the checks in order; ``fast`` leaves out the tests of whole programs and windows."""
    tests = ("-m", "pytest", "-q", "-m", QUICK_MARKERS)
    if fast:
        tests = (*tests, "--ignore=tests/e2e", "--ignore=tests/gui")
    return (
        Step("format", ("-m", "ruff", "format", "--check", ".")),
        Step("lint", ("-m", "ruff", "check", ".")),
        Step("types", ("-m", "mypy", "--strict", "engine", "models", "app")),
        Step("imports", ("-c", LINT_IMPORTS, "--no-logo")),
        Step("tests", tests),
    )


def run(step: Step, environment: Mapping[str, str]) -> Outcome:
    """Run one step from the repository's root, its output passed on as it comes."""
    print(f"\n== {step.name}: {' '.join(step.arguments)}", flush=True)
    started = time.monotonic()
    # The root comes first on the path, so that the checkout is checked even where a wheel is installed.
    done = subprocess.run([sys.executable, *step.arguments], cwd=ROOT, env=environment, check=False)
    return Outcome(step.name, done.returncode, time.monotonic() - started)


def summary(outcomes: Sequence[Outcome]) -> str:
    """Return the closing table: a line for each step and one for all."""
    lines = [
        f"  {outcome.name:<8} {'ok' if outcome.exit_code == 0 else f'FAILED ({outcome.exit_code})':<12}"
        f"{outcome.seconds:7.1f} s"
        for outcome in outcomes
    ]
    failed = [outcome.name for outcome in outcomes if outcome.exit_code != 0]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "all checks passed"
    return "\n".join(["", "== summary", *lines, f"  {verdict}"])


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.check", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="leave out tests/e2e and tests/gui")
    parser.add_argument(
        "--only",
        action="append",
        choices=[step.name for step in steps()],
        help="run this step only; may be given more than once",
    )
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the checks; return 0 when all passed, else 1."""
    options = parse(arguments)
    chosen = [step for step in steps(fast=options.fast) if not options.only or step.name in options.only]
    environment = {**os.environ, **{name: os.environ.get(name, value) for name, value in THREADS.items()}}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    outcomes = [run(step, environment) for step in chosen]
    print(summary(outcomes), flush=True)
    return 0 if all(outcome.exit_code == 0 for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
