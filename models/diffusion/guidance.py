"""Guidance: how predictions with and without the prompt are joined.

``residual`` guidance is StreamDiffusion's (arXiv:2312.12491): the prediction without the prompt
is not computed by the network but taken from the noise that the latents are known to hold beside a clean
picture ``z``. ``z`` is the frame itself ("self") or one prediction under the negative prompt ("initialize").
"""

from torch import Tensor

from models.diffusion.prediction import Prediction, epsilon_from_x0, x0_from_output
from models.diffusion.schedules import NoiseLevel


def guide(cond: Tensor, uncond: Tensor, guidance_scale: Tensor | float) -> Tensor:
    """Push the prediction away from the unconditional one: ``uncond + scale * (cond - uncond)``.

    Ho and Salimans, arXiv:2207.12598, with ``scale = 1 + w`` (diffusers' ``guidance_scale``).

    Args:
        cond: Prediction with the prompt, ``(F, C, h, w)``.
        uncond: Prediction without it, the same shape.
        guidance_scale: Unitless, >= 1; at 1 the result equals ``cond``.

    Returns:
        ``(F, C, h, w)``, new memory.
    """
    return uncond + guidance_scale * (cond - uncond)


def guide_by_residual(
    cond: Tensor, residual_noise: Tensor, guidance_scale: Tensor | float, delta: float
) -> Tensor:
    """Push the noise prediction away from the residual noise, which costs no evaluation.

    Args:
        cond: Noise predicted with the prompt, ``(F, C, h, w)``.
        residual_noise: Of the same frames, from ``residual_noise_of``.
        guidance_scale: Unitless, >= 1.
        delta: Weight of the residual noise, 0..1; smaller is gentler.

    Returns:
        ``(F, C, h, w)``, new memory.
    """
    return guide(cond, delta * residual_noise, guidance_scale)


def residual_noise_of(x: Tensor, z: Tensor, level: NoiseLevel) -> Tensor:
    """Return ``(x - alpha * z) / sigma``: what stands in ``x`` beside the clean picture ``z``, new memory.

    StreamDiffusion, arXiv:2312.12491, Eq. 5. Computed from ``z`` directly it needs no state of its own, so
    it stays right for one step and for steps without added noise, where the published recursion drifts.
    """
    return epsilon_from_x0(x, z, level)


def z_from_negative(x: Tensor, uncond: Tensor, level: NoiseLevel) -> Tensor:
    """Return the ``z`` of "initialize": the picture that the negative prompt sees in ``x``, new memory.

    Args:
        x: Latents at the first level, ``(F, C, h, w)``.
        uncond: Noise predicted for ``x`` with the negative prompt.
        level: The first level.
    """
    return x0_from_output(Prediction.EPSILON, x, uncond, level)
