"""Golden tensors in a folder: reading them, comparing with them, and saying how it went."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

Case = Mapping[str, Any]

FAILURES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    StopIteration,
    TypeError,
    ValueError,
)
"""What a case can die of. It is a miss then, and the other cases go on."""


class NoGoldensError(Exception):
    """A folder is not one of goldens; the message is one sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One tensor against its golden one, or a case that could not be computed."""

    case: str
    name: str
    metric: str
    error: float
    tolerance: float
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # a NaN fails


def read_document(directory: Path) -> dict[str, Any]:
    """Return ``cases.json`` of a folder. Raises ``NoGoldensError``."""
    path = directory / "cases.json"
    if not directory.is_dir():
        raise NoGoldensError(f"{directory} is not a folder.")
    if not path.is_file():
        raise NoGoldensError(f"{directory} is not a folder of goldens: there is no cases.json in it.")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NoGoldensError(f"{path} cannot be read: {error}.") from error
    cases = document.get("cases") if isinstance(document, dict) else None
    if not isinstance(cases, list) or not all(isinstance(c, dict) and "file" in c for c in cases):
        raise NoGoldensError(f'{path} is not one of goldens: expected "cases", a list with a "file" in each.')
    result: dict[str, Any] = document
    return result


def attempted(case: str, compare: Callable[[], Iterable[Check]]) -> list[Check]:
    """Return the checks of a case; where it cannot be computed, one that misses and says why."""
    try:
        checks = list(compare())
    except FAILURES as error:
        reason = str(error).splitlines()[0] if str(error) else "no reason given"
        return [
            Check(
                case=case,
                name="(whole case)",
                metric="computed",
                error=float("inf"),
                tolerance=0.0,
                note=f"{type(error).__name__}: {reason}",
            )
        ]
    if not checks:
        sys.stdout.write(f"{case}: skipped, since it holds nothing that is to be compared\n")
    return checks


def _relative_l2(got: np.ndarray, expected: np.ndarray) -> float:
    norm = float(np.linalg.norm(expected))
    difference = float(np.linalg.norm(got - expected))
    return difference / norm if norm else difference


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "relative_l2": _relative_l2,
    "absolute": lambda got, expected: float(np.abs(got - expected).max(initial=0.0)),
    "exact": lambda got, expected: float(np.count_nonzero(got != expected)),
}


class Goldens:
    """A folder of the goldens' layout: ``cases.json``, ``<case>.safetensors``, ``weights/``.

    Raises:
        NoGoldensError: It is not one.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.document = read_document(directory)
        self.cases: dict[str, Case] = {
            case.get("id", Path(case["file"]).stem): case for case in self.document["cases"]
        }
        self._default = self.document.get("default_tolerance", {"metric": "relative_l2", "value": 2e-4})

    def tensors(self, case: str) -> dict[str, Tensor]:
        """The tensors of a case, or of one that is only there to be looked up in (a core leaves some out)."""
        entry = self.cases.get(case, {"file": f"{case}.safetensors"})
        return load_file(self.directory / entry["file"])

    def weights(self, name: str) -> dict[str, Tensor]:
        state = load_file(self.directory / "weights" / Path(name).name)
        return {key: value.float() for key, value in state.items()}

    def compare(self, case: str, got: Mapping[str, Tensor], least: float = 0.0) -> list[Check]:
        """Compare every expected tensor of ``case``; one that ``got`` lacks has an infinite error.

        ``least`` widens tolerances, for arithmetic that is not float32.
        """
        expected = self.tensors(case)
        wanted = {
            name: entry.get("tolerance", self._default)
            for name, entry in self.cases[case]["tensors"].items()
            if entry["role"] == "expected"
        }
        return [
            Check(
                case=case,
                name=name,
                metric=tolerance["metric"],
                error=_error(got.get(name), expected[name], tolerance["metric"]),
                tolerance=max(float(tolerance.get("value", 0.0)), least),
                note=_note(got.get(name), expected[name]),
            )
            for name, tolerance in wanted.items()
        ]


def _note(got: Tensor | None, expected: Tensor) -> str:
    if got is None:
        return "not computed"
    return "" if got.shape == expected.shape else f"shape {tuple(got.shape)}, not {tuple(expected.shape)}"


def _error(got: Tensor | None, expected: Tensor, metric: str) -> float:
    if got is None or got.shape != expected.shape:
        return float("inf")
    ours, theirs = (value.detach().cpu().to(torch.float64).numpy() for value in (got, expected))
    return _METRICS[metric](ours, theirs)


def report(title: str, checks: Sequence[Check], *, all_lines: bool = True) -> int:
    """Print the checks and one line of JSON; return 1 when one fails or there is none."""
    for check in checks:
        if all_lines or not check.passed:
            sys.stdout.write(
                f"{check.case:18} {check.name:30} {check.metric:16} {check.error:10.3g} "
                f"<= {check.tolerance:g} {'ok' if check.passed else 'FAIL'} {check.note}".rstrip()
                + "\n"
            )
    failed = [f"{check.case}/{check.name}" for check in checks if not check.passed]
    worst = max((check.error / check.tolerance for check in checks if check.tolerance), default=0.0)
    summary = {"title": title, "checks": len(checks), "worst_share_of_tolerance": worst, "failed": failed}
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if failed or not checks else 0


def exit_code(run: Callable[[], int]) -> int:
    """Return what ``run`` does; 2 and one sentence where the folder is none of goldens."""
    try:
        return run()
    except NoGoldensError as error:
        sys.stderr.write(f"{error}\n")
        return 2
