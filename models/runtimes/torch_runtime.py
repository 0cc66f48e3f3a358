"""The plain reference runtime: the module itself, called by name.

Every other runtime is tested against it.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from models.runtimes.protocol import Precision, Shape, check_inputs

_DTYPES = {Precision.F32: torch.float32, Precision.BF16: torch.bfloat16, Precision.F16: torch.float16}


def named_outputs(result: object, names: Sequence[str]) -> dict[str, Tensor]:
    """Give names to what a module returned.

    Args:
        result: A tensor, a tuple or list of tensors in the order of ``names``, or a mapping that holds them.
        names: The outputs wanted.

    Returns:
        The tensors by name; not copied.

    Raises:
        ValueError: the number of tensors is not the number of names.
        KeyError: the mapping lacks a name.
        TypeError: something else than tensors came back.
    """
    if isinstance(result, Mapping):
        values = [result[name] for name in names]
    elif isinstance(result, (tuple, list)):
        values = list(result)
    else:
        values = [result]
    if len(values) != len(names):
        raise ValueError(f"expected {len(names)} outputs {list(names)}, got {len(values)}")
    for name, value in zip(names, values, strict=True):
        if not isinstance(value, Tensor):
            raise TypeError(f"expected a tensor for {name}, got {type(value).__name__}")
    return dict(zip(names, values, strict=True))


class TorchNetwork:
    """A module behind the call protocol; see ``protocol.Network``.

    The module is put into evaluation mode. Lower precisions use autocast, so weights stay float32.

    Args:
        module: Called as ``module(**inputs)``; must live on the device of the inputs.
        example_inputs: One tensor per argument; their names, order and shapes are fixed here.
        output_names: Names for what the module returns, in order.
        precision: Arithmetic inside.
    """

    def __init__(
        self,
        module: nn.Module,
        example_inputs: Mapping[str, Tensor],
        output_names: Sequence[str],
        precision: Precision = Precision.F32,
    ) -> None:
        self._module = module.eval()
        self._input_shapes = {name: tuple(value.shape) for name, value in example_inputs.items()}
        self._output_names = tuple(output_names)
        self._precision = precision
        self._device_type = next(iter(example_inputs.values())).device.type

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Shape of every input, in the order of the module's arguments."""
        return self._input_shapes

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return self._output_names

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Evaluate the module; the returned tensors are new. See ``protocol.Network.run``."""
        check_inputs(inputs, self._input_shapes)
        with torch.inference_mode(), self._arithmetic():
            outputs = named_outputs(self._module(**inputs), self._output_names)
        return {name: value.float() for name, value in outputs.items()}

    def _arithmetic(self) -> AbstractContextManager[object]:
        if self._precision is Precision.F32:
            return nullcontext()
        return torch.autocast(self._device_type, dtype=_DTYPES[self._precision])
