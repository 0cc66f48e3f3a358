"""Live2Diff's way of leaving out the text encoder's last layers."""

import torch

from engine.condition.prompt import PromptEncoder
from models.checkpoints.diffusers_parts import load_tokenizer
from tests.models.checkpoints import published_layouts as layouts


def test_two_skipped_layers_are_the_third_state_from_the_end_normed(tmp_path: object) -> None:
    folder = layouts.write_folder(tmp_path / "model")  # type: ignore[operator]
    encoder, tokenizer = layouts.tiny_text_encoder(), load_tokenizer(folder / "tokenizer")
    plain, skipped = (PromptEncoder(encoder, tokenizer, skip).encode("hi") for skip in (0, 2))
    length = encoder.config.max_position_embeddings
    ids = tokenizer("hi", padding="max_length", max_length=length, return_tensors="pt").input_ids
    with torch.no_grad():
        states = encoder(ids, output_hidden_states=True).hidden_states
        bare = getattr(encoder, "text_model", encoder)
        torch.testing.assert_close(skipped, bare.final_layer_norm(states[-3]))
        torch.testing.assert_close(plain, bare.final_layer_norm(states[-1]))
    assert not torch.allclose(plain, skipped)
