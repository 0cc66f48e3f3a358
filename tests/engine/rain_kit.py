"""What tests of RAIN share: tiny files in the published layout, their networks at work, a small quality."""

from pathlib import Path

from engine.rain_studio import RainStudio
from engine.settings import Model, Precision, Quality, RuntimeChoice, Settings
from models.checkpoints.rain import RainNetworks, load_rain
from models.checkpoints.rain_encoders import load_rain_encoders
from models.runtimes.protocol import Precision as NetworkPrecision
from models.runtimes.protocol import RuntimeKind, RuntimeSettings
from tests.models.checkpoints.rain_files import TINY, write_rain
from tests.models.checkpoints.test_rain_encoders import write_encoders

SETTINGS = Settings(model=Model.RAIN, runtime=RuntimeChoice.TORCH, precision=Precision.F32)


class SmallQuality(Quality):
    """Smaller than the product offers, so that tests are quick."""

    def __post_init__(self) -> None:
        """Allow any size."""


QUALITY = SmallQuality(size=64, levels=2, chunk=2)


def write_files(folder: Path) -> Path:
    """Write all that RAIN is loaded from; returns the folder."""
    write_rain(folder)
    write_encoders(folder)
    return folder


def studio_of(files: Path, networks: RainNetworks | None = None) -> RainStudio:
    """Return the files' networks at work on one thread of torch, or others with the files' encoders."""
    runtime = RuntimeSettings(kind=RuntimeKind.TORCH, precision=NetworkPrecision.F32, num_threads=1)
    networks = networks or load_rain(files, files / "cache", TINY)
    return RainStudio(networks, load_rain_encoders(files), runtime, "torch, f32")
