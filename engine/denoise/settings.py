"""What a rolling buffer can be set to; presets of these are the published systems (``presets.py``).

Everything is frozen and chosen when the session is built. The enums name strategies that the buffer picks
once, at construction; nothing here is looked at in the hot loop.
"""

from dataclasses import dataclass
from enum import Enum

import torch

from models.diffusion.consistency import Boundary
from models.diffusion.prediction import Prediction
from models.diffusion.schedules import NoiseSchedule
from models.diffusion.solvers import Solver
from models.diffusion.timesteps import TimestepGrid


class Attend(Enum):
    """Who sees whom across frames inside the network. Frames lead in every tensor in all cases."""

    NOBODY = "nobody"
    """Each frame on its own; rows are a batch (StreamDiffusion)."""
    ALL_ROWS = "all_rows"
    """All frames of the buffer, both ways; rows are one time axis (RAIN, PersonaLive, pocket)."""
    OLDER_ROWS = "older_rows"
    """A frame sees its row and the older, cleaner ones: causal within the buffer."""
    OWN_LEVEL = "own_level"
    """The past of the same noise level, through a ring of keys and values (Live2Diff)."""


class Entry(Enum):
    """What enters at the noisy end."""

    NOISE = "noise"
    """Noise alone; no latents are handed in."""
    NOISED = "noised"
    """The latents handed in (the frame, or the reference), noised to the first level."""
    GIVEN = "given"
    """The latents handed in as they are, already at the first level (text to picture: a fresh draw)."""


class NoiseKind(Enum):
    """Which noise a frame enters with and is re-noised with."""

    OWN = "own"
    """Drawn once per frame; it travels with the row."""
    SHARED = "shared"
    """One draw for all frames and levels: steady pictures, the same grain everywhere."""
    PER_LEVEL = "per_level"
    """One fixed draw for each level, the same for all frames (StreamDiffusion)."""
    FRESH = "fresh"
    """Drawn anew for every step of every frame (RAIN)."""


class Boot(Enum):
    """How the buffer fills."""

    GROW = "grow"
    """It runs with 1..N rows; the first frames come out after N ticks (RAIN)."""
    DROP = "drop"
    """It always runs with N rows; what the missing ones would give is dropped (StreamDiffusion)."""
    ZEROS = "zeros"
    """As ``DROP`` among rings of keys and values, which remember the missing rows: all of them zeros,
    conditions included (Live2Diff's published code, for comparisons; see ``memory.RingStart``)."""
    FILL = "fill"
    """``RollingBuffer.fill`` puts N-1 noised rows in first; the first tick gives frames (PersonaLive)."""


class Drain(Enum):
    """How the last frames come out."""

    SHRINK = "shrink"
    """It runs with ever fewer rows."""
    REPEAT = "repeat"
    """The last frame is pushed again until it has come out; the number of rows stays."""


class Guidance(Enum):
    """How far the prediction is pushed towards the prompt."""

    NONE = "none"
    EMBEDDED = "embedded"
    """The scale is an input of the network, ``reference["guidance_scale"]``, ``(1,)`` (RAIN)."""
    FULL = "full"
    """Classifier-free: every frame is evaluated again, with the negative reference."""
    SELF = "self"
    """Away from the noise that a frame holds beside its own picture; costs no evaluation."""
    INITIALIZE = "initialize"
    """As ``SELF``, beside what the negative reference sees in the entering frame: one evaluation."""


class Residual(Enum):
    """How ``Guidance.SELF`` and ``Guidance.INITIALIZE`` know the noise that a frame holds."""

    EXACT = "exact"
    """From the frame's clean picture, at every step."""
    PUBLISHED = "published"
    """By the recursion of the published code, for comparisons: wrong for one step, where it feeds each
    frame's noise into the next, may grow without end, and takes the frames of a row for successive levels;
    and wrong where no noise is added again."""


NEEDS_NEGATIVE = frozenset({Guidance.FULL, Guidance.INITIALIZE})
"""What is guided by a negative reference."""

_RESIDUAL_GUIDANCE = frozenset({Guidance.SELF, Guidance.INITIALIZE})


class Landing(Enum):
    """At which timestep a step arrives."""

    NEXT = "next"
    """The next one of the grid, which is what the network is told then."""
    EVEN = "even"
    """A fixed stride below, training steps over steps, as the published LCM schedulers count. It is the next
    one of an even grid, and beside it by one where the number of steps does not divide: there the latents
    hold a little less or more noise than the network is told. For comparisons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionSettings:
    """The mathematics of one system.

    Attributes:
        schedule: Noise level of each timestep.
        timesteps: Grid that gives N * s timesteps.
        prediction: Meaning of the network's output.
        solver: How a step gets to the next level.
        boundary: Scalings of a consistency model, or None; with ``RENOISE`` and ``RESCALE`` only.
        landing: At which timestep a step arrives.
    """

    schedule: NoiseSchedule
    timesteps: TimestepGrid
    prediction: Prediction
    solver: Solver
    boundary: Boundary | None = None
    landing: Landing = Landing.NEXT

    def __post_init__(self) -> None:
        """Refuse scalings that the solver would not use as meant. Raises ``ValueError``."""
        if self.boundary is not None and self.solver not in (Solver.RENOISE, Solver.RESCALE):
            raise ValueError(f"boundary scalings belong to {Solver.RENOISE}, not to {self.solver}")


@dataclass(frozen=True, slots=True, kw_only=True)
class BufferSettings:
    """One system as the rolling buffer sees it.

    Attributes:
        diffusion: The mathematics.
        levels: Rows N, one noise level each; each costs a tick of delay.
        chunk: Frames c of a row; a row moves only when c new frames are there.
        micro: Evaluations s of each row before the conveyor moves.
        attend: Who sees whom; decides what ``boot`` may be.
        entry: What enters at the noisy end.
        noise: Which noise.
        boot: How the buffer fills.
        drain: How the last frames come out.
        guidance: How far towards the prompt.
        residual: How the guidance without a second evaluation knows a frame's noise.
    """

    diffusion: DiffusionSettings
    levels: int
    chunk: int
    micro: int = 1
    attend: Attend
    entry: Entry
    noise: NoiseKind
    boot: Boot
    drain: Drain
    guidance: Guidance = Guidance.NONE
    residual: Residual = Residual.EXACT

    def __post_init__(self) -> None:
        """Refuse counts below 1 and settings that contradict each other. Raises ``ValueError``."""
        for name, count in (("levels", self.levels), ("chunk", self.chunk), ("micro", self.micro)):
            if count < 1:
                raise ValueError(f"{name} must be at least 1, got {count}")
        if self.boot is Boot.DROP and self.attend is not Attend.NOBODY:
            raise ValueError(
                f"{self.boot} would let frames see junk rows under {self.attend}: use {Boot.GROW}"
            )
        if self.attend is Attend.OWN_LEVEL and self.boot not in (Boot.GROW, Boot.ZEROS):
            raise ValueError(f"{self.attend} needs {Boot.GROW}, got {self.boot}")
        if self.boot is Boot.ZEROS and self.attend is not Attend.OWN_LEVEL:
            raise ValueError(f"{self.boot} goes with {Attend.OWN_LEVEL}, got {self.attend}")
        self._check_guidance()

    def _check_guidance(self) -> None:
        if self.attend is Attend.OWN_LEVEL and self.guidance is Guidance.FULL:
            raise ValueError(f"{self.guidance} would write the ring of {self.attend} twice in each step")
        if self.guidance is Guidance.INITIALIZE and self.attend is not Attend.NOBODY:
            raise ValueError(f"{self.guidance} evaluates entering frames alone, got {self.attend}")
        if self.residual is Residual.PUBLISHED and self.micro > 1:
            raise ValueError(f"the published recursion knows one step a tick, got {self.micro}")

    @property
    def guides_by_residual(self) -> bool:
        """Whether the guidance works on the noise that each frame holds."""
        return self.guidance in _RESIDUAL_GUIDANCE


@dataclass(frozen=True, slots=True, kw_only=True)
class LatentSpec:
    """The tensors that the buffer holds.

    Attributes:
        shape: ``(C, h, w)`` of one frame.
        dtype: Of latents and noise; float32 or wider keeps the steps exact, whatever the network runs in.
        device: Where they live.
    """

    shape: tuple[int, int, int]
    dtype: torch.dtype = torch.float32
    device: str = "cpu"
