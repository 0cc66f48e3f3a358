"""RAIN's goldens: the folder, the networks in it, and our tensors in its terms."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from torch import Tensor, nn

from engine.denoise.presets import RAIN
from engine.denoise.settings import BufferSettings, Landing
from models.checkpoints.published import own_state
from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import BetaSchedule, DiscreteSchedule
from models.diffusion.timesteps import TrailingTimesteps
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig
from tests.parity.goldens import Goldens

Tensors = dict[str, Tensor]
N = TypeVar("N", bound=nn.Module)
_PREDICTIONS = {"epsilon": Prediction.EPSILON, "v_prediction": Prediction.V, "sample": Prediction.X0}


class Rain:
    """The networks of a folder of goldens."""

    def __init__(self, goldens: Goldens, *, half: bool = False) -> None:
        self.goldens = goldens
        self.half = half
        # Without sizes (another system's goldens, or retargeting alone) each case says what it misses.
        self.configs: Mapping[str, Any] = goldens.document.get("configs", {})

    def unet(self) -> UNet:
        return self._loaded(UNet(unet_config(self.configs["denoising_unet"])), "motion_unet")

    def reference(self) -> UNet:
        config = replace(unet_config(self.configs["reference_unet"]), has_output=False)
        return self._loaded(UNet(config), "reference_unet")

    def pose_guider(self, name: str, config: Mapping[str, Any] | None = None) -> PoseGuider:
        config = config or self.configs[name]
        widths, out = tuple(config["block_channels"]), config["out_channels"]
        return self._loaded(PoseGuider(PoseGuiderConfig(widths=widths, out_channels=out)), name)

    def codec(self) -> Taesdv:
        return self._loaded(Taesdv(), "taesdv")

    def _loaded(self, network: N, name: str) -> N:
        file = f"{name}.safetensors"
        network.load_state_dict(own_state(network, self.goldens.weights(file), file))
        if self.half:
            for part in network.modules():
                part.register_forward_hook(_rounded)
        return network.eval().requires_grad_(requires_grad=False)


def _rounded(_part: nn.Module, _given: object, out: object) -> object:
    return out.half().float() if isinstance(out, Tensor) else out


def unet_config(config: Mapping[str, Any]) -> UNetConfig:
    temporal = None
    if config.get("use_motion_module"):
        motion = config["motion_module_kwargs"]
        temporal = TemporalConfig(
            heads=motion["num_attention_heads"],
            max_frames=motion["temporal_position_encoding_max_len"],
            num_attentions=len(motion["attention_block_types"]),
            in_mid_block=config["motion_module_mid_block"],
        )
    return UNetConfig(
        in_channels=config["in_channels"],
        widths=tuple(config["block_out_channels"]),
        layers=config["layers_per_block"],
        heads=config["attention_head_dim"],
        prompt_dim=config["cross_attention_dim"],
        groups=config["norm_num_groups"],
        guidance_dim=config.get("cond_proj_dim") or 0,
        temporal=temporal,
    )


def system(goldens: Goldens) -> BufferSettings:
    """The preset with the goldens' own numbers of groups, frames and steps."""
    configs = goldens.document["configs"]
    scheduler = configs["scheduler"]
    if scheduler["timestep_spacing"] != "trailing":
        raise ValueError(f"expected trailing timesteps, got {scheduler['timestep_spacing']}")
    diffusion = replace(
        RAIN.diffusion,
        schedule=DiscreteSchedule(
            betas=BetaSchedule(scheduler["beta_schedule"]),
            beta_start=scheduler["beta_start"],
            beta_end=scheduler["beta_end"],
            num_train_timesteps=scheduler["num_train_timesteps"],
            zero_terminal_snr=scheduler["rescale_betas_zero_snr"],
        ),
        timesteps=TrailingTimesteps(num_train_timesteps=scheduler["num_train_timesteps"]),
        prediction=_PREDICTIONS[scheduler["prediction_type"]],
        boundary=Boundary(
            timestep_scaling=scheduler.get("timestep_scaling", 10.0),
            sigma_data=scheduler.get("sigma_data", 0.5),
        ),
        landing=Landing.EVEN,
    )
    return replace(
        RAIN,
        diffusion=diffusion,
        levels=configs["groups"],
        chunk=configs["frames_per_group"],
        micro=configs["inference_steps"] // configs["groups"],
    )


def frames_first(values: Tensor) -> Tensor:
    """``(1, C, F, h, w)`` -> ``(F, C, h, w)``."""
    return values[0].transpose(0, 1)


def frames_third(values: Tensor) -> Tensor:
    """``(F, C, h, w)`` -> ``(1, C, F, h, w)``."""
    return values.transpose(0, 1)[None]


def canvases_of(pictures: Tensor) -> Tensor:
    """``(F, H, W, 3)`` bytes -> ``(F, 3, H, W)`` 0..1."""
    return pictures.permute(0, 3, 1, 2).float() / 255.0


def sets_in(tensors: Tensors) -> list[str]:
    prefix = "in.ref_latents_"
    return [name.removeprefix(prefix) for name in tensors if name.startswith(prefix)]
