"""OpenVINO on the CPU: a graph, compiled for fixed shapes, run over torch's memory without copies.

Inputs are bound where they lie: a tensor that stays in place is bound once, another one is bound again, and
only a tensor that is not contiguous is copied. Outputs are tensors allocated at load, which OpenVINO writes.
"""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from models.runtimes.openvino_library import core, cpu_precisions, openvino
from models.runtimes.protocol import (
    Precision,
    RuntimeKind,
    RuntimeSettings,
    RuntimeUnavailableError,
    Shape,
    check_inputs,
)

_log = logging.getLogger(__name__)


def compile_openvino(
    graph: bytes | Path | Any, names: Collection[str], settings: RuntimeSettings
) -> "OpenVinoNetwork":
    """Compile a graph with static shapes for this machine's CPU.

    Args:
        graph: An ONNX file's bytes, its path (then the compiled form can be cached), or an
            ``openvino.Model``.
        names: Of all inputs and outputs, as given at export.
        settings: ``precision`` is set on purpose, never left to the library's default. In ``cache_folder``
            OpenVINO keeps the compiled form of a graph that is given by path.

    Raises:
        RuntimeUnavailableError: the CPU does not compute in that precision.
        ValueError: the settings are for another runtime, the graph's shapes are not static, or it lacks a
            name: that input reaches no output.
        RuntimeError: the graph is damaged, or holds an operation that OpenVINO does not know.
    """
    if settings.kind is not RuntimeKind.OPENVINO:
        raise ValueError(f"expected settings for {RuntimeKind.OPENVINO}, got {settings.kind}")
    if settings.precision not in cpu_precisions():
        raise RuntimeUnavailableError(
            f"This CPU does not compute in {settings.precision.value}.",
            hint=f"Choose {Precision.F32.value}.",
        )
    config = _cpu_config(settings)
    if isinstance(graph, Path) and settings.cache_folder is not None:
        try:
            cached = core().compile_model(graph, "CPU", config | {"CACHE_DIR": str(settings.cache_folder)})
            return _whole(cached, names)
        except RuntimeError as error:  # OpenVINO names no finer type; a damaged graph fails again below
            _log.warning("compiled graphs are not kept, so every start compiles again: %s", error)
    model = core().read_model(graph) if isinstance(graph, bytes | Path) else graph
    return _whole(core().compile_model(model, "CPU", config), names)


def _whole(compiled: Any, names: Collection[str]) -> "OpenVinoNetwork":
    """Return the network of a compiled graph that has all the names."""
    network = OpenVinoNetwork(compiled, names)
    lost = sorted({*names} - {*network.input_shapes, *network.output_names})
    if lost:
        raise ValueError(f"expected every input to reach an output, but {lost} reaches none")
    return network


def compile_onnx_file(path: Path, settings: RuntimeSettings) -> "OpenVinoNetwork":
    """Compile a published ONNX file for one picture at a time; its own names are kept.

    Args:
        path: The file. Dimensions that it leaves open (the batch) become 1.
        settings: As for ``compile_openvino``.

    Raises:
        RuntimeUnavailableError: the CPU does not compute in that precision.
        ValueError: there is no such file, or it is no graph that OpenVINO can read.
    """
    if settings.precision not in cpu_precisions():
        raise RuntimeUnavailableError(
            f"This CPU does not compute in {settings.precision.value}.",
            hint=f"Choose {Precision.F32.value}.",
        )
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    try:
        model = core().read_model(path)
        model.reshape({port.any_name: _closed(port.partial_shape) for port in model.inputs})
        compiled = core().compile_model(model, "CPU", _cpu_config(settings))
    except RuntimeError as error:  # OpenVINO names no finer type
        first = (str(error).splitlines() or [""])[0]
        raise ValueError(f"{path} cannot be read: half a download? ({first})") from error
    return OpenVinoNetwork(compiled, [port.any_name for port in (*compiled.inputs, *compiled.outputs)])


def _closed(shape: Any) -> list[int]:
    return [dimension.get_length() if dimension.is_static else 1 for dimension in shape]


def _cpu_config(settings: RuntimeSettings) -> dict[str, object]:
    return {
        "INFERENCE_PRECISION_HINT": settings.precision.value,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": settings.num_threads,
        # Pinned threads would hold their cores against the tracker's; the scheduler balances the two better.
        "ENABLE_CPU_PINNING": False,
    }


@dataclass(frozen=True, slots=True)
class _Binding:
    """A tensor whose memory the request reads, and where that is."""

    tensor: Tensor  # held, so that the memory outlives the binding
    address: int


class OpenVinoNetwork:
    """A compiled graph behind the call protocol; see ``protocol.Network``.

    Cost: no allocation of tensors per call; binding a tensor that moved costs a few microseconds.

    Args:
        compiled: An ``openvino.CompiledModel`` whose shapes are static.
        names: Of all inputs and outputs, as given at export.

    Raises:
        ValueError: a shape is not static, or a port has none of the names.
    """

    def __init__(self, compiled: Any, names: Collection[str]) -> None:
        for port in (*compiled.inputs, *compiled.outputs):
            if not port.partial_shape.is_static:
                raise ValueError(f"expected static shapes, got {port.partial_shape} for {port.any_name}")
        self._request = compiled.create_infer_request()
        self._input_shapes = {_name(port, names): tuple(port.shape) for port in compiled.inputs}
        self._input_index = {name: index for index, name in enumerate(self._input_shapes)}
        self._inputs = {_name(port, names): _empty_like(port) for port in compiled.inputs}
        self._bindings = {name: self._bind(name, buffer) for name, buffer in self._inputs.items()}
        self._outputs = {_name(port, names): _empty_like(port) for port in compiled.outputs}
        for index, buffer in enumerate(self._outputs.values()):
            self._request.set_output_tensor(index, _shared(buffer))

    @property
    def input_shapes(self) -> Mapping[str, Shape]:
        """Shape of every input, in the order of the module's arguments."""
        return self._input_shapes

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(self._outputs)

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Evaluate the graph; the same mapping and tensors each time. See ``protocol.Network.run``."""
        check_inputs(inputs, self._input_shapes)
        for name, value in inputs.items():
            self._offer(name, value)
        self._request.start_async(None, share_inputs=True)
        self._request.wait()
        return self._outputs

    def _offer(self, name: str, value: Tensor) -> None:
        buffer = self._inputs[name]
        if value.dtype is not buffer.dtype:
            raise TypeError(f"expected {name} as {buffer.dtype}, got {value.dtype}")
        if not value.is_contiguous():
            value = buffer.copy_(value)
        if value.data_ptr() != self._bindings[name].address:
            self._bindings[name] = self._bind(name, value)

    def _bind(self, name: str, value: Tensor) -> _Binding:
        self._request.set_input_tensor(self._input_index[name], _shared(value.detach()))
        return _Binding(value, value.data_ptr())


def _name(port: Any, names: Collection[str]) -> str:
    """Return the name given at export; a port that an operation was folded into carries that one's, too."""
    for name in names:
        if name in port.names:
            return name
    raise ValueError(f"expected a port named one of {sorted(names)}, got {sorted(port.names)}")


def _shared(tensor: Tensor) -> Any:
    """Return an ``openvino.Tensor`` over the same memory."""
    return openvino().Tensor(tensor.numpy(), shared_memory=True)


def _empty_like(port: Any) -> Tensor:
    """Allocate a tensor of a port's shape and element type."""
    # By way of numpy: OpenVINO names element types as numpy does, torch does not.
    return torch.from_numpy(openvino().Tensor(port.element_type, port.shape).data.copy())
