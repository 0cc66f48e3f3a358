"""Live2Diff's file over bases in their published layouts: every key accounted for; what is wrong is said."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.checkpoints.live2diff import (
    Live2DiffConfig,
    Live2DiffNetworks,
    base_config,
    depth_mapper,
    load_live2diff,
)
from models.checkpoints.published import CheckpointError, published_shapes
from models.checkpoints.stable_diffusion import StableDiffusionSource, load_stable_diffusion
from models.networks.attention import sinusoidal_positions
from models.networks.unet import TemporalConfig, UNet, UNetConfig, UNetInputs
from tests.models.checkpoints import published_layouts as layouts
from tests.models.checkpoints.rain_files import published_weights

KEYS = Path(__file__).parents[2] / "parity" / "live2diff" / "keys.tsv"
SIZES = Live2DiffConfig(mapper_widths=(4, 8))
ATTENTION = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
Weights = dict[str, Tensor]


def added_weights(config: UNetConfig) -> Weights:
    """What the file holds for a base of these sizes."""
    with torch.device("meta"):
        network = UNet(config)
    motion = {
        name: value for name, value in published_weights(network, 3).items() if "motion_modules" in name
    }
    mapper = published_weights(depth_mapper(config, SIZES.mapper_widths), 4)
    return motion | {f"flow_conv_in.{name}": value for name, value in mapper.items()}


def with_motion(config: UNetConfig) -> UNetConfig:
    return UNetConfig(
        **{name: getattr(config, name) for name in config.__slots__} | {"temporal": SIZES.temporal}
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.write_folder(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def weights() -> Weights:
    return added_weights(with_motion(base_config(layouts.tiny_unet())))


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Weights], Path]:
    def write(tensors: Weights) -> Path:
        """As published: under a key of its own, wrapped, beside numbers, with tensors that are no weights."""
        wrapped = {f"module.{name}": value for name, value in tensors.items()} | {
            "module.grid": torch.zeros(3)
        }
        path = tmp_path / "live2diff.ckpt"
        torch.save({"state_dict": wrapped, "global_step": 191999}, path)
        return path

    return write


def load(file: Path, base: Path | str, **more: object) -> Live2DiffNetworks:
    source = StableDiffusionSource(model=str(base), **more)  # type: ignore[arg-type]
    return load_live2diff(file, load_stable_diffusion(source), SIZES)


def painted(networks: Live2DiffNetworks) -> Tensor:
    unet = networks.unet
    prompt = unet.project_prompt(randn(1, 5, unet.config.prompt_dim, seed=2))
    control = networks.depth_mapper(randn(3, 4, 8, 8, seed=3))
    inputs = UNetInputs(prompt=prompt, control=control)
    with torch.no_grad():
        return unet(randn(3, 4, 8, 8), torch.full((3,), 399.0), inputs)


def randn(*shape: int, seed: int = 1) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_full_size_names_and_shapes_are_the_published_ones() -> None:
    with KEYS.open() as file:
        rows = [(row["file"], row["key"], row["shape"]) for row in csv.DictReader(file, delimiter="\t")]
    config = UNetConfig(temporal=TemporalConfig(max_frames=24, in_mid_block=False))
    assert Live2DiffConfig().temporal == config.temporal
    with torch.device("meta"):
        shapes = published_shapes(UNet(config))
        mapper = published_shapes(depth_mapper(config))
    ours = {name: str(list(shape)) for name, shape in shapes.items()}
    added = {name for name in ours if "motion_modules" in name}
    mine = {("live2diff.ckpt", name, ours[name]) for name in added}
    mine |= {("live2diff.ckpt", f"flow_conv_in.{name}", str(list(shape))) for name, shape in mapper.items()}
    base = "unet/diffusion_pytorch_model.safetensors"
    mine |= {(base, name, shape) for name, shape in ours.items() if name not in added}
    assert len(rows) == 576 + 686
    assert mine == set(rows)


def test_the_file_joins_a_folder(folder: Path, weights: Weights, write: Callable[[Weights], Path]) -> None:
    networks = load(write(weights), folder)
    name = "down_blocks.0.motion_modules.0.proj_in.weight"
    published = "down_blocks.0.motion_modules.0.temporal_transformer.proj_in.weight"
    torch.testing.assert_close(networks.unet.state_dict()[name], weights[published])
    torch.testing.assert_close(
        networks.depth_mapper.state_dict()["conv_in.weight"], weights["flow_conv_in.conv_in.weight"]
    )
    shared = networks.unet.conv_in.weight.data_ptr() == networks.base.unet.conv_in.weight.data_ptr()
    assert shared  # the base is not copied
    assert painted(networks).isfinite().all()
    assert not any(parameter.requires_grad for parameter in networks.unet.parameters())


def test_without_motion_and_depth_it_is_the_base(
    folder: Path, weights: Weights, write: Callable[[Weights], Path]
) -> None:
    silent = {
        name: torch.zeros_like(value) if "proj_out" in name or "flow_conv_in.conv_out" in name else value
        for name, value in weights.items()
    }
    networks = load(write(silent), folder)
    prompt = randn(1, 5, 32, seed=2).expand(3, -1, -1)
    with torch.no_grad():
        expected = networks.base.unet(randn(3, 4, 8, 8), torch.full((3,), 399.0), prompt).sample
    torch.testing.assert_close(painted(networks), expected, rtol=1e-4, atol=1e-5)


def test_it_joins_a_single_file_with_its_own_look(
    weights: Weights, write: Callable[[Weights], Path], tmp_path: Path
) -> None:
    config = UNetConfig(widths=(32, 64), layers=2, heads=8, prompt_dim=32)
    tensors = layouts.single_file_tensors(layouts.TINY_1)
    file = layouts.write_single_file(tmp_path / "dreambooth.safetensors", tensors)
    networks = load(write(added_weights(with_motion(config))), file)
    torch.testing.assert_close(
        networks.unet.conv_in.weight, tensors["model.diffusion_model.input_blocks.0.0.weight"]
    )
    assert painted(networks).isfinite().all()
    with pytest.raises(CheckpointError, match="does not fit the base model"):
        load(write(weights), file)  # the motion modules of another base


def test_loras_are_fused_with_their_alpha_and_scale(
    folder: Path, weights: Weights, write: Callable[[Weights], Path], tmp_path: Path
) -> None:
    file = write(weights)
    plain = load(file, folder).unet.get_parameter(f"{ATTENTION}.weight").clone()
    down, up = randn(2, plain.shape[1]), randn(plain.shape[0], 2, seed=5)
    name = f"lora_unet_{ATTENTION.replace('.', '_')}"
    style = {
        f"{name}.lora_down.weight": down,
        f"{name}.lora_up.weight": up,
        f"{name}.alpha": torch.tensor(1.0),
    }
    lcm = {key.replace(".alpha", ".unused"): value for key, value in style.items() if "alpha" not in key}
    save_file(style, tmp_path / "style.safetensors")
    save_file(lcm, tmp_path / "lcm.safetensors")
    loras = {str(tmp_path / "style.safetensors"): 0.7, str(tmp_path / "lcm.safetensors"): 1.0}
    fused = load(file, folder, loras=loras).unet.get_parameter(f"{ATTENTION}.weight")
    # alpha over rank is 1 / 2 for the style; a file without alpha has the rank's
    torch.testing.assert_close(fused, plain + (0.7 * 0.5 + 1.0) * up @ down)


def broken(weights: Weights, fault: str) -> Weights:
    wrong = dict(weights)
    key = "up_blocks.1.motion_modules.0.temporal_transformer.norm.weight"
    table = key.replace("norm.weight", "transformer_blocks.0.attention_blocks.0.pos_encoder.pe")
    match fault:
        case "missing":
            del wrong[key]
        case "unexpected":
            wrong["mid_block.motion_modules.0.temporal_transformer.norm.weight"] = wrong[key]
        case "shape":
            wrong[key] = wrong[key][:-1]
        case "mapper":
            del wrong["flow_conv_in.conv_out.bias"]
        case "positions":
            wrong[table] = sinusoidal_positions(24, wrong[table].shape[-1])[None] * 1.1
    return wrong


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("missing", r"missing: up_blocks\.1\.motion_modules\.0"),
        ("unexpected", r"unexpected: mid_block\.motion_modules"),
        ("shape", r"of another shape: up_blocks\S+norm\.weight \(31,\) instead of \(32,\)$"),
        ("mapper", r"the depth mapper in .*missing: conv_out\.bias"),
        ("positions", "not sinusoidal: up_blocks"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_keys(
    folder: Path, weights: Weights, write: Callable[[Weights], Path], fault: str, said: str
) -> None:
    with pytest.raises(CheckpointError, match=said):
        load(write(broken(weights, fault)), folder)


def test_half_a_download_and_no_file_are_said(
    folder: Path, weights: Weights, write: Callable[[Weights], Path]
) -> None:
    path = write(weights)
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(CheckpointError, match="half a download"):
        load(path, folder)
    with pytest.raises(CheckpointError, match="there is no file"):
        load(path.with_name("another.ckpt"), folder)


def test_a_pickle_that_would_run_code_is_refused(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "live2diff.ckpt"
    torch.save({"state_dict": {"a": print}}, path)
    with pytest.raises(CheckpointError, match="more than weights"):
        load(path, folder)


def test_a_base_of_the_second_family_is_refused(
    weights: Weights, write: Callable[[Weights], Path], tmp_path: Path
) -> None:
    unet = layouts.tiny_unet(use_linear_projection=True)
    second = layouts.write_folder(tmp_path / "second", unet=unet)
    with pytest.raises(CheckpointError, match=r"2\.x"):
        load(write(weights), second)
