"""Depth networks are read from tiny folders of the published layout; full-size names and shapes fit."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from transformers import (
    DepthAnythingConfig,
    DepthAnythingForDepthEstimation,
    DPTConfig,
    DPTForDepthEstimation,
)

from models.checkpoints.depth import load_depth
from models.checkpoints.published import CheckpointError


def anything() -> nn.Module:
    backbone = {
        "model_type": "dinov2",
        "hidden_size": 24,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "image_size": 56,
        "patch_size": 14,
        "out_features": ["stage1", "stage2", "stage3", "stage4"],
        "reshape_hidden_states": False,
        "apply_layernorm": True,
    }
    config = DepthAnythingConfig(
        backbone_config=backbone,
        neck_hidden_sizes=[8, 8, 16, 16],
        fusion_hidden_size=8,
        head_hidden_size=4,
        reassemble_hidden_size=24,
    )
    return DepthAnythingForDepthEstimation(config)


def hybrid() -> nn.Module:
    config = DPTConfig(
        is_hybrid=True,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=384,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[32, 32, 24, 24],
        backbone_featmap_shape=[1, 64, 24, 24],
        backbone_config={
            "model_type": "bit",
            "embedding_size": 32,
            "num_groups": 4,
            "hidden_sizes": [32, 32, 64],
            "depths": [1, 1, 1],
            "layer_type": "bottleneck",
            "embedding_dynamic_padding": True,
            "global_padding": "same",
            "out_features": ["stage1", "stage2", "stage3"],
        },
        fusion_hidden_size=16,
    )
    return DPTForDepthEstimation(config)


def write(folder: Path, network: Any, **changes: object) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(network.config.to_dict() | changes))
    save_file(
        {name: value.contiguous() for name, value in network.state_dict().items()},
        folder / "model.safetensors",
    )
    return folder


@pytest.mark.parametrize(("build", "side"), [(anything, 56), (hybrid, 384)])
def test_a_folder_gives_the_network_that_was_written(tmp_path: Path, build: Any, side: int) -> None:
    torch.manual_seed(0)
    network = build().eval()
    loaded = load_depth(str(write(tmp_path / "depth", network)), side=side)
    pixels = torch.rand(1, 3, 48, 64) * 2 - 1
    with torch.no_grad():
        maps = loaded(pixels)
        shown = nn.functional.interpolate(pixels, size=(side, side), mode="bilinear")
        expected = network(shown * loaded.weight + loaded.shift).predicted_depth
    torch.testing.assert_close(maps, expected)
    assert maps.shape == (1, side, side)


def test_another_kind_a_metric_one_and_half_a_file_are_refused(tmp_path: Path) -> None:
    network = anything()
    with pytest.raises(CheckpointError, match="holds glpn"):
        load_depth(str(write(tmp_path / "a", network, model_type="glpn")))
    with pytest.raises(CheckpointError, match="metric"):
        load_depth(str(write(tmp_path / "b", network, depth_estimation_type="metric")))
    folder = write(tmp_path / "c", network)
    state = dict(network.state_dict())
    del state["head.conv3.bias"]
    save_file(state, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing: head\.conv3\.bias"):
        load_depth(str(folder))
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="half a download"):
        load_depth(str(folder))
    with pytest.raises(CheckpointError, match="there is no folder"):
        load_depth(str(tmp_path / "nowhere"))
