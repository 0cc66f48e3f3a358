"""CUDA graphs: the same numbers as torch, in memory that stays. Skipped where there is no GPU."""

import pytest
import torch

from models.runtimes.load import load_network
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings, RuntimeUnavailableError
from models.runtimes.torch_runtime import TorchNetwork

HAS_GPU = torch.cuda.is_available()
needs_gpu = pytest.mark.skipif(not HAS_GPU, reason="torch finds no NVIDIA GPU")


class Small(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)

    def forward(self, x: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.conv(x)) * scale[:, None, None, None]


def settings(precision: Precision) -> RuntimeSettings:
    return RuntimeSettings(kind=RuntimeKind.CUDA, precision=precision, num_threads=1)


@pytest.mark.skipif(HAS_GPU, reason="there is a GPU")
def test_a_missing_gpu_is_said() -> None:
    with pytest.raises(RuntimeUnavailableError, match="no NVIDIA GPU"):
        load_network(
            Small(), {"x": torch.zeros(1, 3, 8, 8), "scale": torch.ones(1)}, ("y",), settings(Precision.F16)
        )


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize(("precision", "tolerance"), [(Precision.F32, 1e-4), (Precision.F16, 1e-2)])
def test_a_replay_equals_torch_and_moves_no_memory(precision: Precision, tolerance: float) -> None:
    inputs = {"x": torch.randn(2, 3, 16, 16), "scale": torch.tensor([0.5, 2.0])}
    expected = TorchNetwork(Small(), inputs, ("y",)).run(inputs)["y"]
    on_gpu = {name: value.cuda() for name, value in inputs.items()}
    network = load_network(Small(), on_gpu, ("y",), settings(precision))
    first = network.run(on_gpu)["y"]
    torch.testing.assert_close(first.cpu(), expected, rtol=tolerance, atol=tolerance)
    torch.cuda.synchronize()
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    second = network.run({**on_gpu, "scale": 2.0 * on_gpu["scale"]})["y"]
    assert second.data_ptr() == first.data_ptr()
    assert torch.cuda.memory_stats()["allocation.all.allocated"] <= before + 1  # the doubled scale
    torch.testing.assert_close(second.cpu(), 2.0 * expected, rtol=tolerance, atol=tolerance)
