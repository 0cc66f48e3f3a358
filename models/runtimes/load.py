"""From a torch module to a loaded network: the one call that the stages use."""

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from models.runtimes.cuda_runtime import CudaGraphNetwork
from models.runtimes.export import export_onnx, fits_one_file
from models.runtimes.graph_cache import GraphCache
from models.runtimes.openvino_runtime import compile_openvino
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings
from models.runtimes.torch_runtime import TorchNetwork
from models.runtimes.traced import trace_model

K = TypeVar("K", bound=Hashable)


def load_network(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor],
    output_names: Sequence[str],
    settings: RuntimeSettings,
) -> Network:
    """Prepare a module to be called with tensors of the examples' shapes.

    With the torch runtime, ``num_threads`` holds for the whole process, since torch has one thread pool.

    Args:
        module: Called as ``module(**inputs)``; put into evaluation mode.
        example_inputs: One tensor per argument, float32 (or integer), CPU.
        output_names: Names for what the module returns (a tensor, a tuple in this order, or a mapping).
        settings: Runtime, precision, threads, and where graphs are kept.

    Raises:
        RuntimeUnavailableError: this machine lacks the runtime or the precision.
        ValueError: an input reaches no output (OpenVINO).
    """
    if settings.kind is RuntimeKind.TORCH:
        torch.set_num_threads(settings.num_threads)
        return TorchNetwork(module, example_inputs, output_names, settings.precision)
    if settings.kind is RuntimeKind.CUDA:
        return CudaGraphNetwork(module, example_inputs, output_names, settings.precision)
    graph = _graph_of(module, example_inputs, output_names, settings)
    return compile_openvino(graph, (*example_inputs, *output_names), settings)


def _graph_of(
    module: nn.Module,
    example_inputs: Mapping[str, Tensor],
    output_names: Sequence[str],
    settings: RuntimeSettings,
) -> bytes | Path | Any:
    """Return what OpenVINO compiles: a file that is kept, or a model in memory where no file can hold it."""
    if not fits_one_file(module):
        return trace_model(module, example_inputs, output_names, settings.num_threads)
    if settings.cache_folder is None:
        return export_onnx(module, example_inputs, output_names)
    return GraphCache(settings.cache_folder).onnx(module, example_inputs, output_names)


def takes_gigabytes_a_shape(module: nn.Module, settings: RuntimeSettings) -> bool:
    """Return whether each shape of a network, once compiled, holds gigabytes of weights once more."""
    return settings.kind is RuntimeKind.OPENVINO and not fits_one_file(module)


def in_passing(module: nn.Module, settings: RuntimeSettings) -> RuntimeSettings:
    """Return how a network is run at shapes that it meets only now and then: filling, emptying, warming up.

    A large network is compiled at the shape of every tick alone; at the others torch runs it over the weights
    that are there.
    """
    if takes_gigabytes_a_shape(module, settings):
        return replace(settings, kind=RuntimeKind.TORCH, precision=Precision.F32)
    return settings


class NetworkPool(Generic[K]):
    """Networks for a fixed set of shapes, each built when first asked for; the least used one goes first.

    A session asks with what decides the shapes, such as ``(N, c, size)``; while it does not change them,
    ``get`` is a dictionary look-up. Thread: one caller at a time.

    Args:
        build: Makes the network for a key (slow: export and compilation).
        capacity: Networks kept, >= 1.
    """

    def __init__(self, build: Callable[[K], Network], *, capacity: int = 4) -> None:
        if capacity < 1:
            raise ValueError(f"capacity must be >= 1, got {capacity}")
        self._build = build
        self._capacity = capacity
        self._networks: OrderedDict[K, Network] = OrderedDict()

    def get(self, key: K) -> Network:
        """Return the network for ``key``, building it when it is not there."""
        if key not in self._networks:
            self._networks[key] = self._build(key)
        self._networks.move_to_end(key)
        while len(self._networks) > self._capacity:
            self._networks.popitem(last=False)
        return self._networks[key]
