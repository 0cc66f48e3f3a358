"""Live2Diff's goldens: the folder, the networks in it, and our tensors in its terms."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.denoise.memory import LIVE2DIFF_RING, KvRing, RingStart
from engine.denoise.presets import LIVE2DIFF
from engine.denoise.settings import Boot, BufferSettings
from models.checkpoints.live2diff import depth_mapper
from models.checkpoints.published import own_state
from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import BetaSchedule, DiscreteSchedule
from models.diffusion.timesteps import LcmTimesteps, ListedTimesteps
from models.networks.attention import KvCache
from models.networks.pose_guider import PoseGuider
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from tests.parity.goldens import Goldens, NoGoldensError, read_document

_PREDICTIONS = {"epsilon": Prediction.EPSILON, "v_prediction": Prediction.V, "sample": Prediction.X0}
START = RingStart.PUBLISHED
Tensors = dict[str, Tensor]


class Live2DiffGoldens(Goldens):
    """The same kind of folder with its own way of writing cases down."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        document = read_document(directory)
        path = directory / document.get("config", "config.json")
        if not path.is_file():
            raise NoGoldensError(
                f"{directory} is not a folder of Live2Diff's goldens: there is no {path.name}."
            )
        self.config = json.loads(path.read_text(encoding="utf-8"))
        self.cases = {Path(case["file"]).stem: _uniform(case) for case in document["cases"]}
        self._default = {"metric": "relative_l2", "value": 2e-4}

    def tables(self, case: str) -> set[str]:
        """The tables that a case hands in, which ours must equal."""
        return {name for name, entry in self.cases[case]["tensors"].items() if entry["role"] == "table"}


def _uniform(case: dict[str, Any]) -> dict[str, Any]:
    tensors = {
        entry["name"]: {
            "role": entry["role"],
            "tolerance": {"metric": entry.get("compare", "exact"), "value": entry.get("tolerance", 0.0)},
        }
        for entry in case["tensors"]
    }
    return case | {"tensors": tensors}


class Live2Diff:
    """The networks of a folder of goldens, and what belongs to their sizes."""

    def __init__(self, goldens: Live2DiffGoldens) -> None:
        self.goldens = goldens
        net = goldens.config["net"]
        temporal = net["temporal"]
        self.temporal = TemporalConfig(
            heads=temporal["heads"],
            max_frames=temporal["pe_max_len"],
            groups=temporal["norm_groups"],
            num_attentions=temporal["attentions_per_layer"],
            in_mid_block=temporal["in_mid_block"],
        )
        self.config = UNetConfig(
            in_channels=net["in_channels"],
            widths=tuple(net["block_out_channels"]),
            layers=net["layers_per_block"],
            heads=net["attention_heads"],
            prompt_dim=net["cross_attention_dim"],
            groups=net["norm_num_groups"],
            temporal=self.temporal,
        )
        self.mapper_widths = tuple(net["depth_mapper_channels"])
        self.ring = replace(LIVE2DIFF_RING, window=temporal["window"], sinks=temporal["sink"], start=START)

    def added(self) -> Tensors:
        return self.goldens.weights("live2diff.safetensors")

    def networks(self) -> tuple[UNet, PoseGuider]:
        unet, mapper = UNet(self.config), depth_mapper(self.config, self.mapper_widths)
        added = self.added()
        prefix = "flow_conv_in."
        of_unet = {name: value for name, value in added.items() if not name.startswith(prefix)}
        of_mapper = {name.removeprefix(prefix): v for name, v in added.items() if name.startswith(prefix)}
        whole = self.goldens.weights("unet.safetensors") | of_unet
        unet.load_state_dict(own_state(unet, whole, "the goldens' network"))
        mapper.load_state_dict(of_mapper)
        return _frozen(unet), _frozen(mapper)

    def part(self, network: nn.Module, prefix: str) -> nn.Module:
        """Load one module of the added weights."""
        published = {
            name.removeprefix(prefix).replace(".to_out.0.", ".to_out.").replace("to_out.0.", "to_out."): value
            for name, value in self.added().items()
            if name.startswith(prefix) and not name.endswith(".pe")
        }
        network.load_state_dict(published)
        return _frozen(network)

    def grid(self, steps: int) -> tuple[float, ...]:
        """The list of so many steps that indices count in."""
        scheduler = self.goldens.config["scheduler"]
        return LcmTimesteps(
            num_train_timesteps=scheduler["num_train_timesteps"],
            original_steps=scheduler["original_inference_steps"],
        )(steps)

    def system(self, t_index_list: Sequence[int], steps: int = 50) -> BufferSettings:
        scheduler = self.goldens.config["scheduler"]
        schedule = DiscreteSchedule(
            betas=BetaSchedule(scheduler["beta_schedule"]),
            beta_start=scheduler["beta_start"],
            beta_end=scheduler["beta_end"],
            num_train_timesteps=scheduler["num_train_timesteps"],
        )
        grid = self.grid(steps)
        diffusion = replace(
            LIVE2DIFF.diffusion,
            schedule=schedule,
            timesteps=ListedTimesteps(lists=(tuple(grid[index] for index in t_index_list),)),
            prediction=_PREDICTIONS[scheduler.get("prediction", "epsilon")],
            boundary=Boundary(
                timestep_scaling=scheduler.get("timestep_scaling", 10.0),
                sigma_data=scheduler.get("sigma_data", 0.5),
            ),
        )
        return replace(LIVE2DIFF, diffusion=diffusion, levels=len(t_index_list), boot=Boot.ZEROS)


def _frozen(network: Any) -> Any:
    return network.eval().requires_grad_(requires_grad=False)


def rows_first(values: Tensor) -> Tensor:
    """Turn levels (cleanest first) into the goldens' rows (noisiest first), or back."""
    return values.flip(0)


def as_published(cache: Tensor) -> Tensor:
    """``(N, heads, L, W, d)`` -> ``(row, location, slot, channel)``."""
    return rows_first(cache.permute(0, 2, 3, 1, 4).flatten(3))


def both(tensors: Tensors, layer: str) -> Tensor:
    """Keys and values of a layer, ``(row, 2, location, slot, channel)``."""
    cache = KvCache.from_tensors(tensors, layer)
    return torch.stack([as_published(cache.keys), as_published(cache.values)], dim=1)


def tables(tensors: Tensors, window: int) -> Tensors:
    """Our tables in the goldens' terms."""
    write_index = tensors["ring.write_index"]
    bias = tensors["ring.bias"]
    is_open = (bias[:, :window] == 0).scatter(1, write_index, bias[:, window:] == 0)
    position = tensors["ring.position_index"][:, :window]
    named = {
        "open": is_open.to(torch.uint8),
        "pe_idx": position.clone(),
        "update_idx": write_index[:, 0].clone(),
    }
    return {name: rows_first(value) for name, value in named.items()}


class Notes:
    """What was seen in each call, stacked at the end."""

    def __init__(self) -> None:
        self._seen: dict[str, list[Tensor]] = {}

    def add(self, **values: Tensor) -> None:
        for name, value in values.items():
            self._seen.setdefault(name, []).append(value.clone())

    def stacked(self) -> Tensors:
        return {name: torch.stack(values) for name, values in self._seen.items()}


def warmed_ring(ring: KvRing, sinks: Sequence[Tensors]) -> None:
    """Install what rows (noisiest first) were shown."""
    for row, of_row in enumerate(sinks):
        ring.take_sinks(len(sinks) - 1 - row, of_row)
    ring.begin_after_sinks()


def indices(params: dict[str, Any]) -> list[int]:
    """The places in the list of steps; by strength its last part."""
    if params.get("t_index_list") is not None:
        return list(params["t_index_list"])
    return list(range(params["steps"] - int(params["steps"] * params["strength"]), params["steps"]))
