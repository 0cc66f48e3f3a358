"""The systems that the rolling buffer is known to reproduce, as data.

A preset is complete but for the size of the latents. ``dataclasses.replace(POCKET, levels=4, chunk=2)`` is
another operating point of the same system; ``RollingBuffer.set_levels`` changes N while it runs. Figures are
those of the published code, timesteps noisiest first. StreamDiT is not listed: its way of filling the buffer
(a diagonal read-out) does not exist here yet.
"""

from collections.abc import Mapping
from dataclasses import replace

from engine.denoise.settings import (
    Attend,
    Boot,
    BufferSettings,
    DiffusionSettings,
    Drain,
    Entry,
    Guidance,
    NoiseKind,
)
from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import BetaSchedule, DiscreteSchedule, FlowSchedule
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import FlowTimesteps, LcmIndexTimesteps, ListedTimesteps, TrailingTimesteps

POCKET = BufferSettings(
    diffusion=DiffusionSettings(
        schedule=FlowSchedule(),
        timesteps=FlowTimesteps(),
        prediction=Prediction.X0,
        solver=Solver.RENOISE,
    ),
    levels=1,
    chunk=1,
    attend=Attend.ALL_ROWS,
    entry=Entry.NOISE,
    noise=NoiseKind.OWN,
    boot=Boot.GROW,
    drain=Drain.SHRINK,
)
"""The built-in model; it is trained for N = 1, 2, 4 and c = 1, 2, 4."""


def pocket_system(levels: int, chunk: int) -> BufferSettings:
    """Return the built-in model's system at an operating point.

    With several rows each level sees its own past through a ring instead of the noisier rows: on the held-out
    pairs the same weights then err less and flicker less (``python -m tests.bench.attention``).
    """
    attend = Attend.OWN_LEVEL if levels > 1 else POCKET.attend
    return replace(POCKET, levels=levels, chunk=chunk, attend=attend)


STREAM_DIFFUSION = BufferSettings(
    diffusion=DiffusionSettings(
        schedule=DiscreteSchedule(),
        timesteps=LcmIndexTimesteps(t_index_lists=((45,), (32, 45), (22, 32, 45), (18, 26, 35, 45))),
        prediction=Prediction.EPSILON,
        solver=Solver.RENOISE,
        boundary=Boundary(),
    ),
    levels=2,
    chunk=1,
    attend=Attend.NOBODY,
    entry=Entry.NOISED,
    noise=NoiseKind.PER_LEVEL,
    boot=Boot.DROP,
    drain=Drain.REPEAT,
)
"""Stream batch, picture to picture, without guidance (arXiv:2312.12491)."""

RAIN = BufferSettings(
    diffusion=DiffusionSettings(
        schedule=DiscreteSchedule(zero_terminal_snr=True),
        timesteps=TrailingTimesteps(),
        prediction=Prediction.V,
        solver=Solver.RENOISE,
        boundary=Boundary(),
    ),
    levels=4,
    chunk=4,
    attend=Attend.ALL_ROWS,
    entry=Entry.NOISE,
    noise=NoiseKind.FRESH,
    boot=Boot.GROW,
    drain=Drain.SHRINK,
    guidance=Guidance.EMBEDDED,
)
"""Reference-conditioned animation (arXiv:2412.19489)."""

PERSONA_LIVE = BufferSettings(
    diffusion=DiffusionSettings(
        schedule=DiscreteSchedule(beta_end=0.020),
        timesteps=ListedTimesteps(lists=((999.0, 666.0, 333.0, 0.0),)),
        prediction=Prediction.EPSILON,
        solver=Solver.DDIM,
    ),
    levels=4,
    chunk=4,
    attend=Attend.ALL_ROWS,
    entry=Entry.NOISED,
    noise=NoiseKind.OWN,
    boot=Boot.FILL,
    drain=Drain.SHRINK,
)
"""Portrait animation (arXiv:2512.11253) without its key frames; the reference's latents enter, noised."""

LIVE2DIFF = BufferSettings(
    diffusion=DiffusionSettings(
        schedule=DiscreteSchedule(betas=BetaSchedule.LINEAR),
        timesteps=LcmIndexTimesteps(t_index_lists=((40,), (30, 40), (30, 36, 42), (25, 31, 37, 43))),
        prediction=Prediction.EPSILON,
        solver=Solver.RENOISE,
        boundary=Boundary(),
    ),
    levels=2,
    chunk=1,
    attend=Attend.OWN_LEVEL,
    entry=Entry.NOISED,
    noise=NoiseKind.FRESH,
    boot=Boot.GROW,
    drain=Drain.SHRINK,
)
"""Picture to picture with rings of keys and values, after a warm-up (arXiv:2407.08701, ``warm_up.py``)."""

PRESETS: Mapping[str, BufferSettings] = {
    "pocket": POCKET,
    "streamdiffusion": STREAM_DIFFUSION,
    "rain": RAIN,
    "personalive": PERSONA_LIVE,
    "live2diff": LIVE2DIFF,
}
"""Presets by the name that settings files use."""
