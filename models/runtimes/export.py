"""A torch module as an ONNX graph with fixed shapes, and the cache that saves doing it twice.

The TorchScript exporter (``dynamo=False``) is used: it takes half a second for a small network, and the
graphs it writes are read by every compiled runtime.
"""

import hashlib
import inspect
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from enum import Enum
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor, nn

from models.runtimes.torch_runtime import named_outputs

OPSET = 18  # GridSample came with 16, GroupNormalization with 18
_LARGEST_FILE_BYTES = 2**31  # of an ONNX file that holds its own weights
_BYTES_PER_WEIGHT = 4  # graphs are exported in float32


class Positional(nn.Module):
    """Calls a module by name from positions, since a traced graph numbers its inputs and outputs.

    Args:
        module: Called as ``module(**inputs)``.
        input_names: In the order of the positions.
        output_names: Of what it returns, in order.
    """

    def __init__(self, module: nn.Module, input_names: Sequence[str], output_names: Sequence[str]) -> None:
        super().__init__()
        self.module = module
        self.input_names = tuple(input_names)
        self.output_names = tuple(output_names)

    def forward(self, *values: Tensor) -> tuple[Tensor, ...]:
        """Return the outputs in order."""
        result = self.module(**dict(zip(self.input_names, values, strict=True)))
        return tuple(named_outputs(result, self.output_names).values())


def export_onnx(
    module: nn.Module, example_inputs: Mapping[str, Tensor], output_names: Sequence[str]
) -> bytes:
    """Trace a module into an ONNX graph.

    Args:
        module: Called as ``module(**inputs)``; put into evaluation mode.
        example_inputs: One tensor per argument, CPU. Their shapes become the graph's; values do not matter,
            since the module must not branch on them.
        output_names: Names for what the module returns, in order.

    Returns:
        The ONNX file, weights included (< 2 GB, see ``fits_one_file``). An input that reaches no output is
        left out.
    """
    # The exporter leaves every part in the mode of the whole, so the whole is put into evaluation mode.
    adapter = Positional(module, tuple(example_inputs), output_names).eval()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(), warnings.catch_warnings():
        # Shapes are static on purpose, so what the tracer says about constants is intended; and it
        # announces its own successor.
        warnings.simplefilter("ignore", torch.jit._trace.TracerWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        path = Path(folder, "graph.onnx")
        torch.onnx.export(
            adapter,
            tuple(example_inputs.values()),
            path,
            input_names=list(example_inputs),
            output_names=list(output_names),
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def fits_one_file(module: nn.Module) -> bool:
    """Return whether an ONNX file can hold a module with its weights; larger ones go through ``traced``."""
    weights = sum(weight.numel() for weight in module.parameters())
    return weights * _BYTES_PER_WEIGHT < _LARGEST_FILE_BYTES


def export_key(module: nn.Module, example_inputs: Mapping[str, Tensor], output_names: Sequence[str]) -> str:
    """Return a digest of everything that decides the exported graph.

    That is: weights and buffers, structure and hyper-parameters (``repr``, and each part's plain attributes),
    the source files beside each class, names, shapes and dtypes, and the versions of torch and of this
    exporter. Cost: about 1 ms per MB of weights.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{torch.__version__}|{OPSET}|{_own_version()}|{module!r}|{list(output_names)}".encode())
    for name, value in example_inputs.items():
        digest.update(f"{name}{tuple(value.shape)}{value.dtype}".encode())
    for name, part in module.named_modules():
        digest.update(f"{name}{_plain_attributes(part)}".encode())
    # Not state_dict: that leaves out the buffers that are not saved, and tracing makes them constants.
    for name, weight in (*module.named_parameters(), *module.named_buffers()):
        digest.update(f"{name}{tuple(weight.shape)}{weight.dtype}".encode())
        digest.update(weight.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    for source in _sources(module):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _own_version() -> str:
    try:
        return metadata.version("understudy")
    except metadata.PackageNotFoundError:  # a checkout that was never installed: the sources decide
        return "checkout"


def _plain_attributes(part: nn.Module) -> list[str]:
    plain = (bool, int, float, str, tuple, Enum)
    attributes = {name: value for name, value in vars(part).items() if name != "training"}
    return sorted(f"{name}={value!r}" for name, value in attributes.items() if isinstance(value, plain))


def _sources(module: nn.Module) -> list[Path]:
    """Python files of the packages that define the module's classes, torch's own left out."""
    folders: set[Path] = set()
    for part in module.modules():
        if type(part).__module__.split(".")[0] == "torch":
            continue
        try:
            folders.add(Path(inspect.getfile(type(part))).parent)
        except (OSError, TypeError):  # defined interactively or frozen: nothing on disk can change
            continue
    return sorted(path for folder in folders for path in folder.glob("*.py"))
