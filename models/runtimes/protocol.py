"""The one call that every runtime answers, and the settings that pick a runtime.

A network is a torch module in the rest of ``models/``; here it becomes something that is called with named
tensors and returns named tensors. Names and shapes are fixed when it is loaded, so that the caller can swap
torch for a compiled runtime without a change to the hot loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from torch import Tensor

Shape = tuple[int, ...]


class RuntimeKind(Enum):
    """Which library does the arithmetic."""

    TORCH = "torch"
    OPENVINO = "openvino"
    CUDA = "cuda"


class Precision(Enum):
    """Format of the arithmetic inside the network; inputs and outputs stay float32."""

    F32 = "f32"
    BF16 = "bf16"
    F16 = "f16"


class RuntimeUnavailableError(RuntimeError):
    """The wanted runtime or precision cannot be had on this machine.

    Args:
        message: One sentence with what was wanted.
        hint: One sentence that says what to do.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


@dataclass(frozen=True, kw_only=True, slots=True)
class RuntimeSettings:
    """How a network is to be run.

    Attributes:
        kind: The library.
        precision: The arithmetic inside; never changed behind the caller's back.
        num_threads: Threads for one call, >= 1.
        cache_folder: Where exported and compiled graphs are kept for the next start; None keeps nothing.
    """

    kind: RuntimeKind
    precision: Precision
    num_threads: int
    cache_folder: Path | None = None

    def __post_init__(self) -> None:
        if self.num_threads < 1:
            raise ValueError(f"num_threads must be >= 1, got {self.num_threads}")


class Network(Protocol):
    """A loaded network. Thread: one caller at a time."""

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Shape of every input, in the order of the module's arguments."""
        ...

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        ...

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Evaluate the network once.

        Args:
            inputs: Every name of ``input_shapes``, and no other, with exactly that shape. They may be kept
                until the next call (so that memory which does not move is bound once) and are never written.

        Returns:
            Every output by name, float32. **The mapping and its tensors may be overwritten by the next
            call**: copy what has to live longer.

        Raises:
            KeyError: a name is missing or unknown.
            ValueError: a shape differs from the one fixed at load.
            TypeError: a dtype differs from the one fixed at load.
        """
        ...


def check_inputs(inputs: Mapping[str, Tensor], shapes: Mapping[str, Shape]) -> None:
    """Compare the call with what was fixed at load. Raises as ``Network.run`` says."""
    if inputs.keys() != shapes.keys():
        raise KeyError(f"expected the inputs {sorted(shapes)}, got {sorted(inputs)}")
    for name, shape in shapes.items():
        if tuple(inputs[name].shape) != shape:
            raise ValueError(f"expected {name} of shape {shape}, got {tuple(inputs[name].shape)}")
