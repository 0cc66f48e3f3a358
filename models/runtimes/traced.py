"""A torch module as an OpenVINO model in memory, with fixed shapes: for networks beyond one ONNX file.

The model's constants are the module's own weights and no copies, so what compiling adds to the memory is the
compiled form alone (half the size of the weights in bfloat16). Nothing is written to disk: making the model
again takes no longer than reading gigabytes of compiled form would, and leaves the user's disk alone.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from models.runtimes.export import Positional
from models.runtimes.openvino_library import openvino


def trace_model(
    module: nn.Module, example_inputs: Mapping[str, Tensor], output_names: Sequence[str], num_threads: int
) -> Any:
    """Trace a module into an ``openvino.Model``.

    Args:
        module: Called as ``module(**inputs)``; put into evaluation mode. Its weights must not be changed in
            place as long as what is compiled of the model is in use: some are read where they lie.
        example_inputs: One tensor per argument, CPU. Their shapes become the model's; values do not matter,
            since the module must not branch on them.
        output_names: Names for what the module returns, in order.
        num_threads: Of torch, for the one evaluation that tracing takes.

    Returns:
        The model. An input that reaches no output is left out, as it is from an ONNX graph.

    Raises:
        RuntimeUnavailableError: OpenVINO cannot be loaded.
    """
    values = tuple(example_inputs.values())
    adapter = Positional(module, tuple(example_inputs), output_names).eval()
    # Tracing needs ordinary tensors, whatever mode the caller is in.
    with torch.inference_mode(mode=False), torch.no_grad(), warnings.catch_warnings(), _threads(num_threads):
        # Shapes are static on purpose, so what the tracer says about constants is intended; and it
        # announces its own successor.
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        traced = torch.jit.trace(adapter, values, check_trace=False)  # type: ignore[no-untyped-call]
        model = openvino().convert_model(traced, example_input=values)
    for port, name in zip(model.inputs, example_inputs, strict=True):
        port.get_tensor().set_names({name})
    model.reshape({name: list(value.shape) for name, value in example_inputs.items()})
    _write_out_group_norms(model)
    for port, name in zip(model.outputs, output_names, strict=True):
        port.get_tensor().set_names({name})
    for parameter in [port.get_node() for port in model.inputs if not port.get_target_inputs()]:
        model.remove_parameter(parameter)
    return model


def _write_out_group_norms(model: Any) -> None:
    """Write each group normalisation as the ONNX exporter does, by a mean and variance of reshaped groups.

    Left whole, it crashes the CPU plug-in of OpenVINO 2026.4 in float32 where it is scaled by a sum.
    """
    opset = openvino().opset13
    for node in model.get_ordered_ops():
        if node.get_type_name() != "GroupNormalization":
            continue
        value, scale, shift = (node.input_value(index) for index in range(3))
        shape, attributes = list(value.get_shape()), node.get_attributes()
        channels = [1, shape[1], *(1 for _ in shape[2:])]
        groups = opset.reshape(value, [shape[0], attributes["num_groups"], -1], special_zero=False)
        normal = opset.mvn(groups, [2], True, attributes["epsilon"], "inside_sqrt")
        whole = opset.reshape(normal, shape, special_zero=False)
        scaled = opset.multiply(whole, opset.reshape(scale, channels, special_zero=False))
        result = opset.add(scaled, opset.reshape(shift, channels, special_zero=False))
        for target in node.output(0).get_target_inputs():
            target.replace_source_output(result.output(0))


@contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
