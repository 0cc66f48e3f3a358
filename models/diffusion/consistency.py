"""Boundary scalings of a consistency model: the clean picture must map to itself.

Latent consistency models, arXiv:2310.04378; diffusers' ``get_scalings_for_boundary_condition_discrete``.
StreamDiffusion's paper (arXiv:2312.12491, Eq. 12) prints one ``sigma_data`` too many in ``c_out``; taken
literally it halves every prediction, so the form here is the one that the code of both uses.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """Scalings ``c_skip`` and ``c_out`` in ``f(x_t) = c_skip * x_t + c_out * x0_pred``.

    Attributes:
        timestep_scaling: Stretches the timestep; 10 in the released models.
        sigma_data: Spread of the data; 0.5 in the released models.
    """

    timestep_scaling: float = 10.0
    sigma_data: float = 0.5

    def c_skip(self, timestep: float) -> float:
        """Return the weight of ``x_t``: 1 at timestep 0, about 1e-8 in the middle."""
        s = timestep * self.timestep_scaling
        return self.sigma_data**2 / (s**2 + self.sigma_data**2)

    def c_out(self, timestep: float) -> float:
        """Return the weight of the predicted clean latents: 0 at timestep 0, about 1 elsewhere."""
        s = timestep * self.timestep_scaling
        return float(s / (s**2 + self.sigma_data**2) ** 0.5)
