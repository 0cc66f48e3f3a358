"""Every golden case to its checks."""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.diffusion.schedules import BetaSchedule, DiscreteSchedule
from tests.parity.goldens import Check, attempted
from tests.parity.streamdiffusion.goldens import Case, Networks, compare, load_case, load_entries
from tests.parity.streamdiffusion.streams import (
    all_stream_tensors,
    filter_tensors,
    filtered_stream_tensors,
    lcm_of,
)

_TABLE = re.compile(r"(?:t|\w*?n(?P<steps>\d+)_)(?P<indices>\d+(?:_\d+)*)\.(?P<what>\w+)")
_DEFAULT_STEPS = 50


def run(folder: Path) -> Iterator[Check]:
    """Yield one check for every tensor that is to be matched; a case that fails is a check that misses.

    Raises:
        NoGoldensError: The folder has not the goldens' layout.
    """
    entries, networks = load_entries(folder)
    for entry in entries:
        yield from attempted(entry.get("id", entry["file"]), partial(checks_of, folder, entry, networks))


def checks_of(folder: Path, entry: Mapping[str, Any], networks: Networks) -> Iterator[Check]:
    """Yield the checks of one case."""
    case = load_case(folder, entry)
    tensors = computed(case, networks) if case.compared else {}
    for name in case.compared:
        yield compare(case, name, tensors.get(name))


def computed(case: Case, networks: Networks) -> dict[str, Tensor]:
    """Return everything that a case can be compared with."""
    if "mode" not in case.params:
        if "threshold" in case.params:
            return filter_tensors(case)
        if "input_ids" in case.tensors:
            return _text(case, networks)
        if "beta_start" in case.params:
            return _coefficients(case)
        raise ValueError(f"a case of a kind that is not known here, with {sorted(case.params)}")
    if "threshold" in case.params:
        return filtered_stream_tensors(case, networks)
    return all_stream_tensors(case, networks)


def _text(case: Case, networks: Networks) -> dict[str, Tensor]:
    with torch.no_grad():
        states = networks.text_encoder(case.tensors["input_ids"]).last_hidden_state
    return {"last_hidden_state": states}


def _coefficients(case: Case) -> dict[str, Tensor]:
    params = case.params
    schedule = DiscreteSchedule(
        betas=BetaSchedule(params["beta_schedule"]),
        beta_start=params["beta_start"],
        beta_end=params["beta_end"],
        num_train_timesteps=params["num_train_timesteps"],
    )
    grid, boundary = lcm_of(params)
    levels = [schedule.level(timestep) for timestep in range(schedule.num_train_timesteps)]
    tensors = {
        f"grid{grid.original_steps}": torch.tensor(grid.original()),
        "alphas_cumprod": torch.tensor([level.alpha**2 for level in levels]),
    }
    of_level: dict[str, Callable[[float], float]] = {
        "timesteps": lambda t: t,
        "alpha_sqrt": lambda t: levels[int(t)].alpha,
        "beta_sqrt": lambda t: levels[int(t)].sigma,
        "c_skip": boundary.c_skip,
        "c_out": boundary.c_out,
    }
    for name in case.compared:
        match = _TABLE.fullmatch(name)
        if match is None or match["what"] not in of_level:
            continue
        steps = grid(int(match["steps"] or _DEFAULT_STEPS))
        timesteps = [steps[int(index)] for index in match["indices"].split("_")]
        tensors[name] = torch.tensor([of_level[match["what"]](timestep) for timestep in timesteps])
    return tensors
