"""Pocket weights on disk: round trip, and a clear error for every other file."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.checkpoints.pocket import PocketWeightsError, load_pocket, save_pocket
from models.networks.pocket import PocketConfig, PocketNetworks

CONFIG = PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16))


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    networks = PocketNetworks(CONFIG)
    save_pocket(networks, tmp_path / "weights.safetensors")
    loaded = load_pocket(tmp_path / "weights.safetensors")
    assert loaded.config == CONFIG
    for name, value in networks.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value, atol=1e-3, rtol=1e-3)  # float16 on disk
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_missing_a_truncated_and_a_foreign_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    with pytest.raises(PocketWeightsError, match=r"weights\.safetensors"):
        load_pocket(path)
    save_pocket(PocketNetworks(CONFIG), path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(PocketWeightsError, match=r"half a download\? \([\d,]+ bytes"):
        load_pocket(path)
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(PocketWeightsError, match="expected 'understudy-pocket-1'"):
        load_pocket(path)


def test_missing_keys_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    networks = PocketNetworks(CONFIG)
    del networks.painter.flow
    save_pocket(networks, path)
    with pytest.raises(PocketWeightsError, match=r"painter\.flow"):
        load_pocket(path)


def test_a_file_of_other_sizes_or_with_a_damaged_header_is_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    tensors = {name: value.contiguous() for name, value in PocketNetworks(CONFIG).state_dict().items()}
    sizes = json.dumps({**asdict(CONFIG), "painter_widths": [32, 16, 16]})
    for config, said in (
        (sizes, "does not fit"),
        ("{", "does not say"),
        ("[1]", "does not say"),
        ('{"width": 1}', "does not say"),
    ):
        save_file(tensors, path, metadata={"format": "understudy-pocket-1", "config": config})
        with pytest.raises(PocketWeightsError, match=said):
            load_pocket(path)
    save_file(tensors, path, metadata={"format": "understudy-pocket-1"})
    with pytest.raises(PocketWeightsError, match="config"):
        load_pocket(path)
