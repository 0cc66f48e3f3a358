"""The image encoder and the VAE in their published layout, and CLIP's preprocessing."""

import json
from pathlib import Path

import pytest
import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from models.checkpoints.published import CheckpointError
from models.checkpoints.rain_encoders import IMAGE_ENCODER, VAE, clip_pixels, load_rain_encoders


def tiny_image_encoder() -> nn.Module:
    torch.manual_seed(0)
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
        projection_dim=12,
    )
    return CLIPVisionModelWithProjection(config).eval()


def tiny_vae() -> nn.Module:
    torch.manual_seed(1)
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        layers_per_block=1,
        latent_channels=4,
    ).eval()


def write_encoders(folder: Path) -> None:
    encoder = tiny_image_encoder()
    (folder / IMAGE_ENCODER).mkdir(parents=True)
    (folder / IMAGE_ENCODER / "config.json").write_text(encoder.config.to_json_string())
    # The published file is a pickle that also holds the numbers of the positions.
    weights = dict(encoder.state_dict()) | {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    torch.save(weights, folder / IMAGE_ENCODER / "pytorch_model.bin")
    tiny_vae().save_pretrained(folder / VAE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_encoders(tmp_path)
    return tmp_path


@pytest.fixture
def picture() -> Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(2))


def test_what_they_give(folder: Path, picture: Tensor) -> None:
    encoders = load_rain_encoders(folder)
    with torch.no_grad():
        token = tiny_image_encoder()(clip_pixels(picture, 32)).image_embeds[:, None]
        mean = tiny_vae().encode(picture * 2 - 1).latent_dist.mean * 0.18215
    torch.testing.assert_close(encoders.token(picture), token)
    torch.testing.assert_close(encoders.latents(picture), mean)
    assert encoders.token(picture).shape == (1, 1, 12)
    assert encoders.latents(picture).shape == (1, 4, 8, 8)


@pytest.mark.parametrize("size", [(300, 300), (240, 320), (500, 256)])
def test_preprocessing_is_clips(size: tuple[int, int]) -> None:
    bytes_ = torch.randint(0, 256, (1, 3, *size), generator=torch.Generator().manual_seed(3)).byte()
    theirs = CLIPImageProcessor()(images=list(bytes_.numpy()), return_tensors="pt")["pixel_values"]
    ours = clip_pixels(bytes_.float() / 255.0, 224)
    assert ours.shape == theirs.shape
    # at most one step of a byte, in few pixels: the resizers' weights are rounded differently
    assert float((ours - theirs).abs().max()) < 1.5 / 255 / 0.26
    assert float(((ours - theirs).abs() > 1e-4).float().mean()) < 0.05


def test_a_missing_folder_and_half_a_file_are_named(folder: Path) -> None:
    weights = folder / IMAGE_ENCODER / "pytorch_model.bin"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(CheckpointError, match=r"pytorch_model\.bin"):
        load_rain_encoders(folder)
    weights.unlink()
    with pytest.raises(CheckpointError, match="no weights in"):
        load_rain_encoders(folder)
    (folder / IMAGE_ENCODER / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"config\.json"):
        load_rain_encoders(folder)


def test_another_encoder_is_refused(folder: Path) -> None:
    path = folder / IMAGE_ENCODER / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_hidden_layers": 3}))
    with pytest.raises(CheckpointError, match="missing: "):
        load_rain_encoders(folder)
