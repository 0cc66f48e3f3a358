"""Which runtime, precision and number of threads a machine gets, and why, in words.

The choice is a pure function of what was asked for and what the machine has. What was asked for is either
given or refused; only what was left open is filled in, and ``ChosenRuntime.reason`` says how.
"""

import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from torch import nn

from models.runtimes.free_memory import free_memory
from models.runtimes.openvino_library import cpu_precisions
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings, RuntimeUnavailableError

MAX_THREADS = 8  # beyond, networks of this size lose to their own synchronisation
_BYTES_PER_WEIGHT = {Precision.F32: 4, Precision.BF16: 2, Precision.F16: 2}


class ChoiceReason(Enum):
    """Why a runtime was picked; the value is a sentence for the user."""

    REQUESTED = "as asked for"
    BF16_CPU = "the fastest here: this CPU computes bf16 natively"
    F32_CPU = "the fastest here: this CPU has no bf16 arithmetic"
    PRECISION_REQUESTED = "the fastest runtime here, in the precision asked for"
    NO_OPENVINO = "slower: OpenVINO cannot be loaded here"
    NO_ROOM = "slower: the free memory does not hold these networks a second time, compiled for OpenVINO"


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """What matters about a machine for the choice.

    Attributes:
        openvino_precisions: What OpenVINO computes natively on this CPU; None when it cannot be loaded.
        num_cores: Cores this process may use, >= 1.
        free_bytes: Memory that is free, or None where that cannot be known: then nothing is too large.
    """

    openvino_precisions: frozenset[Precision] | None
    num_cores: int
    free_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MemoryNeed:
    """What compiled networks take beside the loaded ones.

    Attributes:
        num_weights: Weights of all compiled shapes that are held at a time.
        beside_bytes: What the session takes for other purposes.
    """

    num_weights: int
    beside_bytes: int = 0

    def num_bytes(self, precision: Precision) -> int:
        """Return all of it, compiled in ``precision``."""
        return self.num_weights * _BYTES_PER_WEIGHT[precision] + self.beside_bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenRuntime:
    """The settings to load networks with, and why these."""

    settings: RuntimeSettings
    reason: ChoiceReason

    @property
    def text(self) -> str:
        """One sentence for the log, ``doctor`` and the window."""
        settings = self.settings
        return (
            f"{settings.kind.value}, {settings.precision.value}, {settings.num_threads} threads "
            f"({self.reason.value})"
        )


def compiled_need(network: nn.Module, beside_bytes: int = 0) -> MemoryNeed:
    """Return what a session whose largest network this is takes.

    Two shapes count: while another quality or style is compiled, the one before still paints.

    Args:
        network: Loaded.
        beside_bytes: What the session takes for other purposes.
    """
    return MemoryNeed(
        num_weights=2 * sum(weight.numel() for weight in network.parameters()), beside_bytes=beside_bytes
    )


def probe_machine() -> Machine:
    """Look at this machine. Cost: loads OpenVINO (about 0.3 s, once)."""
    try:
        precisions: frozenset[Precision] | None = cpu_precisions()
    except RuntimeUnavailableError:
        precisions = None
    return Machine(
        openvino_precisions=precisions, num_cores=num_usable_cores(), free_bytes=free_memory("cpu")
    )


def num_usable_cores() -> int:
    """Return how many cores this process may run on (a container may allow fewer than there are)."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def choose_runtime(
    machine: Machine,
    *,
    kind: RuntimeKind | None = None,
    precision: Precision | None = None,
    num_threads: int | None = None,
    cache_folder: Path | None = None,
    need: MemoryNeed | None = None,
) -> ChosenRuntime:
    """Fill in what was left open.

    Args:
        machine: What there is (``probe_machine``).
        kind: The runtime wanted; None leaves it open (OpenVINO where it loads and fits, else torch).
        precision: The arithmetic wanted; None leaves it open (bf16 where it is native, else f32).
        num_threads: Threads wanted; None leaves it open (every usable core, at most ``MAX_THREADS``).
        cache_folder: Passed on (``RuntimeSettings.cache_folder``).
        need: What compiled networks would take of the memory; None: next to nothing.

    Raises:
        RuntimeUnavailableError: what was asked for cannot be had here.
    """
    native = machine.openvino_precisions
    if kind is RuntimeKind.OPENVINO and native is None:
        raise RuntimeUnavailableError(
            "OpenVINO was asked for and cannot be loaded.",
            hint="Reinstall it with `pip install openvino`, or choose the torch runtime.",
        )
    reason = _reason(native, precision) if kind is None else ChoiceReason.REQUESTED
    if kind is None:
        kind = RuntimeKind.TORCH if native is None else RuntimeKind.OPENVINO
    if kind is RuntimeKind.OPENVINO and native is not None:
        compiled = _openvino_precision(native, precision)
        if _has_room(machine, need, compiled, is_asked_for=reason is ChoiceReason.REQUESTED):
            precision = compiled
        else:
            kind, reason = RuntimeKind.TORCH, ChoiceReason.NO_ROOM
    settings = RuntimeSettings(
        kind=kind,
        precision=precision or Precision.F32,
        num_threads=num_threads or min(machine.num_cores, MAX_THREADS),
        cache_folder=cache_folder,
    )
    return ChosenRuntime(settings=settings, reason=reason)


def _reason(native: frozenset[Precision] | None, wanted: Precision | None) -> ChoiceReason:
    if native is None:
        return ChoiceReason.NO_OPENVINO
    if wanted is not None:
        return ChoiceReason.PRECISION_REQUESTED
    return ChoiceReason.BF16_CPU if Precision.BF16 in native else ChoiceReason.F32_CPU


def _has_room(machine: Machine, need: MemoryNeed | None, precision: Precision, *, is_asked_for: bool) -> bool:
    if need is None or machine.free_bytes is None or need.num_bytes(precision) <= machine.free_bytes:
        return True
    if is_asked_for:
        raise RuntimeUnavailableError(
            f"OpenVINO was asked for; compiled, these networks need {need.num_bytes(precision) / 1e9:.1f} GB "
            f"beside the loaded ones, and {machine.free_bytes / 1e9:.1f} GB are free.",
            hint="Close other programs, or choose the torch runtime, which needs no more.",
        )
    return False


def _openvino_precision(native: frozenset[Precision], wanted: Precision | None) -> Precision:
    if wanted is None:
        return Precision.BF16 if Precision.BF16 in native else Precision.F32
    if wanted not in native:
        raise RuntimeUnavailableError(
            f"{wanted.value} was asked for and this CPU computes {sorted(p.value for p in native)}.",
            hint="Leave the precision open, or choose one of these.",
        )
    return wanted
