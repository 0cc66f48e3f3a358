"""What a stream begins with, and its changes while it runs (``StreamDiffusion.update_stream_params``)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.denoise.noise import Seed, SeedBlend
from engine.streamdiffusion.options import StreamChanges, check_number, seed_of
from engine.streamdiffusion.stylist import Prompts
from models.diffusion.blending import Interpolation


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What a stream begins with; changes are kept here for pictures from text, which begin later."""

    prompts: Prompts
    negative: str
    interpolation: Interpolation = Interpolation.LINEAR
    guidance_scale: float
    delta: float
    seed: Seed

    def __post_init__(self) -> None:
        """Refuse what is no text (``TypeError``) and no finite number (``ValueError``)."""
        for text in (*(prompt for prompt, _ in self.prompts), self.negative):
            if not isinstance(text, str):
                raise TypeError(f"expected a prompt that is one text, got {text!r}")
        check_number("guidance_scale", self.guidance_scale, 0.0)
        check_number("delta", self.delta, 0.0)


def changed(start: Started, changes: StreamChanges) -> Started:
    """Return ``start`` with changes; what is None stays. Raises ``ValueError``."""
    seeds = changes.get("seed_list")
    blend = None
    if seeds is not None:
        blend = _blend(seeds, changes.get("seed_interpolation_method", "linear"))
    wanted: dict[str, Any] = {
        "prompts": changes.get("prompt_list"),
        "negative": changes.get("negative_prompt"),
        "interpolation": _way(changes.get("prompt_interpolation_method")),
        "guidance_scale": changes.get("guidance_scale"),
        "delta": changes.get("delta"),
        "seed": _seed(changes.get("seed")) if blend is None else blend,
    }
    return replace(start, **{name: value for name, value in wanted.items() if value is not None})


def restarts_noise(changes: StreamChanges) -> bool:
    """Whether the noise starts again: a seed was said, be it the present one."""
    return changes.get("seed") is not None or changes.get("seed_list") is not None


def _seed(seed: int | None) -> int | None:
    return None if seed is None else seed_of(seed)


def _way(name: str | None) -> Interpolation | None:
    if name is None:
        return None
    names = [way.value for way in Interpolation]
    if name not in names:
        raise ValueError(f"expected an interpolation of {', '.join(names)}, got {name!r}")
    return Interpolation(name)


def _blend(seeds: Sequence[tuple[int, float]], method: str) -> SeedBlend:
    return SeedBlend(
        seeds=tuple(seed_of(seed) for seed, _ in seeds),
        weights=tuple(weight for _, weight in seeds),
        interpolation=_way(method) or Interpolation.LINEAR,
    )
