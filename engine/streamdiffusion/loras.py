"""LoRAs of a stream: loaded by one call, fused by another, as the original's scripts do it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

import torch
from torch import Tensor

from engine.streamdiffusion.parts import StreamParts
from models.checkpoints.lora import FittedLayer, fit_lora, lora_of, read_lora
from models.checkpoints.published import CheckpointError
from models.checkpoints.stable_diffusion import LCM_LORA, lora_file

LoraSource: TypeAlias = str | Path | Mapping[str, Tensor]
"""File, folder, hub id, or the tensors of a file by their names."""


class StreamLoras(StreamParts):
    """The LoRA methods of a stream."""

    _loras: list[LoraSource]

    def load_lcm_lora(
        self,
        pretrained_model_name_or_path_or_dict: LoraSource = LCM_LORA,
        adapter_name: str | None = None,
    ) -> None:
        """Remember the LoRA that makes a model one of few steps, for ``fuse_lora``; as ``load_lora``."""
        self.load_lora(pretrained_model_name_or_path_or_dict, adapter_name)

    def load_lora(
        self,
        pretrained_lora_model_name_or_path_or_dict: LoraSource,
        adapter_name: str | None = None,  # noqa: ARG002 - published; nothing here is chosen by it
    ) -> None:
        """Remember a LoRA for ``fuse_lora``.

        Args:
            pretrained_lora_model_name_or_path_or_dict: File, folder, hub id, or a dict of tensors.
            adapter_name: Not used: what is loaded is fused, and never chosen by name.

        Raises:
            CheckpointError: There is none.
        """
        source = pretrained_lora_model_name_or_path_or_dict
        self._loras.append(source if isinstance(source, Mapping) else str(lora_file(str(source))))

    def fuse_lora(
        self,
        fuse_unet: bool = True,
        fuse_text_encoder: bool = True,
        lora_scale: float = 1.0,
        safe_fusing: bool = False,
    ) -> None:
        """Fuse what was loaded since the last time into the weights; before ``prepare``.

        Args:
            fuse_unet: Whether the UNet takes its part; what is left out is not kept for later.
            fuse_text_encoder: Whether the text encoder takes its part.
            lora_scale: How much, usually 0..1.
            safe_fusing: Whether weights that would not be finite are looked for, and refused.

        Raises:
            CheckpointError: A LoRA is damaged or for another base. Then nothing has changed, and that one no
                longer waits: the next call fuses the others.
            ValueError: ``lora_scale`` is not finite.
        """
        if not math.isfinite(lora_scale):
            raise ValueError(f"expected a finite lora_scale, got {lora_scale}")
        fitted: list[FittedLayer] = []
        for source in list(self._loras):
            try:
                layers = self._fitted(source)
                if safe_fusing:
                    _check_finite(layers, lora_scale)
            except CheckpointError as error:
                self._loras = [waiting for waiting in self._loras if waiting is not source]
                raise CheckpointError(
                    f"{error}; nothing was fused, and this LoRA was dropped: fuse_lora() fuses the others"
                ) from error
            fitted += layers
        for layer in fitted:
            if fuse_text_encoder if layer.is_text else fuse_unet:
                layer.fuse(lora_scale)
        self._loras.clear()
        self._begin_anew()  # compiled graphs hold the weights of before

    def _fitted(self, source: LoraSource) -> tuple[FittedLayer, ...]:
        if isinstance(source, Mapping):
            lora = lora_of(source, "the dict of tensors")
        else:
            lora = read_lora(Path(source))
        return fit_lora(lora, self.pipe.unet, self.pipe.text_encoder)


def _check_finite(layers: tuple[FittedLayer, ...], scale: float) -> None:
    for fitted in layers:
        update = fitted.layer.delta().reshape(fitted.weight.shape).to(fitted.weight)
        if not bool(torch.isfinite(fitted.weight + scale * update).all()):
            raise CheckpointError(f"{fitted.layer.name} would not be finite with lora_scale {scale}")
