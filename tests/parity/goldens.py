"""Golden tensors in a folder: reading them, comparing with them, and saying how it went."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

Case = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    case: str
    name: str
    metric: str
    error: float
    tolerance: float

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance  # a NaN fails


def _relative_l2(got: np.ndarray, expected: np.ndarray) -> float:
    norm = float(np.linalg.norm(expected))
    difference = float(np.linalg.norm(got - expected))
    return difference / norm if norm else difference


_METRICS: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "relative_l2": _relative_l2,
    "absolute": lambda got, expected: float(np.abs(got - expected).max()),
    "exact": lambda got, expected: float(np.count_nonzero(got != expected)),
}


class Goldens:
    """A folder of the goldens' layout: ``cases.json``, ``<case>.safetensors``, ``weights/``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.document = json.loads((directory / "cases.json").read_text())
        self.cases: dict[str, Case] = {case["id"]: case for case in self.document["cases"]}
        self._default = self.document["default_tolerance"]

    def tensors(self, case: str) -> dict[str, Tensor]:
        """The tensors of a case, or of one that is only there to be looked up in (a core leaves some out)."""
        entry = self.cases.get(case, {"file": f"{case}.safetensors"})
        return load_file(self.directory / entry["file"])

    def weights(self, name: str) -> dict[str, Tensor]:
        state = load_file(self.directory / "weights" / name)
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
            )
            for name, tolerance in wanted.items()
        ]


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
                f"<= {check.tolerance:g} {'ok' if check.passed else 'FAIL'}\n"
            )
    failed = [f"{check.case}/{check.name}" for check in checks if not check.passed]
    worst = max((check.error / check.tolerance for check in checks if check.tolerance), default=0.0)
    summary = {"title": title, "checks": len(checks), "worst_share_of_tolerance": worst, "failed": failed}
    sys.stdout.write(json.dumps(summary) + "\n")
    return 1 if failed or not checks else 0
