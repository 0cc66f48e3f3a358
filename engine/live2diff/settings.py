"""What one Live2Diff stream is built from (arXiv:2407.08701)."""

from dataclasses import dataclass, field, replace

from engine.condition.depth import RangeSettings
from engine.condition.scene import SceneSettings
from engine.denoise.memory import KvFormat
from engine.denoise.presets import LIVE2DIFF
from engine.denoise.settings import BufferSettings
from models.diffusion.timesteps import StrengthTimesteps
from models.networks.stable_diffusion import LATENT_STRIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Live2DiffSettings:
    """One stream.

    Attributes:
        width, height: Of the pictures in pixels, multiples of 8.
        levels: N; each costs 1.52 GB at 512 x 512 in float16, and one frame of delay.
        strength: How free of the picture, above 0 up to 1; the published styles use 0.4 and 0.5.
        prompt: What to paint.
        clip_skip: Last layers of the text encoder that are left out; the published styles use 2.
        kv_format: How keys and values are kept.
        depth_range: How fast the range of depth follows.
        scene: When a change of the picture is a cut.
        seed: Of the noise.
    """

    width: int = 512
    height: int = 512
    levels: int = 2
    strength: float = 0.4
    prompt: str = "a portrait, best quality"
    clip_skip: int = 2
    kv_format: KvFormat = KvFormat.NATIVE
    depth_range: RangeSettings = field(default_factory=RangeSettings)
    scene: SceneSettings = field(default_factory=SceneSettings)
    seed: int = 2

    def __post_init__(self) -> None:
        """Refuse what no stream can be. Raises ``ValueError`` with what was expected and what came."""
        for name, side in (("width", self.width), ("height", self.height)):
            if side <= 0 or side % LATENT_STRIDE:
                raise ValueError(
                    f"expected a {name} that is a positive multiple of {LATENT_STRIDE}, got {side}"
                )
        StrengthTimesteps(strength=self.strength)(self.levels)

    @property
    def system(self) -> BufferSettings:
        """The rolling buffer's settings."""
        timesteps = StrengthTimesteps(strength=self.strength)
        diffusion = replace(LIVE2DIFF.diffusion, timesteps=timesteps)
        return replace(LIVE2DIFF, levels=self.levels, diffusion=diffusion)
