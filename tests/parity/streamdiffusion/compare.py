"""Every golden case to its checks."""

import re
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from models.diffusion.consistency import Boundary
from models.diffusion.schedules import DiscreteSchedule
from models.diffusion.timesteps import LcmTimesteps
from tests.parity.streamdiffusion.goldens import Case, Check, Networks, compare, load_cases, load_networks
from tests.parity.streamdiffusion.streams import (
    all_stream_tensors,
    filter_tensors,
    filtered_stream_tensors,
    timesteps_of,
)

_TABLE = re.compile(r"(?:t|\w*?n(?P<steps>\d+)_)(?P<indices>\d+(?:_\d+)*)\.(?P<what>\w+)")
_DEFAULT_STEPS = 50


def run(folder: Path) -> Iterator[Check]:
    """Yield one check for every tensor that is to be matched.

    Raises:
        FileNotFoundError: The folder has not the goldens' layout.
    """
    networks = load_networks(folder)
    for case in load_cases(folder):
        tensors = computed(case, networks)
        for name in case.compared:
            yield compare(case, name, tensors.get(name))


def computed(case: Case, networks: Networks) -> dict[str, Tensor]:
    """Return everything that a case can be compared with."""
    if "mode" not in case.params:
        if "threshold" in case.params:
            return filter_tensors(case)
        if "input_ids" in case.tensors:
            return _text(case, networks)
        return _coefficients(case)
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
        beta_start=params["beta_start"],
        beta_end=params["beta_end"],
        num_train_timesteps=params["num_train_timesteps"],
    )
    grid = LcmTimesteps(
        num_train_timesteps=params["num_train_timesteps"], original_steps=params["original_inference_steps"]
    )
    boundary = Boundary(sigma_data=params["sigma_data"], timestep_scaling=params["timestep_scaling"])
    levels = [schedule.level(timestep) for timestep in range(schedule.num_train_timesteps)]
    tensors = {
        "grid50": torch.tensor(grid.original()),
        "alphas_cumprod": torch.tensor([level.alpha**2 for level in levels]),
    }
    for name in case.compared:
        match = _TABLE.fullmatch(name)
        if match is None:
            continue
        indices = [int(index) for index in match["indices"].split("_")]
        steps = int(match["steps"] or _DEFAULT_STEPS)
        timesteps = timesteps_of(indices, steps)(len(indices))
        of_level = {
            "timesteps": lambda t: t,
            "alpha_sqrt": lambda t: levels[int(t)].alpha,
            "beta_sqrt": lambda t: levels[int(t)].sigma,
            "c_skip": boundary.c_skip,
            "c_out": boundary.c_out,
        }[match["what"]]
        tensors[name] = torch.tensor([of_level(timestep) for timestep in timesteps])
    return tensors
