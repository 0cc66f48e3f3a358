"""Published layouts of Stable Diffusion are read: folders and single files; what is wrong is said."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel

from models.checkpoints import ldm_keys
from models.checkpoints.diffusers_parts import modern_attention
from models.checkpoints.fitting import misfit, shapes_of
from models.checkpoints.published import CheckpointError
from models.checkpoints.single_file import text_config, unet_config, vae_config
from models.checkpoints.stable_diffusion import (
    StableDiffusion,
    StableDiffusionSource,
    from_pipeline,
    load_stable_diffusion,
)
from models.diffusion.prediction import Prediction
from tests.models.checkpoints import published_layouts as layouts


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return layouts.write_folder(tmp_path_factory.mktemp("checkpoint") / "model")


def load(source: Path | str, **more: object) -> StableDiffusion:
    return load_stable_diffusion(StableDiffusionSource(model=str(source), **more))  # type: ignore[arg-type]


def test_a_folder_gives_the_networks_that_were_written(folder: Path) -> None:
    loaded = load(folder)
    sample, prompt = torch.randn(2, 4, 8, 8), torch.randn(2, 77, 32)
    expected = layouts.tiny_unet()(sample, torch.tensor([3, 400]), prompt).sample
    torch.testing.assert_close(loaded.unet(sample, torch.tensor([3, 400]), prompt).sample, expected)
    tokens = loaded.tokenizer(
        "Hi there", padding="max_length", max_length=77, truncation=True, return_tensors="pt"
    )
    ids = tokens.input_ids
    expected = layouts.tiny_text_encoder()(ids).last_hidden_state
    torch.testing.assert_close(loaded.text_encoder(ids).last_hidden_state, expected)
    pixels = torch.rand(1, 3, 32, 32) * 2 - 1
    expected = layouts.tiny_taesd().encode(pixels).latents
    torch.testing.assert_close(loaded.vae.encode(pixels).latents, expected)
    assert not any(parameter.requires_grad for parameter in loaded.unet.parameters())


def test_weights_are_held_in_the_type_that_is_asked_for(folder: Path) -> None:
    assert load(folder, dtype=torch.float16).unet.conv_in.weight.dtype is torch.float16


def test_a_kl_autoencoder_with_the_older_names_is_read(tmp_path: Path) -> None:
    kl = layouts.tiny_kl()
    old = {".to_q.": ".query.", ".to_k.": ".key.", ".to_v.": ".value.", ".to_out.0.": ".proj_attn."}
    model = layouts.write_folder(tmp_path / "model", vae=kl)
    tensors = kl.state_dict()
    for new, name in old.items():
        tensors = {key.replace(new, name): value for key, value in tensors.items()}
    assert tensors.keys() != kl.state_dict().keys()
    save_file(tensors, model / "vae" / "diffusion_pytorch_model.safetensors")
    pixels = torch.rand(1, 3, 32, 32)
    loaded = load(model).vae
    torch.testing.assert_close(
        loaded.encode(pixels).latent_dist.mode(), kl.encode(pixels).latent_dist.mode(), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("said", "meant"),
    [("epsilon", Prediction.EPSILON), ("v_prediction", Prediction.V), ("sample", Prediction.X0)],
)
def test_the_scheduler_says_what_the_network_predicts(tmp_path: Path, said: str, meant: Prediction) -> None:
    model = layouts.write_folder(tmp_path / "model", prediction_type=said, rescale_betas_zero_snr=True)
    loaded = load(model)
    assert loaded.prediction is meant
    assert loaded.schedule.zero_terminal_snr
    assert load(model, prediction=Prediction.EPSILON).prediction is Prediction.EPSILON


@pytest.mark.parametrize("family", [layouts.TINY_1, layouts.TINY_2], ids=["first", "second"])
def test_a_single_file_agrees_with_the_reference_conversion(tmp_path: Path, family: layouts.Family) -> None:
    """The names and values are those of diffusers' own conversion of the same tensors."""
    tensors = layouts.single_file_tensors(family)
    loaded = load(layouts.write_single_file(tmp_path / "model.safetensors", tensors))
    theirs = convert_ldm_unet_checkpoint(dict(tensors), {**loaded.unet.config, "layers_per_block": 2})
    ours = loaded.unet.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    theirs = convert_ldm_vae_checkpoint(dict(tensors), loaded.vae.config)
    ours = loaded.vae.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name].reshape(ours[name].shape)) for name in ours)
    num_layers = family.text_layers - family.is_second  # of OpenCLIP, the last layer is left out
    assert loaded.text_encoder.config.num_hidden_layers == num_layers
    assert loaded.text_encoder(torch.arange(77)[None]).last_hidden_state.shape == (1, 77, family.prompt_dim)
    assert loaded.tokenizer is None


def test_openclip_keys_queries_and_values_are_taken_apart() -> None:
    tensors = dict(ldm_keys.part_of(layouts.single_file_tensors(layouts.TINY_2), ldm_keys.OPEN_CLIP))
    renamed = ldm_keys.open_clip_tensors(tensors)
    joined = torch.cat([renamed[f"encoder.layers.1.self_attn.{part}_proj.weight"] for part in "qkv"])
    assert torch.equal(joined, tensors["transformer.resblocks.1.attn.in_proj_weight"])


@pytest.mark.parametrize(
    ("marker", "metadata", "meant"),
    [
        (None, None, Prediction.EPSILON),
        ("v_pred", None, Prediction.V),
        (None, {"modelspec.prediction_type": "v"}, Prediction.V),
        (None, {"modelspec.prediction_type": "epsilon"}, Prediction.EPSILON),
    ],
)
def test_a_single_file_says_what_it_predicts(
    tmp_path: Path, marker: str | None, metadata: dict[str, str] | None, meant: Prediction
) -> None:
    tensors = layouts.single_file_tensors(layouts.TINY_1)
    extra = {} if marker is None else {marker: torch.zeros(1)}
    path = layouts.write_single_file(tmp_path / "model.safetensors", {**tensors, **extra}, metadata)
    assert load(path).prediction is meant


COUNTS = {
    # Parameters of the published networks: UNet, autoencoder, text encoder.
    "first": (layouts.FULL_1, 859_520_964, 83_653_863, 123_060_480),
    "second": (layouts.FULL_2, 865_910_724, 83_653_863, 340_387_840),
}


@pytest.mark.parametrize("name", COUNTS)
def test_full_size_names_and_shapes_fit_without_memory(name: str) -> None:
    family, *counts = COUNTS[name]
    with torch.device("meta"):
        tensors = {key: torch.empty(shape) for key, shape in layouts.single_file_shapes(family).items()}
        unet = ldm_keys.part_of(tensors, ldm_keys.UNET)
        vae = modern_attention(ldm_keys.vae_tensors(ldm_keys.part_of(tensors, ldm_keys.VAE)))
        converted = ldm_keys.unet_tensors(unet)
        config = unet_config(converted, ldm_keys.num_layers(unet), name)
        if family.is_second:
            text = ldm_keys.open_clip_tensors(ldm_keys.part_of(tensors, ldm_keys.OPEN_CLIP))
        else:
            clip = ldm_keys.part_of(tensors, ldm_keys.CLIP)
            text = {key.removeprefix("text_model."): value for key, value in clip.items()}
            del text["embeddings.position_ids"]
        text_encoder = CLIPTextModel(text_config(text, is_second=family.is_second))
        networks = (
            UNet2DConditionModel.from_config(config),
            layouts.AutoencoderKL.from_config(vae_config(vae)),
            text_encoder,
        )
    assert config["block_out_channels"] == (320, 640, 1280, 1280)
    assert config["attention_head_dim"] == ([5, 10, 20, 20] if family.is_second else 8)
    bare = {key.removeprefix("text_model."): value for key, value in text_encoder.state_dict().items()}
    states = (networks[0].state_dict(), networks[1].state_dict(), bare)
    for state, given, network, count in zip(states, (converted, vae, text), networks, counts, strict=True):
        assert misfit(shapes_of(state), shapes_of(given)) == ""
        assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_controlnets_come_along_and_must_be_for_the_same_base(folder: Path, tmp_path: Path) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    for name, unet in {
        "fits": layouts.tiny_unet(),
        "other": layouts.tiny_unet(cross_attention_dim=16),
    }.items():
        controlnet = layouts.tiny_controlnet(unet)
        layouts.write_part(tmp_path / name, controlnet, layouts.config_of(controlnet), weights)
    assert len(load(folder, controlnets=(str(tmp_path / "fits"),)).controlnets) == 1
    with pytest.raises(CheckpointError, match=r"width 16, the model has 32"):
        load(folder, controlnets=(str(tmp_path / "other"),))


def test_a_pipeline_is_taken_apart(folder: Path) -> None:
    loaded = load(folder)

    pipeline = SimpleNamespace(
        unet=loaded.unet,
        vae=loaded.vae,
        text_encoder=loaded.text_encoder,
        tokenizer=loaded.tokenizer,
        scheduler=SimpleNamespace(config={**layouts.SCHEDULER, "prediction_type": "v_prediction"}),
    )
    parts = from_pipeline(pipeline)
    assert (parts.unet, parts.prediction) == (loaded.unet, Prediction.V)


Spoil = Callable[[Path], object]


def truncate(model: Path) -> None:
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])


def forget_a_key(model: Path) -> None:
    path = model / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)


def swap_parts(model: Path) -> None:
    (model / "vae" / "config.json").write_text((model / "unet" / "config.json").read_text())


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (truncate, r"unet.*cannot be read: half a download\?"),
        (forget_a_key, r"unet does not fit: missing: conv_in\.weight"),
        (lambda model: (model / "unet" / "config.json").unlink(), r"there is no file .*config\.json"),
        (lambda model: (model / "unet" / "config.json").write_text("{"), r"config\.json cannot be read"),
        (swap_parts, r"holds UNet2DConditionModel, expected AutoencoderTiny or AutoencoderKL"),
        (
            lambda model: (model / "unet" / "diffusion_pytorch_model.safetensors").unlink(),
            r"no weights in .*unet",
        ),
        (lambda model: (model / "tokenizer" / "merges.txt").unlink(), r"merges\.txt is missing"),
        (
            lambda model: (model / "scheduler" / "scheduler_config.json").write_text(
                '{"beta_schedule": "odd"}'
            ),
            r"not one that we know.*odd",
        ),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(tmp_path: Path, spoil: Spoil, said: str) -> None:
    model = layouts.write_folder(tmp_path / "model")
    spoil(model)
    with pytest.raises(CheckpointError, match=said):
        load(model)


def test_what_is_wrong_with_a_file_is_said(tmp_path: Path) -> None:
    tensors = layouts.single_file_tensors(layouts.TINY_1)
    path = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError, match=r"no folder or file .*nowhere"):
        load(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"some/model is not on this machine"):
        load("some/model")
    (tmp_path / "model.txt").write_text("hello")
    with pytest.raises(CheckpointError, match=r"\.txt, expected \.safetensors"):
        load(tmp_path / "model.txt")
    save_file({"first": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"no Stable Diffusion checkpoint: it begins with first"):
        load(path)
    save_file({**tensors, "conditioner.embedders.0.x": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match="is Stable Diffusion XL, expected"):
        load(path)
    inpainting = {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(32, 9, 3, 3)}
    save_file({**tensors, **inpainting}, path)
    with pytest.raises(CheckpointError, match=r"takes 9 channels \(inpainting\?\), expected 4"):
        load(path)
    save_file({name: value for name, value in tensors.items() if "first_stage" not in name}, path)
    with pytest.raises(CheckpointError, match="holds no autoencoder"):
        load(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(CheckpointError, match="half a download"):
        load(path)
