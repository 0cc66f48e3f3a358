"""What a network predicts, turned into clean latents.

All four kinds are linear in ``x_t`` and in the network's output, so each is a pair of weights:
``x0_pred = of_x * x_t + of_output * output``.
"""

from enum import Enum

from torch import Tensor

from models.diffusion.schedules import NoiseLevel


class Prediction(Enum):
    """Meaning of the network's output."""

    EPSILON = "epsilon"
    """The noise (DDPM, arXiv:2006.11239)."""
    V = "v"
    """``alpha * noise - sigma * x0`` (Salimans and Ho, arXiv:2202.00512); variance-preserving only."""
    X0 = "x0"
    """The clean latents."""
    VELOCITY = "velocity"
    """``noise - x0`` (flow matching, arXiv:2210.02747); straight path only."""


def x0_weights(prediction: Prediction, level: NoiseLevel) -> tuple[float, float]:
    """Return the weights of ``x_t`` and of the network's output in the clean latents.

    From ``x_t = alpha * x0 + sigma * noise``: epsilon ``(x_t - sigma * output) / alpha``; v
    ``alpha * x_t - sigma * output``; velocity ``x_t - t * output`` with ``t = sigma``.

    Args:
        prediction: Meaning of the output.
        level: Noise level of ``x_t``.

    Returns:
        ``(of_x, of_output)``.

    Raises:
        ValueError: An epsilon prediction where alpha is 0: there it says nothing about the picture.
    """
    alpha, sigma = level.alpha, level.sigma
    match prediction:
        case Prediction.EPSILON:
            if alpha == 0.0:
                raise ValueError(f"epsilon says nothing at timestep {level.timestep}, where alpha is 0")
            return 1.0 / alpha, -sigma / alpha
        case Prediction.V:
            return alpha, -sigma
        case Prediction.X0:
            return 0.0, 1.0
        case Prediction.VELOCITY:
            return 1.0, -sigma


def x0_from_output(prediction: Prediction, x: Tensor, output: Tensor, level: NoiseLevel) -> Tensor:
    """Return the clean latents that the network's output means.

    Args:
        prediction: Meaning of ``output``.
        x: What the network was given, ``(F, C, h, w)``, all at ``level``.
        output: What it gave back, the same shape.
        level: Noise level of ``x``.

    Returns:
        ``(F, C, h, w)``, new memory.

    Raises:
        ValueError: As ``x0_weights``.
    """
    of_x, of_output = x0_weights(prediction, level)
    return of_x * x + of_output * output


def epsilon_from_x0(x: Tensor, x0: Tensor, level: NoiseLevel) -> Tensor:
    """Return the noise that ``x`` holds beside ``x0``: ``(x - alpha * x0) / sigma``, new memory."""
    return (x - level.alpha * x0) / level.sigma
