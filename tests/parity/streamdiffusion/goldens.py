"""Golden tensors on disk: cases, their networks, and the four metrics they are compared by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from models.checkpoints.diffusers_parts import (
    load_text_encoder,
    load_unet,
    load_vae,
    read_config,
    read_schedule,
)
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule
from tests.parity.goldens import Check, read_document

COMPARED = ("expected", "expected_internal", "expected_right", "expected_reference_fault", "alternative")
_DEFAULT_TOLERANCE: Mapping[str, Any] = {"metric": "relative_l2", "max": 2e-4}
_LAST = re.compile(r"_last(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Case:
    """One case with its tensors."""

    name: str
    params: Mapping[str, Any]
    entries: Mapping[str, Mapping[str, Any]]
    tensors: Mapping[str, Tensor]

    @property
    def compared(self) -> list[str]:
        return [name for name, entry in self.entries.items() if entry["role"] in COMPARED]

    @property
    def num_last(self) -> set[int]:
        """How many calls the tensors of the last calls hold (``image_out_last4``)."""
        return {int(match[1]) for match in map(_LAST.search, self.entries) if match}


class Networks:
    """The tiny pipeline of a folder, float32; each part is read when a case first asks for it."""

    def __init__(self, folder: Path, configs: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._configs = configs or {}

    @cached_property
    def unet(self) -> nn.Module:
        return load_unet(self._part("unet"))

    @cached_property
    def vae(self) -> nn.Module:
        return load_vae(self._part("vae"))

    @cached_property
    def text_encoder(self) -> nn.Module:
        return load_text_encoder(self._part("text_encoder"))

    @property
    def schedule(self) -> DiscreteSchedule:
        return read_schedule(self._part("scheduler"))[0]

    @property
    def prediction(self) -> Prediction:
        return read_schedule(self._part("scheduler"))[1]

    @property
    def sampler(self) -> dict[str, Any]:
        """The scheduler's configuration."""
        return read_config(self._part("scheduler"), "scheduler_config.json")

    def _part(self, name: str) -> Path:
        return self._folder / Path(self._configs.get(name, f"{name}/config.json")).parent


def load_entries(folder: Path) -> tuple[list[Mapping[str, Any]], Networks]:
    """Return what ``cases.json`` says of each case, and the networks. Raises ``NoGoldensError``."""
    document = read_document(folder)
    return document["cases"], Networks(folder, document.get("configs"))


def load_case(folder: Path, entry: Mapping[str, Any]) -> Case:
    """Read the tensors of a case."""
    return Case(
        name=entry["id"],
        params=entry["params"],
        entries=entry["tensors"],
        tensors=load_file(folder / entry["file"]),
    )


def load_cases(folder: Path) -> list[Case]:
    """Read all cases of a folder. Raises ``NoGoldensError``."""
    return [load_case(folder, entry) for entry in load_entries(folder)[0]]


def compare(case: Case, name: str, got: Tensor | None) -> Check:
    """Return the error of one tensor; infinite where there is none, or of another shape."""
    entry, golden = case.entries[name], case.tensors[name]
    tolerance = entry.get("tolerance", _DEFAULT_TOLERANCE)
    metric, limit, note = tolerance["metric"], float(tolerance.get("max", 0.0)), ""
    if got is None:
        error, note = float("inf"), "not computed"
    elif got.numel() != golden.numel():
        error, note = float("inf"), f"shape {tuple(got.shape)} instead of {tuple(golden.shape)}"
    else:
        rows = _rows_that_count(case, name, golden)
        got, golden = got.reshape(golden.shape)[rows], golden[rows]
        if is_carried_residual(case, name):
            kept = golden.shape[1] - case.params["frame_buffer_size"]  # the rest is dropped and never read
            got, golden = got[:, :kept], golden[:, :kept]
        per_call = entry.get("per_call_axis") == 0
        error, note = _error(metric, got, golden, per_call=per_call), "" if len(rows) else "no call counts"
    return Check(case=case.name, name=name, metric=metric, error=error, tolerance=limit, note=note)


def is_carried_residual(case: Case, name: str) -> bool:
    """Whether a tensor holds the residuals of several positions, of which the last is never read."""
    return "stock_noise" in name and "right" not in name and len(case.params["t_index_list"]) > 1


def _rows_that_count(case: Case, name: str, golden: Tensor) -> Tensor:
    """Leave out the rows of a stream that come from its empty start: which rows are compared."""
    num_rows = len(golden) if golden.ndim else 1
    if case.entries[name].get("per_call_axis") != 0 or name.endswith(("_right", "_reset")):
        return torch.arange(num_rows)
    first = int(case.params.get("first_valid_call", 0))
    shown = torch.arange(int(case.params["num_calls"]))  # which execution each call shows
    if "skip" in case.tensors:
        shown = torch.cumsum(1 - case.tensors["skip"].long(), dim=0) - 1
        if num_rows != len(shown) and not _LAST.search(name):  # one row for each execution
            shown = torch.arange(num_rows)
    shown = shown.repeat_interleave(max(1, num_rows // len(shown)))  # frames may be listed one by one
    return torch.nonzero(shown[-num_rows:] >= first).flatten()


def _error(metric: str, got: Tensor, golden: Tensor, *, per_call: bool) -> float:
    if golden.numel() == 0:
        return 0.0
    if metric == "exact":
        return float(torch.count_nonzero(got.long() != golden.long()))
    got, golden = got.double(), golden.double()
    both = ~(torch.isnan(got) & torch.isnan(golden))
    if metric == "max_abs":
        return float((got - golden)[both].abs().max())
    if metric == "max_relative":
        return float(((got - golden).abs() / golden.abs()).max())
    rows = (got.flatten(1), golden.flatten(1)) if per_call else (got.reshape(1, -1), golden.reshape(1, -1))
    norms = rows[1].norm(dim=1)
    return float(((rows[0] - rows[1]).norm(dim=1) / norms.where(norms > 0, 1.0)).max())
