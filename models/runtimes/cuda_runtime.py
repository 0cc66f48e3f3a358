"""NVIDIA GPUs: a module compiled, captured once as a CUDA graph, and replayed over memory that never moves.

A replay costs one launch instead of hundreds, makes no tensor and waits for nothing: results are in order on
the current stream. Weights and activations are half precision with channels last (the layout of tensor cores'
convolutions); inputs and outputs stay float32, and so do numbers of one dimension: timesteps up to 999 do
not fit into bfloat16.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from models.runtimes.protocol import Precision, RuntimeUnavailableError, Shape, check_inputs
from models.runtimes.torch_runtime import named_outputs

_DTYPES = {Precision.F32: torch.float32, Precision.BF16: torch.bfloat16, Precision.F16: torch.float16}
_WARM_UPS = 3  # before capture: allocations, autotuning and cuDNN's choices happen here
_PICTURE_DIMS = 4


class CudaGraphNetwork:
    """A module behind the call protocol; see ``protocol.Network``.

    Thread: the one that built it; others may submit other work meanwhile (the capture is thread-local).

    Args:
        module: Called as ``module(**inputs)``; moved to the GPU and to ``precision``, in place.
        example_inputs: One tensor per argument; their names, order and shapes are fixed here.
        output_names: Names for what the module returns, in order.
        precision: Arithmetic inside.
        is_compiled: Whether ``torch.compile`` fuses the module first (a minute, once).

    Raises:
        RuntimeUnavailableError: there is no NVIDIA GPU that torch can use.
    """

    def __init__(
        self,
        module: nn.Module,
        example_inputs: Mapping[str, Tensor],
        output_names: Sequence[str],
        precision: Precision,
        *,
        is_compiled: bool = True,
    ) -> None:
        if not torch.cuda.is_available():
            raise RuntimeUnavailableError(
                "A GPU was asked for, and torch finds no NVIDIA GPU.",
                hint="Install its driver and torch for CUDA, or choose another runtime.",
            )
        self._dtype = _DTYPES[precision]
        self._module = module.eval().to("cuda", self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._call = (
            torch.compile(self._module, mode="max-autotune-no-cudagraphs", dynamic=False)
            if is_compiled
            else self._module
        )
        self._input_shapes = {name: tuple(value.shape) for name, value in example_inputs.items()}
        self._output_names = tuple(output_names)
        self._inputs = {name: value.to("cuda", copy=True) for name, value in example_inputs.items()}
        self._graph = torch.cuda.CUDAGraph()
        self._outputs = self._capture()

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Shape of every input, in the order of the module's arguments."""
        return self._input_shapes

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._output_names

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Evaluate the module; the same mapping and tensors each time. See ``protocol.Network.run``.

        Cost: one copy per input and one launch; no synchronisation and no allocation.
        """
        check_inputs(inputs, self._input_shapes)
        for name, value in inputs.items():
            self._inputs[name].copy_(value, non_blocking=True)
        self._graph.replay()
        return self._outputs

    def _capture(self) -> dict[str, Tensor]:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.inference_mode(), torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                self._evaluate()
        torch.cuda.current_stream().wait_stream(side)
        with torch.inference_mode(), torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            return self._evaluate()

    def _evaluate(self) -> dict[str, Tensor]:
        inputs = {name: self._half(value) for name, value in self._inputs.items()}
        outputs = named_outputs(self._call(**inputs), self._output_names)
        return {name: value.float().contiguous() for name, value in outputs.items()}

    def _half(self, value: Tensor) -> Tensor:
        if not value.is_floating_point() or value.ndim <= 1:
            return value
        if value.ndim == _PICTURE_DIMS:
            return value.to(self._dtype, memory_format=torch.channels_last)
        return value.to(self._dtype)
