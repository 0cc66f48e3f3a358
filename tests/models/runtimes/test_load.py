from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from models.runtimes.graph_cache import GraphCache
from models.runtimes.load import NetworkPool, load_network
from models.runtimes.openvino_runtime import OpenVinoNetwork, compile_openvino
from models.runtimes.protocol import Network, Precision, RuntimeKind, RuntimeSettings
from models.runtimes.torch_runtime import TorchNetwork
from tests.models.runtimes.small_network import OUTPUTS, small_inputs, small_network


def settings(kind: RuntimeKind, folder: Path | None = None) -> RuntimeSettings:
    return RuntimeSettings(kind=kind, precision=Precision.F32, num_threads=1, cache_folder=folder)


def load(kind: RuntimeKind, folder: Path, rows: int = 2) -> Network:
    return load_network(small_network(), small_inputs(rows), OUTPUTS, settings(kind, folder))


def test_the_runtimes_agree_on_names_shapes_and_values(tmp_path: Path) -> None:
    compiled, plain = load(RuntimeKind.OPENVINO, tmp_path), load(RuntimeKind.TORCH, tmp_path)
    assert isinstance(compiled, OpenVinoNetwork)
    assert isinstance(plain, TorchNetwork)
    assert list(compiled.input_shapes.items()) == list(plain.input_shapes.items())
    assert compiled.output_names == plain.output_names
    expected = plain.run(small_inputs())
    for name, value in compiled.run(small_inputs()).items():
        torch.testing.assert_close(value, expected[name], atol=2e-5, rtol=0)


def test_without_a_cache_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = load_network(small_network(), small_inputs(), OUTPUTS, settings(RuntimeKind.OPENVINO))
    assert network.run(small_inputs())["mask"].isfinite().all()
    assert list(tmp_path.iterdir()) == []


def test_a_start_from_the_cache_gives_the_same_numbers(tmp_path: Path) -> None:
    first = load(RuntimeKind.OPENVINO, tmp_path).run(small_inputs())["noise_pred"].clone()
    files = {file.suffix for file in tmp_path.iterdir()}
    assert files == {".onnx", ".blob"}, "the compiled form is kept beside the graph"
    again = load(RuntimeKind.OPENVINO, tmp_path).run(small_inputs())["noise_pred"]
    assert torch.equal(again, first)


def test_a_compiled_form_that_is_damaged_is_made_anew(tmp_path: Path) -> None:
    expected = load(RuntimeKind.OPENVINO, tmp_path).run(small_inputs())["noise_pred"].clone()
    (blob,) = tmp_path.glob("*.blob")
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:1000])
    assert torch.equal(load(RuntimeKind.OPENVINO, tmp_path).run(small_inputs())["noise_pred"], expected)


def test_a_folder_for_compiled_forms_that_cannot_be_made_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    graph = GraphCache(tmp_path).onnx(small_network(), small_inputs(), OUTPUTS)
    unmakeable = settings(RuntimeKind.OPENVINO, tmp_path / "file" / "below")
    network = compile_openvino(graph, (*small_inputs(), *OUTPUTS), unmakeable)
    assert "not kept" in caplog.text
    assert network.run(small_inputs())["mask"].isfinite().all()


def test_torch_gets_the_number_of_threads_asked_for(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    try:
        load(RuntimeKind.TORCH, tmp_path)
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


class Fake:
    """A network that only knows its key."""

    input_shapes: Mapping[str, tuple[int, ...]] = {}
    output_names: tuple[str, ...] = ()

    def __init__(self, key: int) -> None:
        self.key = key

    def run(self, inputs: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        return inputs


def test_the_pool_builds_once_and_drops_the_least_used() -> None:
    built: list[int] = []

    def build(key: int) -> Network:
        built.append(key)
        return Fake(key)

    pool = NetworkPool(build, capacity=2)
    assert pool.get(1) is pool.get(1)
    pool.get(2)
    pool.get(1)
    pool.get(3)  # 2 goes: 1 was used since
    pool.get(1)
    assert built == [1, 2, 3]
    pool.get(2)
    assert built == [1, 2, 3, 2]


def test_a_pool_that_holds_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        NetworkPool(Fake, capacity=0)
