"""Golden tensors on disk: cases, their networks, and the four metrics they are compared by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from models.checkpoints.diffusers_parts import load_text_encoder, load_unet, load_vae, read_schedule
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import DiscreteSchedule

COMPARED = ("expected", "expected_internal", "expected_right", "expected_reference_fault", "alternative")


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One tensor against its golden one."""

    case: str
    name: str
    role: str
    metric: str
    error: float
    tolerance: float
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Networks:
    """The tiny pipeline, float32."""

    unet: nn.Module
    vae: nn.Module
    text_encoder: nn.Module
    schedule: DiscreteSchedule
    prediction: Prediction


def load_cases(folder: Path) -> list[Case]:
    document = json.loads((folder / "cases.json").read_text())
    return [
        Case(
            name=entry["id"],
            params=entry["params"],
            entries=entry["tensors"],
            tensors=load_file(folder / entry["file"]),
        )
        for entry in document["cases"]
    ]


def load_networks(folder: Path) -> Networks:
    schedule, prediction = read_schedule(folder / "scheduler")
    return Networks(
        unet=load_unet(folder / "unet"),
        vae=load_vae(folder / "vae"),
        text_encoder=load_text_encoder(folder / "text_encoder"),
        schedule=schedule,
        prediction=prediction,
    )


def compare(case: Case, name: str, got: Tensor | None) -> Check:
    """Return the error of one tensor; infinite where there is none, or of another shape."""
    entry, golden = case.entries[name], case.tensors[name]
    metric, limit = entry["tolerance"]["metric"], float(entry["tolerance"].get("max", 0.0))
    if got is None:
        error, note = float("inf"), "not computed"
    elif got.numel() != golden.numel():
        error, note = float("inf"), f"shape {tuple(got.shape)} instead of {tuple(golden.shape)}"
    else:
        rows = _rows_that_count(case, name, golden)
        got, golden = got.reshape(golden.shape)[rows], golden[rows]
        if "stock_noise" in name and "right" not in name and golden.ndim > 4 and golden.shape[1] > 1:
            got, golden = got[:, :-1], golden[:, :-1]  # the last entry is dropped and never read
        per_call = entry.get("per_call_axis") == 0
        error, note = _error(metric, got, golden, per_call=per_call), ""
    return Check(
        case=case.name,
        name=name,
        role=entry["role"],
        metric=metric,
        error=error,
        tolerance=limit,
        note=note,
    )


def _rows_that_count(case: Case, name: str, golden: Tensor) -> Tensor:
    """Leave out the rows of a stream that come from its empty start: which rows are compared."""
    num_rows = len(golden) if golden.ndim else 1
    if case.entries[name].get("per_call_axis") != 0 or name.endswith(("_right", "_reset")):
        return torch.arange(num_rows)
    first = int(case.params.get("first_valid_call", 0))
    if "skip" in case.tensors and num_rows == len(case.tensors["skip"]):
        executed = torch.cumsum(1 - case.tensors["skip"].long(), dim=0) - 1  # which one each row shows
        return torch.nonzero(executed >= first).flatten()
    # A tensor of the last calls only ("last4") starts later than the stream.
    is_whole = "last" not in name
    return torch.arange(first if is_whole else 0, num_rows)


def _error(metric: str, got: Tensor, golden: Tensor, *, per_call: bool) -> float:
    if metric == "exact":
        return float(torch.count_nonzero(got.long() != golden.long()))
    got, golden = got.double(), golden.double()
    both = ~(torch.isnan(got) & torch.isnan(golden))
    if metric == "max_abs":
        return float((got - golden)[both].abs().max())
    if metric == "max_relative":
        return float(((got - golden).abs() / golden.abs()).max())
    rows = (got.flatten(1), golden.flatten(1)) if per_call else (got.reshape(1, -1), golden.reshape(1, -1))
    return float(((rows[0] - rows[1]).norm(dim=1) / rows[1].norm(dim=1)).max())
