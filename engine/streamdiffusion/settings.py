"""One stream of pictures as StreamDiffusion's users know it, and what it means for the rolling buffer."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.denoise.presets import STREAM_DIFFUSION
from engine.denoise.settings import BufferSettings, Entry, Guidance, Residual
from engine.streamdiffusion.options import is_whole
from models.checkpoints.stable_diffusion import StableDiffusion
from models.diffusion.consistency import Boundary
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import LcmTimesteps, ListedTimesteps
from models.networks.stable_diffusion import LATENT_STRIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """One stream.

    Attributes:
        t_index_list: Rising places in the grid of timesteps, one for each step; small ones are free of the
            picture, large ones keep close to it. Its length N is the number of steps, and of rows.
        num_inference_steps: Length of the grid, 1..50.
        width, height: Of the pictures in pixels, multiples of 8.
        frame_buffer_size: Frames c that enter together.
        cfg_type: Guidance.
        do_add_noise: Whether each step after the first adds noise again.
        is_stream_batch: Whether the N steps work on N frames at once, at a delay of N - 1 rows; else each
            frame takes its N steps by itself.
        from_text: Whether noise enters instead of pictures.
        is_consistency_model: Whether the boundary scalings of latent consistency models apply (LCM and
            LCM-LoRA; the original applies them to SD-turbo, too, but for one step from text).
        feedback: How much of the newest picture's latents enters with the next frame, 0..0.4.
        residual: How the guidance knows a frame's noise; ``PUBLISHED`` for comparisons.
    """

    t_index_list: tuple[int, ...] = (32, 45)
    num_inference_steps: int = 50
    width: int = 512
    height: int = 512
    frame_buffer_size: int = 1
    cfg_type: Guidance = Guidance.SELF
    do_add_noise: bool = True
    is_stream_batch: bool = True
    from_text: bool = False
    is_consistency_model: bool = True
    feedback: float = 0.0
    residual: Residual = Residual.EXACT

    def __post_init__(self) -> None:
        """Refuse what no stream can be. Raises ``ValueError`` with what was expected and what came."""
        check_t_index_list(self.t_index_list, self.num_inference_steps)
        for name, side in (("width", self.width), ("height", self.height)):
            if not is_whole(side) or side <= 0 or side % LATENT_STRIDE:
                raise ValueError(
                    f"expected a {name} that is a positive multiple of {LATENT_STRIDE}, got {side!r}"
                )
        if not is_whole(self.frame_buffer_size) or self.frame_buffer_size < 1:
            raise ValueError(
                f"expected a whole frame_buffer_size of at least 1, got {self.frame_buffer_size!r}"
            )
        if self.cfg_type is Guidance.EMBEDDED:
            raise ValueError(f"expected none, full, self or initialize, got {self.cfg_type.value}")


def check_t_index_list(t_index_list: Sequence[int], num_inference_steps: int) -> None:
    """Refuse indices that are not rising places in a grid.

    Raises:
        ValueError: With the range and the list.
    """
    limit = LcmTimesteps().original_steps
    if not is_whole(num_inference_steps) or not 1 <= num_inference_steps <= limit:
        raise ValueError(f"expected whole num_inference_steps from 1 to {limit}, got {num_inference_steps!r}")
    if not all(is_whole(index) for index in t_index_list):
        raise ValueError(
            f"expected a t_index_list of whole numbers from 0 to {num_inference_steps - 1}, "
            f"got {list(t_index_list)}"
        )
    is_rising = all(a < b for a, b in itertools.pairwise(t_index_list))
    if not t_index_list or not is_rising:
        raise ValueError(f"expected a t_index_list that rises, got {list(t_index_list)}")
    if t_index_list[0] < 0 or t_index_list[-1] >= num_inference_steps:
        raise ValueError(f"expected indices from 0 to {num_inference_steps - 1}, got {list(t_index_list)}")


def indices_of(t_index_list: object) -> tuple[int, ...]:
    """Return a list of indices as a tuple. Raises ``TypeError`` for what is no list."""
    if not isinstance(t_index_list, Iterable) or isinstance(t_index_list, str | bytes):
        raise TypeError(f"expected a t_index_list of whole numbers, got {t_index_list!r}")
    return tuple(int(index) if is_whole(index) else index for index in t_index_list)


def with_steps(
    settings: StreamSettings, t_index_list: Sequence[int] | None, num_inference_steps: int | None
) -> StreamSettings:
    """Return settings with other steps; what is None stays.

    Raises:
        TypeError: The indices are no list.
        ValueError: They do not rise or lie outside the grid, or are more or fewer without stream batch.
    """
    indices = settings.t_index_list if t_index_list is None else indices_of(t_index_list)
    steps = settings.num_inference_steps if num_inference_steps is None else num_inference_steps
    changed = replace(settings, t_index_list=indices, num_inference_steps=steps)
    if not settings.is_stream_batch and len(indices) != len(settings.t_index_list):
        wanted = len(settings.t_index_list)
        raise ValueError(f"expected {wanted} indices without stream batch, got {len(indices)}")
    return changed


def timesteps_of(t_index_list: Sequence[int], num_inference_steps: int) -> ListedTimesteps:
    """Return the timesteps that a list of indices names; with 50 steps, ``999 - 20 * index``."""
    check_t_index_list(t_index_list, num_inference_steps)
    grid = LcmTimesteps()(num_inference_steps)
    return ListedTimesteps(lists=(tuple(grid[index] for index in t_index_list),))


def buffer_settings(model: StableDiffusion, settings: StreamSettings) -> BufferSettings:
    """Return the rolling buffer's settings for a model and a stream."""
    num_steps = len(settings.t_index_list)
    diffusion = replace(
        STREAM_DIFFUSION.diffusion,
        schedule=model.schedule,
        timesteps=timesteps_of(settings.t_index_list, settings.num_inference_steps),
        prediction=model.prediction,
        solver=Solver.RENOISE if settings.do_add_noise else Solver.RESCALE,
        boundary=Boundary() if settings.is_consistency_model else None,
    )
    return replace(
        STREAM_DIFFUSION,
        diffusion=diffusion,
        levels=num_steps if settings.is_stream_batch else 1,
        micro=1 if settings.is_stream_batch else num_steps,
        chunk=settings.frame_buffer_size,
        entry=Entry.GIVEN if settings.from_text else Entry.NOISED,
        guidance=settings.cfg_type,
        residual=settings.residual,
    )
