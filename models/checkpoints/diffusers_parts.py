"""Reads the parts of a diffusers folder: one sub-folder each, with ``config.json`` and a weights file.

What comes back are diffusers' and transformers' own classes. They are built without memory and filled by us
rather than by ``from_pretrained``, so that half a file or a file of another model is one clear sentence.
"""

import inspect
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, ControlNetModel, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from models.checkpoints.fitting import fitted
from models.checkpoints.hub import weights_file
from models.checkpoints.published import CheckpointError, read_published
from models.checkpoints.whole import refused
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import BetaSchedule, DiscreteSchedule

_TEXT_PREFIX = "text_model."
_OLD_ATTENTION = {".query.": ".to_q.", ".key.": ".to_k.", ".value.": ".to_v.", ".proj_attn.": ".to_out.0."}
_SCHEDULE_FIELDS = ("beta_schedule", "beta_start", "beta_end", "num_train_timesteps", "prediction_type")
_PREDICTIONS = {
    "epsilon": Prediction.EPSILON,
    "v_prediction": Prediction.V,
    "sample": Prediction.X0,
}


def load_unet(folder: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Load a text-conditioned UNet. Raises ``CheckpointError``."""
    return _load(folder, {"UNet2DConditionModel": UNet2DConditionModel}, dtype)


def load_controlnet(folder: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Load a ControlNet. Raises ``CheckpointError``."""
    return _load(folder, {"ControlNetModel": ControlNetModel}, dtype)


def load_vae(folder: Path, dtype: torch.dtype = torch.float32) -> nn.Module:
    """Load an autoencoder, TAESD or KL. Raises ``CheckpointError``."""
    return _load(folder, {"AutoencoderTiny": AutoencoderTiny, "AutoencoderKL": AutoencoderKL}, dtype)


def load_text_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> CLIPTextModel:
    """Load a CLIP text encoder. Raises ``CheckpointError``."""
    fields = read_config(folder)
    fields.pop("torch_dtype", None)
    return text_encoder_from(
        CLIPTextConfig(**fields), read_published(weights_file(folder)), str(folder), dtype
    )


def text_encoder_from(
    config: CLIPTextConfig, tensors: Mapping[str, Tensor], source: str, dtype: torch.dtype
) -> CLIPTextModel:
    """Return a text encoder; published files say ``text_model.`` before every name or not, as they like.

    Raises:
        CheckpointError: The tensors do not fit.
    """
    with torch.device("meta"):
        network = CLIPTextModel(config)
    has_prefix = any(name.startswith(_TEXT_PREFIX) for name in network.state_dict())
    bare = {name.removeprefix(_TEXT_PREFIX): value for name, value in tensors.items()}
    bare.pop("embeddings.position_ids", None)
    return fitted(
        network, {_TEXT_PREFIX * has_prefix + name: value for name, value in bare.items()}, source, dtype
    )


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Load a tokenizer from its folder. Raises ``CheckpointError``."""
    for name in ("vocab.json", "merges.txt"):
        if not (folder / name).is_file():
            raise CheckpointError(f"there is no tokenizer in {folder}: {name} is missing")
    try:
        tokenizer: CLIPTokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, TypeError) as error:
        raise CheckpointError(f"the tokenizer in {folder} is damaged: vocab.json or merges.txt") from error
    return tokenizer


def read_schedule(folder: Path) -> tuple[DiscreteSchedule, Prediction]:
    """Return noise schedule and meaning of the prediction from a scheduler's folder.

    Raises:
        CheckpointError: There is none, or it is one that we do not know.
    """
    return schedule_from(read_config(folder, "scheduler_config.json"), str(folder))


def schedule_from(config: Mapping[str, Any], source: str) -> tuple[DiscreteSchedule, Prediction]:
    """Return noise schedule and meaning of the prediction from a diffusers scheduler's config.

    Raises:
        CheckpointError: The schedule or the prediction is one that we do not know.
    """
    try:
        schedule = DiscreteSchedule(
            betas=BetaSchedule(config["beta_schedule"]),
            beta_start=float(config["beta_start"]),
            beta_end=float(config["beta_end"]),
            num_train_timesteps=int(config["num_train_timesteps"]),
            zero_terminal_snr=bool(config.get("rescale_betas_zero_snr", False)),
        )
        return schedule, _PREDICTIONS[config.get("prediction_type", "epsilon")]
    except (KeyError, ValueError) as error:
        said = ", ".join(f"{name} {config[name]}" for name in _SCHEDULE_FIELDS if name in config)
        raise CheckpointError(f"the schedule of {source} is not one that we know: {said}") from error


def read_config(folder: Path, name: str = "config.json") -> dict[str, Any]:
    """Return a part's configuration. Raises ``CheckpointError`` where there is none or it is damaged."""
    path = folder / name
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CheckpointError(f"there is no file {path}") from error
    except OSError as error:
        raise refused(path, error) from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise CheckpointError(f"{path} cannot be read: it is damaged at {place}") from error
    except ValueError as error:
        raise CheckpointError(f"{path} cannot be read: it holds no text") from error
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} holds no configuration but {type(content).__name__}")
    return content


def modern_attention(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return an autoencoder's tensors with the attention's names of today (the published ones are older)."""
    renamed = {}
    for name, value in tensors.items():
        for old, new in _OLD_ATTENTION.items():
            name = name.replace(old, new)  # noqa: PLW2901 - four renames of one name
        is_convolution = ".attentions." in name and ".to_" in name and value.ndim > 2  # noqa: PLR2004 - matrix
        renamed[name] = value.flatten(1) if is_convolution else value
    return renamed


def _load(folder: Path, classes: Mapping[str, Any], dtype: torch.dtype) -> nn.Module:
    config = read_config(folder)
    name = str(config.get("_class_name"))
    if name not in classes:
        raise CheckpointError(f"{folder} holds {name}, expected {' or '.join(classes)}")
    tensors: Mapping[str, Tensor] = read_published(weights_file(folder))
    if name == "AutoencoderKL":
        tensors = modern_attention(tensors)
    known = inspect.signature(classes[name].__init__).parameters  # files also hold what older versions knew
    config = {key: value for key, value in config.items() if key in known}
    return fitted(without_memory(classes[name].from_config, config, str(folder)), tensors, str(folder), dtype)


def without_memory(
    build: Callable[[dict[str, Any]], nn.Module], config: dict[str, Any], source: str
) -> nn.Module:
    """Return a network on the meta device. Raises ``CheckpointError`` for a configuration that cannot be."""
    try:
        with torch.device("meta"):
            return build(config)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise CheckpointError(f"the configuration of {source} is damaged or of another version") from error
