import gc
import resource
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from models.runtimes.export import export_onnx
from models.runtimes.openvino_library import cpu_precisions
from models.runtimes.openvino_runtime import OpenVinoNetwork, compile_openvino
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings, RuntimeUnavailableError
from models.runtimes.torch_runtime import TorchNetwork
from tests.models.runtimes.small_network import OUTPUTS, small_inputs, small_network

# Against torch float32, on outputs of spread about 0.5. bf16 keeps 8 bits of mantissa: 2^-9 relative
# rounding in every operation of a ten-layer network.
TOLERANCE_F32 = 2e-5
TOLERANCE_BF16_MEAN = 6e-3
TOLERANCE_BF16_MAX = 6e-2

NAMES = (*small_inputs(), *OUTPUTS)


def settings(precision: Precision = Precision.F32) -> RuntimeSettings:
    return RuntimeSettings(kind=RuntimeKind.OPENVINO, precision=precision, num_threads=1)


@pytest.fixture(scope="module")
def graph() -> bytes:
    return export_onnx(small_network(), small_inputs(), OUTPUTS)


@pytest.fixture
def network(graph: bytes) -> OpenVinoNetwork:
    return compile_openvino(graph, NAMES, settings())


@pytest.fixture(scope="module")
def reference() -> TorchNetwork:
    return TorchNetwork(small_network(), small_inputs(), OUTPUTS)


def test_f32_equals_torch_on_every_output(network: OpenVinoNetwork, reference: TorchNetwork) -> None:
    for seed in range(3):
        inputs = small_inputs(seed=seed)
        expected = reference.run(inputs)
        got = network.run(inputs)
        assert tuple(got) == network.output_names == OUTPUTS
        for name in OUTPUTS:
            assert expected[name].std() > 0.05
            torch.testing.assert_close(got[name], expected[name], atol=TOLERANCE_F32, rtol=0)


def test_bf16_is_near_torch_and_really_coarser(graph: bytes, reference: TorchNetwork) -> None:
    if Precision.BF16 not in cpu_precisions():
        pytest.skip("this CPU has no bf16 arithmetic")
    network = compile_openvino(graph, NAMES, settings(Precision.BF16))
    error = (network.run(small_inputs())["noise_pred"] - reference.run(small_inputs())["noise_pred"]).abs()
    assert error.mean() < TOLERANCE_BF16_MEAN
    assert error.max() < TOLERANCE_BF16_MAX
    assert error.mean() > TOLERANCE_F32, "the hint was ignored: this is f32 arithmetic"


def test_precision_that_the_cpu_lacks_is_refused_with_a_way_out(graph: bytes) -> None:
    if Precision.F16 in cpu_precisions():
        pytest.skip("this CPU has f16 arithmetic")
    with pytest.raises(RuntimeUnavailableError, match="f16") as caught:
        compile_openvino(graph, NAMES, settings(Precision.F16))
    assert "f32" in caught.value.hint


def test_settings_of_another_runtime_are_refused(graph: bytes) -> None:
    wrong = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)
    with pytest.raises(ValueError, match="TORCH"):
        compile_openvino(graph, NAMES, wrong)


def test_outputs_are_the_same_memory_at_every_call(network: OpenVinoNetwork) -> None:
    first = network.run(small_inputs(seed=1))
    address, kept = first["noise_pred"].data_ptr(), first["noise_pred"].clone()
    second = network.run(small_inputs(seed=2))
    assert second["noise_pred"].data_ptr() == address
    assert not torch.equal(second["noise_pred"], kept)


def test_an_input_written_in_place_is_seen_and_is_never_written(
    network: OpenVinoNetwork, reference: TorchNetwork
) -> None:
    inputs = small_inputs()
    network.run(inputs)
    inputs["latents"].mul_(0.5)
    copies = {name: value.clone() for name, value in inputs.items()}
    got = network.run(inputs)["noise_pred"].clone()
    torch.testing.assert_close(got, reference.run(copies)["noise_pred"], atol=TOLERANCE_F32, rtol=0)
    assert all(torch.equal(value, copies[name]) for name, value in inputs.items())


def test_inputs_given_up_by_the_caller_stay_alive_while_bound(
    network: OpenVinoNetwork, reference: TorchNetwork
) -> None:
    expected = reference.run(small_inputs(seed=5))["mask"]
    for _ in range(3):
        inputs = small_inputs(seed=5)
        got = network.run(inputs)["mask"].clone()
        del inputs
        gc.collect()
        torch.testing.assert_close(got, expected, atol=TOLERANCE_F32, rtol=0)


def test_a_view_that_is_not_contiguous_is_understood(
    network: OpenVinoNetwork, reference: TorchNetwork
) -> None:
    inputs = small_inputs()
    expected = reference.run(inputs)["noise_pred"]
    inputs["latents"] = inputs["latents"].to(memory_format=torch.channels_last)
    assert not inputs["latents"].is_contiguous()
    torch.testing.assert_close(network.run(inputs)["noise_pred"], expected, atol=TOLERANCE_F32, rtol=0)


class PassesThrough(nn.Module):
    """An output that is the same value as another: the graph folds the two into one port's names."""

    def forward(self, value: Tensor) -> tuple[Tensor, Tensor]:
        doubled = value * 2
        return doubled, doubled.reshape(value.shape)


def test_ports_are_named_as_at_export() -> None:
    inputs = {"value": torch.ones(1, 3)}
    names = ("z_first", "a_second")
    network = compile_openvino(export_onnx(PassesThrough(), inputs, names), ("value", *names), settings())
    assert network.output_names == names
    assert list(network.input_shapes) == ["value"]
    assert all(torch.equal(value, torch.full((1, 3), 2.0)) for value in network.run(inputs).values())


def test_a_name_that_the_graph_lacks_is_refused(graph: bytes) -> None:
    with pytest.raises(ValueError, match="mask"):
        compile_openvino(graph, (*small_inputs(), "noise_pred", "alpha"), settings())


@pytest.mark.parametrize("change", ["missing", "unknown", "shape", "dtype"])
def test_a_wrong_call_is_refused(network: OpenVinoNetwork, change: str) -> None:
    inputs = small_inputs()
    if change == "missing":
        del inputs["grid"]
    elif change == "unknown":
        inputs["extra"] = torch.zeros(1)
    elif change == "shape":
        inputs["latents"] = inputs["latents"][:1]
    else:
        inputs["latents"] = inputs["latents"].double()
    expected = {"missing": KeyError, "unknown": KeyError, "shape": ValueError, "dtype": TypeError}[change]
    with pytest.raises(expected):
        network.run(inputs)


def test_memory_does_not_grow_with_calls(network: OpenVinoNetwork) -> None:
    inputs = [small_inputs(seed=seed) for seed in range(2)]

    def run(calls: int) -> int:
        for index in range(calls):
            network.run(inputs[index % 2])  # two sets of memory, so that every call binds anew
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    warm = run(200)
    assert run(1000) - warm < 4096, "kilobytes; a leaked 16 KB input would be 16 MB"


def test_openvino_is_loaded_without_its_telemetry() -> None:
    code = (
        "import sys; from models.runtimes.openvino_library import core; core();"
        "loaded = [m for m, v in sys.modules.items() if 'openvino_telemetry' in m and v is not None];"
        "sys.exit(f'loaded: {loaded}' if loaded or 'openvino' not in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
