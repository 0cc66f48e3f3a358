"""The pocket networks at work: loaded once, compiled per quality, one conditioner per avatar.

Importing this module loads torch. Thread: one caller at a time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch import Tensor

from engine.condition.pocket import PocketConditioner
from engine.decode import PocketDecoder
from engine.denoise.attending import pocket_buffer
from engine.denoise.presets import pocket_system
from engine.errors import RuntimeMissingError, WeightsError
from engine.paths import graphs_dir
from engine.pipeline import Machinery
from engine.settings import Precision, Quality, RuntimeChoice, Settings
from engine.types import Avatar
from models.checkpoints.pocket import PocketWeightsError, load_pocket
from models.networks.pocket import PocketNetworks
from models.runtimes.choose import ChosenRuntime, MemoryNeed, choose_runtime, probe_machine
from models.runtimes.protocol import Precision as NetworkPrecision
from models.runtimes.protocol import RuntimeKind, RuntimeSettings, RuntimeUnavailableError

_KINDS = {
    RuntimeChoice.AUTO: None,
    RuntimeChoice.OPENVINO: RuntimeKind.OPENVINO,
    RuntimeChoice.TORCH: RuntimeKind.TORCH,
}
_PRECISIONS = {
    Precision.AUTO: None,
    Precision.BF16: NetworkPrecision.BF16,
    Precision.F32: NetworkPrecision.F32,
}


class PocketStudio:
    """The built-in model on one runtime.

    Args:
        networks: The pocket networks.
        runtime: How they are run.
        runtime_text: The same in words, with the reason.
    """

    def __init__(self, networks: PocketNetworks, runtime: RuntimeSettings, runtime_text: str) -> None:
        self._networks = networks
        self._runtime = runtime
        self._runtime_text = runtime_text

    @property
    def runtime_text(self) -> str:
        """One sentence: which library runs the networks, how, and why."""
        return self._runtime_text

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        """Return buffer and decoder, compiled for every number of rows that boot and drain meet."""
        chunk, size = quality.chunk, quality.size
        system = pocket_system(quality.levels, chunk)
        buffer = pocket_buffer(self._networks, self._runtime, size, system, seed)
        decoder = PocketDecoder(self._networks, self._runtime, chunk, size)
        return Machinery(buffer=buffer, decoder=decoder, join=joined, chunk=chunk)

    def conditioner(self, avatar: Avatar, size: int) -> PocketConditioner:
        """Return ``avatar`` as tensors for pictures of ``size``."""
        return PocketConditioner(self._networks, avatar, size)


def choose(settings: Settings, need: MemoryNeed | None = None) -> ChosenRuntime:
    """Return the runtime that ``settings`` and this machine lead to.

    Args:
        settings: Runtime and precision.
        need: What the networks take of the memory once they are compiled; None: next to nothing.

    Raises:
        RuntimeMissingError: this machine lacks the runtime, the precision or the memory.
    """
    kind = _KINDS[settings.runtime]
    try:
        return choose_runtime(
            probe_machine(), kind=kind, precision=_PRECISIONS[settings.precision], need=need
        )
    except RuntimeUnavailableError as error:
        raise RuntimeMissingError(error.message, hint=error.hint) from error


def open_studio(settings: Settings, weights: Path | None = None) -> PocketStudio:
    """Load the networks for the runtime that ``settings`` choose.

    Args:
        settings: Runtime and precision.
        weights: A weights file; None: the one that ships.

    Raises:
        WeightsError: the weights are missing or damaged.
        RuntimeMissingError: this machine lacks the runtime or the precision.
    """
    chosen = choose(settings)
    # The stages' own small tensor work is too little to share between threads; the runtime has its own.
    torch.set_num_threads(1)
    runtime = replace(chosen.settings, cache_folder=graphs_dir())
    return PocketStudio(load_networks(weights), runtime, chosen.text)


def load_networks(path: Path | None = None) -> PocketNetworks:
    """Load the pocket networks, those that ship by default. Raises ``WeightsError``."""
    hint = "Install Understudy again: its weights are missing or damaged."
    try:
        if path is not None:
            return load_pocket(path)
        with as_file(files("assets") / "pocket" / "pocket.safetensors") as shipped:
            return load_pocket(shipped)
    except (PocketWeightsError, FileNotFoundError) as error:
        raise WeightsError(f"{error}.", hint=hint) from error


def joined(rows: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Return the conditions of c frames as one row's, each ``(c, ...)``."""
    return {name: torch.cat([row[name] for row in rows]) for name in rows[0]}
