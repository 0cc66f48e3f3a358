"""What RAIN reads a reference picture with: CLIP's image encoder, and the encoder of a VAE.

Both run once per avatar. Published as folders with ``config.json`` and weights: ``image_encoder`` of
lambdalabs/sd-image-variations-diffusers, and ``sd-vae-ft-mse`` of stabilityai.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from models.checkpoints.diffusers_parts import load_vae, read_config, without_memory
from models.checkpoints.fitting import fitted
from models.checkpoints.hub import weights_file
from models.checkpoints.published import read_published

IMAGE_ENCODER = "image_encoder"
VAE = "sd-vae-ft-mse"
ENCODER_FOLDERS = (IMAGE_ENCODER, VAE)

_MEAN = (0.48145466, 0.4578275, 0.40821073)  # of CLIP's training pictures, RGB 0..1
_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RainEncoders:
    """The two encoders, ready to run.

    Attributes:
        image_encoder: ``CLIPVisionModelWithProjection``.
        vae: ``AutoencoderKL``.
    """

    image_encoder: Any
    vae: Any

    @torch.inference_mode()
    def latents(self, picture: Tensor) -> Tensor:
        """Return the scaled mean of the VAE's posterior, ``(1, 4, H/8, W/8)`` float32.

        Args:
            picture: ``(1, 3, H, W)`` RGB 0..1.
        """
        weight = next(self.vae.parameters())
        encoded = self.vae.encode((picture * 2.0 - 1.0).to(weight)).latent_dist.mode()
        latents: Tensor = encoded.float() * float(self.vae.config.scaling_factor)
        return latents

    @torch.inference_mode()
    def token(self, picture: Tensor) -> Tensor:
        """Return the picture's embedding as a prompt of one token, ``(1, 1, D)`` float32, not normalised.

        Args:
            picture: ``(1, 3, H, W)`` RGB 0..1.
        """
        weight = next(self.image_encoder.parameters())
        size = int(self.image_encoder.config.image_size)
        embeds = self.image_encoder(clip_pixels(picture, size).to(weight)).image_embeds
        token: Tensor = embeds.float()[:, None]
        return token


def clip_pixels(picture: Tensor, size: int) -> Tensor:
    """Return a picture as CLIP wants it: shorter side to ``size``, centre cut out, normalised.

    It is resized as the usual preprocessor's pictures are: in width, then in height, in bytes each time.

    Args:
        picture: ``(1, 3, H, W)`` RGB 0..1.
        size: Side of the encoder's input in pixels.

    Returns:
        ``(1, 3, size, size)``, new memory.
    """
    height, width = picture.shape[2:]
    scale = size / min(height, width)
    resized_to = [max(size, int(height * scale)), max(size, int(width * scale))]
    wide = _resized_bytes(picture * 255.0, (height, resized_to[1]))
    resized = _resized_bytes(wide, (resized_to[0], resized_to[1])) / 255.0
    top, left = (resized_to[0] - size) // 2, (resized_to[1] - size) // 2
    cut = resized[:, :, top : top + size, left : left + size]
    mean, std = (cut.new_tensor(values)[:, None, None] for values in (_MEAN, _STD))
    return (cut - mean) / std


def _resized_bytes(picture: Tensor, size: tuple[int, int]) -> Tensor:
    resized = functional.interpolate(picture, size=size, mode="bicubic", antialias=True, align_corners=False)
    return resized.clamp(0.0, 255.0).round()


def load_rain_encoders(folder: Path, dtype: torch.dtype = torch.float32) -> RainEncoders:
    """Load both encoders.

    Args:
        folder: Holds the folders ``ENCODER_FOLDERS``.
        dtype: Of the loaded weights.

    Raises:
        CheckpointError: a file is missing, damaged, or of another model.
    """
    return RainEncoders(
        image_encoder=load_image_encoder(folder / IMAGE_ENCODER, dtype), vae=load_vae(folder / VAE, dtype)
    )


def load_image_encoder(folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """Load a ``CLIPVisionModelWithProjection``.

    Args:
        folder: ``config.json`` and the weights, in transformers' layout.
        dtype: Of the loaded weights.

    Raises:
        CheckpointError: a file is missing, damaged, or of another model.
    """
    fields = read_config(folder)
    fields.pop("torch_dtype", None)
    network = without_memory(
        lambda config: CLIPVisionModelWithProjection(CLIPVisionConfig(**config)), fields, str(folder)
    )
    tensors = read_published(weights_file(folder))
    # Older files hold the numbers of the positions, which newer ones compute.
    wanted = network.state_dict().keys()
    known = {
        name: value for name, value in tensors.items() if name in wanted or not name.endswith("position_ids")
    }
    return fitted(network, known, str(folder), dtype)
