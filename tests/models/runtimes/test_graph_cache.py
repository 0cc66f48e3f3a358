import errno
import logging
import os
from pathlib import Path

import pytest
import torch

import models.runtimes.graph_cache as graph_cache_module
from models.runtimes.export import export_key
from models.runtimes.graph_cache import GraphCache
from tests.models.runtimes.small_network import OUTPUTS, small_inputs, small_network


def key(seed: int = 0, rows: int = 2, outputs: tuple[str, ...] = OUTPUTS) -> str:
    return export_key(small_network(seed), small_inputs(rows), outputs)


def test_the_key_is_the_same_for_the_same_network() -> None:
    assert key() == key()
    assert key() == export_key(small_network(), small_inputs(seed=9), OUTPUTS), (
        "values do not decide the graph"
    )


def test_the_key_differs_with_weights_shapes_and_names() -> None:
    variants = {key(), key(seed=1), key(rows=3), key(outputs=("noise_pred", "alpha"))}
    assert len(variants) == 4


def test_the_key_differs_with_what_only_an_attribute_or_an_unsaved_buffer_says() -> None:
    network = small_network()
    keys = {key()}
    network.num_heads = 4
    keys.add(export_key(network, small_inputs(), OUTPUTS))
    network.register_buffer("table", torch.zeros(2), persistent=False)
    keys.add(export_key(network, small_inputs(), OUTPUTS))
    network.table.add_(1)
    keys.add(export_key(network, small_inputs(), OUTPUTS))
    assert len(keys) == 4


def test_the_key_differs_with_what_the_class_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = tmp_path / "network.py"
    source.write_text("a = 1\n")
    monkeypatch.setattr("models.runtimes.export._sources", lambda _module: [source])
    before = key()
    source.write_text("a = 2\n")
    assert key() != before


def test_a_second_call_reads_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "new" / "graphs"
    cache = GraphCache(folder)
    path = cache.onnx(small_network(), small_inputs(), OUTPUTS)
    assert isinstance(path, Path)
    assert path.parent == folder
    assert [file.name for file in folder.iterdir()] == [path.name], "no part file is left behind"

    def refuse(*_arguments: object) -> bytes:
        raise AssertionError("exported twice")

    monkeypatch.setattr(graph_cache_module, "export_onnx", refuse)
    assert cache.onnx(small_network(), small_inputs(), OUTPUTS) == path


def test_a_folder_that_cannot_be_made_is_said_and_costs_only_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        graph = GraphCache(blocked).onnx(small_network(), small_inputs(), OUTPUTS)
    assert isinstance(graph, bytes)
    assert "not cached" in caplog.text


def test_a_full_disk_leaves_no_part_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_number: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(graph_cache_module.os, "fsync", refuse)
    graph = GraphCache(tmp_path).onnx(small_network(), small_inputs(), OUTPUTS)
    assert isinstance(graph, bytes)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    left, being_written = tmp_path / "left.part", tmp_path / "now.part"
    for file in (left, being_written):
        file.write_bytes(b"half a graph")
    os.utime(left, (0, 0))
    GraphCache(tmp_path).onnx(small_network(), small_inputs(), OUTPUTS)
    assert not left.exists()
    assert being_written.exists(), "another process may be writing it"


def test_exporting_changes_nothing_about_the_network(tmp_path: Path) -> None:
    network = small_network()
    before = export_key(network, small_inputs(), OUTPUTS)
    GraphCache(tmp_path).onnx(network, small_inputs(), OUTPUTS)
    assert not any(part.training for part in network.modules())
    assert (
        export_key(network, small_inputs(), OUTPUTS)
        == before
        == export_key(network.train(), small_inputs(), OUTPUTS)
    )


def test_the_oldest_files_go_when_it_is_full(tmp_path: Path) -> None:
    old, newer = tmp_path / "1.blob", tmp_path / "2.blob"
    for age, file in ((2, old), (1, newer)):
        file.write_bytes(bytes(60_000))
        stamp = file.stat().st_mtime - age * 100
        os.utime(file, (stamp, stamp))
    path = GraphCache(tmp_path, max_bytes=100_000).onnx(small_network(), small_inputs(), OUTPUTS)
    assert isinstance(path, Path)
    assert path.exists()
    assert not old.exists()
    assert newer.exists()


def test_random_state_is_left_alone(tmp_path: Path) -> None:
    state = torch.get_rng_state()
    network, inputs = small_network(), small_inputs()
    torch.set_rng_state(state)
    GraphCache(tmp_path).onnx(network, inputs, OUTPUTS)
    assert torch.equal(torch.get_rng_state(), state)
