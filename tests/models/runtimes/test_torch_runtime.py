import pytest
import torch
from torch import Tensor, nn

from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from models.runtimes.torch_runtime import TorchNetwork, named_outputs
from tests.models.runtimes.small_network import OUTPUTS, small_inputs, small_network


class Returns(nn.Module):
    """Returns what it is told to, whatever it is given."""

    def __init__(self, result: object) -> None:
        super().__init__()
        self.result = result

    def forward(self, **_inputs: Tensor) -> object:
        return self.result


def test_equals_the_module_called_by_name() -> None:
    inputs = small_inputs()
    got = TorchNetwork(small_network(), inputs, OUTPUTS).run(inputs)
    with torch.no_grad():
        expected = small_network()(**inputs)
    assert list(got) == list(OUTPUTS)
    assert all(torch.equal(got[name], expected[name]) for name in OUTPUTS)


def test_lower_precision_computes_coarser_and_returns_float32() -> None:
    inputs = small_inputs()
    exact = TorchNetwork(small_network(), inputs, OUTPUTS).run(inputs)["noise_pred"]
    coarse = TorchNetwork(small_network(), inputs, OUTPUTS, Precision.BF16).run(inputs)["noise_pred"]
    assert coarse.dtype is torch.float32
    assert 0 < (coarse - exact).abs().mean() < 0.02


def test_puts_the_module_into_evaluation_mode() -> None:
    module = nn.Dropout(0.5)
    ones = torch.ones(64)
    network = TorchNetwork(module, {"input": ones}, ("output",))
    assert torch.equal(network.run({"input": ones})["output"], ones)


def test_names_and_shapes_are_those_of_the_examples() -> None:
    network = TorchNetwork(small_network(), small_inputs(rows=3), OUTPUTS)
    assert list(network.input_shapes) == ["latents", "levels", "picture", "grid", "tokens"]
    assert network.input_shapes["latents"] == (3, 4, 16, 16)
    assert network.output_names == OUTPUTS


def test_a_wrong_call_is_refused() -> None:
    network = TorchNetwork(small_network(), small_inputs(), OUTPUTS)
    with pytest.raises(ValueError, match="latents"):
        network.run(small_inputs(rows=1))
    with pytest.raises(KeyError, match="grid"):
        network.run({"latents": torch.zeros(1)})


@pytest.mark.parametrize(
    ("result", "error"),
    [
        ((torch.zeros(1),), ValueError),
        ({"noise_pred": torch.zeros(1)}, KeyError),
        ((torch.zeros(1), "mask"), TypeError),
    ],
)
def test_outputs_that_do_not_fit_their_names_are_refused(result: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        named_outputs(result, OUTPUTS)
    with pytest.raises(error):
        TorchNetwork(Returns(result), {"value": torch.zeros(1)}, OUTPUTS).run({"value": torch.zeros(1)})


def test_a_single_tensor_needs_no_tuple() -> None:
    assert torch.equal(named_outputs(torch.ones(2), ("out",))["out"], torch.ones(2))


def test_settings_refuse_no_threads() -> None:
    with pytest.raises(ValueError, match="num_threads"):
        RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=0)
