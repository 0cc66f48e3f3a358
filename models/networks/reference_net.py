"""The reference network of RAIN: a UNet that is not asked what it predicts but what it saw on the way.

It reads the reference picture's latents once per avatar, at timestep 0 and without noise. What each of its
self-attentions was shown (the normed tokens, a *bank*) is projected by the denoiser's own keys and values
(``UNet.project_reference``) and from then on stands beside every frame's own tokens (arXiv:2412.19489; the
scheme is that of Reference-only control and AnimateAnyone, arXiv:2311.17117).
"""

import torch
from torch import Tensor

from models.networks.looks import Recording
from models.networks.unet import UNet, UNetInputs


def read_banks(reference_net: UNet, latents: Tensor, prompt_embeds: Tensor) -> dict[str, Tensor]:
    """Return the bank of every spatial transformer.

    Args:
        reference_net: A UNet without motion modules; output layers are not needed.
        latents: ``(1, 4, h, w)`` of the reference picture, scaled, without noise.
        prompt_embeds: ``(1, 1, prompt_dim)``, the image encoder's embedding of the same picture.

    Returns:
        Layer ("d00", "m", "u32", ...) -> ``(1, L, D)``, new memory.
    """
    banks: dict[str, Tensor] = {}
    prompt = reference_net.project_prompt(prompt_embeds)
    at_zero = torch.zeros(latents.shape[0], device=latents.device)
    reference_net(latents, at_zero, UNetInputs(prompt=prompt, look=Recording(banks)))
    return banks
