"""RAIN's published checkpoint: four pickles, converted once to float16 in the user's cache.

``motion_unet.pth`` (denoiser with motion modules), ``reference_unet.pth``, ``pose_guider.pth`` of
Pscgylotti/RAIN-v0.1, and ``taesdv.pth`` of madebyollin/taesdv. What else RAIN needs (the image encoder and a
VAE's encoder) is in ``rain_encoders.py``.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from models.checkpoints.published import CheckpointError, fill_positions, own_state, read_published
from models.networks.pose_guider import PoseGuider, PoseGuiderConfig
from models.networks.taesdv import Taesdv
from models.networks.unet import TemporalConfig, UNet, UNetConfig

_log = logging.getLogger(__name__)
_FORMAT = "understudy-rain-1"
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True, slots=True, kw_only=True)
class RainConfig:
    """Sizes of RAIN's networks; the defaults are the published ones.

    Attributes:
        denoiser: The UNet that works on the buffer.
        reference: The reference network.
        pose_guider: From canvas to features.
        depth_guider: From depth picture to features that are added to the pose's, or None. The paper mentions
            depth as a condition; no weights for it are published.
        decoder_width: Channels of the remembering decoder.
    """

    denoiser: UNetConfig = field(
        default_factory=lambda: UNetConfig(guidance_dim=512, temporal=TemporalConfig())
    )
    reference: UNetConfig = field(default_factory=lambda: UNetConfig(has_output=False))
    pose_guider: PoseGuiderConfig = field(default_factory=PoseGuiderConfig)
    depth_guider: PoseGuiderConfig | None = None
    decoder_width: int = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RainNetworks:
    """RAIN's networks, ready to run (evaluation mode, no gradients)."""

    denoiser: UNet
    reference: UNet
    pose_guider: PoseGuider
    codec: Taesdv
    depth_guider: PoseGuider | None = None


MOTION_UNET = "motion_unet.pth"
REFERENCE_UNET = "reference_unet.pth"
POSE_GUIDER = "pose_guider.pth"
TAESDV = "taesdv.pth"
DEPTH_GUIDER = "depth_guider.pth"
"""Your own weights of a ``PoseGuider`` over depth pictures; used where it lies beside the others."""
RAIN_FILES = (MOTION_UNET, REFERENCE_UNET, POSE_GUIDER, TAESDV)


def load_rain(
    folder: Path,
    cache: Path,
    config: RainConfig | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> RainNetworks:
    """Load RAIN's networks, converting each file the first time.

    Args:
        folder: Where the four published files lie (``RAIN_FILES``).
        cache: Where the converted ones are kept; made when missing.
        config: Sizes; None: the published ones.
        dtype: Of the loaded weights; float16 on a GPU, float32 on a CPU.
        device: Where they go.

    Raises:
        CheckpointError: a file is missing, damaged, or of another model.
    """
    sizes = RainConfig() if config is None else config
    depth = sizes.depth_guider
    wanted = (*RAIN_FILES, DEPTH_GUIDER) if depth else RAIN_FILES
    if not folder.is_dir():
        raise CheckpointError(f"there is no folder {folder}")
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"{folder} lacks {', '.join(missing)}")
    store = _Converted(cache, dtype, device)
    return RainNetworks(
        denoiser=store.load(folder / MOTION_UNET, lambda: UNet(sizes.denoiser)),
        reference=store.load(folder / REFERENCE_UNET, lambda: UNet(sizes.reference)),
        pose_guider=store.load(folder / POSE_GUIDER, lambda: PoseGuider(sizes.pose_guider)),
        codec=store.load(folder / TAESDV, lambda: Taesdv(sizes.decoder_width)),
        depth_guider=store.load(folder / DEPTH_GUIDER, lambda: PoseGuider(depth)) if depth else None,
    )


class _Converted:
    """Published files as float16 safetensors in our names, made when first asked for."""

    def __init__(self, cache: Path, dtype: torch.dtype, device: str) -> None:
        self._cache = cache
        self._dtype = dtype
        self._device = device

    def load(self, source: Path, build: Callable[[], N]) -> N:
        """Return the network that ``build`` makes, with the weights of ``source``."""
        with torch.device("meta"):
            network = build()
        state = self._converted(source, network)
        network.load_state_dict({name: self._placed(value) for name, value in state.items()}, assign=True)
        fill_positions(network)
        return network.eval().requires_grad_(requires_grad=False)

    def _placed(self, value: Tensor) -> Tensor:
        return value.to(self._device, self._dtype)

    def _converted(self, source: Path, network: nn.Module) -> dict[str, Tensor]:
        status = source.stat()
        # size and time rather than a digest: reading five gigabytes at every start is what this avoids
        target = self._cache / f"{source.stem}-{status.st_size}-{status.st_mtime_ns}.safetensors"
        kept = _read_converted(target, network)
        if kept is not None:
            return kept
        state = {
            name: _halved(value, name, source)
            for name, value in own_state(network, read_published(source), str(source)).items()
        }
        try:
            self._keep(state, target, source.stem)
        except OSError as error:
            _log.warning("converted weights are not kept, so every start converts again: %s", error)
        return state

    def _keep(self, state: dict[str, Tensor], target: Path, stem: str) -> None:
        self._cache.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        save_file(state, partial, metadata={"format": _FORMAT})
        partial.replace(target)
        for old in self._cache.glob(f"{stem}-*.safetensors"):
            if old != target:
                old.unlink(missing_ok=True)


def _halved(value: Tensor, name: str, source: Path) -> Tensor:
    half = value.half().contiguous()
    if not bool(torch.isfinite(half).all()):
        raise CheckpointError(f"{source} is damaged: {name} holds numbers that float16 cannot")
    return half


def _read_converted(path: Path, network: nn.Module) -> dict[str, Tensor] | None:
    """Return the kept conversion, or None when there is none, or one that is damaged or of other sizes."""
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            is_ours = (file.metadata() or {}).get("format") == _FORMAT
    except (OSError, SafetensorError):
        return None
    shapes = {name: value.shape for name, value in network.state_dict().items()}
    return state if is_ours and {name: value.shape for name, value in state.items()} == shapes else None
