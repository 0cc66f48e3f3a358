"""What the stylise mode asks of a system that paints: StreamDiffusion and Live2Diff behind one protocol.

    frame's conditions -> paint -> latents that became clean -> decode_latents -> pixels

The rooms know these two protocols and no system. A system comes with a ``PaintModel``, its checkpoint loaded
once, which makes a ``StreamPainter`` for each size of picture.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

from torch import Tensor

from engine.pipeline import Row
from engine.settings import Quality
from engine.stylise.settings import Closeness, StyliseSettings


class StreamPainter(Protocol):
    """One stream of pictures painted over. Thread: one, the worker's."""

    @property
    def warm_up_frames(self) -> int:
        """Frames with which it begins, painted together; 0: each by itself."""
        ...

    def paint(self, frame: Row) -> Sequence[Tensor]:
        """Take one frame in; return the latents of the frames that became clean, oldest first.

        Args:
            frame: ``pixels (1, 3, S, S)`` -1..1, and ``depth (1, h, w)``, near is large, where it is known.

        Returns:
            ``(1, C, h, w)`` each, none while it begins; views, valid until the next call.
        """
        ...

    def drain(self) -> Iterator[Tensor]:
        """Hand out the latents of what is under way, oldest first, and be as new."""
        ...

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Return a picture, ``(1, 3, S, S)``, about -1..1; the next call may overwrite it."""
        ...

    def pause(self) -> None:
        """There is no frame at this turn: those under way are not wanted any more.

        After many such turns, about 15 in a second, the next frame begins another scene.
        """
        ...

    def reset(self) -> None:
        """Forget all frames; what was chosen stays."""
        ...

    def set_prompt(self, prompt: str, negative_prompt: str | None = None) -> None:
        """Paint something else; None keeps the negative prompt. Raises ``ValueError`` for an empty one."""
        ...

    def set_closeness(self, closeness: Closeness) -> int:
        """Keep closer to the picture, or less; return how many of the newest frames under way are lost."""
        ...

    def set_seed(self, seed: int) -> None:
        """Change the noise."""
        ...

    def set_guidance(self, guidance_scale: float) -> None:
        """Change the guidance scale; nothing where a system has none. Raises ``ValueError`` below 1."""
        ...


Wish: TypeAlias = Callable[[StreamPainter], object]
"""A change that is made before the next frame."""


class PaintModel(Protocol):
    """A checkpoint, loaded."""

    @property
    def text(self) -> str:
        """One sentence: how it is run, and what else the user should know of it."""
        ...

    def painter(self, stylise: StyliseSettings, quality: Quality, seed: int) -> StreamPainter:
        """Return a stream at work. Slow.

        Raises:
            MemoryTooSmallError: It does not fit; the hint names what would.
        """
        ...

    def restyle(self, stylise: StyliseSettings) -> Wish:
        """Load another style or other LoRAs; return the change for a stream under way. Slow.

        Raises:
            SettingsError: The system cannot change its style while it runs.
            WeightsError: A file is missing, damaged or of another size.
            MemoryTooSmallError: Two styles at once do not fit.
        """
        ...
