"""Prompts to what a text-conditioned denoiser is told: encoded, mixed by weight, remembered.

In: texts. Out: ``prompt_embeds (1, L, D)``. Encoding costs a forward of the text encoder, so the latest
prompts are kept: going back to one, or moving the weights of a mix, is instant. Thread: one caller at a time.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.diffusion.blending import Interpolation, blend

_KEPT = 32


class PromptEncoder:
    """A text encoder with its tokenizer.

    Args:
        text_encoder: ``transformers.CLIPTextModel``.
        tokenizer: ``transformers.CLIPTokenizer``; None where there is none: then every encoding is refused.
        clip_skip: Last layers that are left out, as Live2Diff counts: 0 none, 2 takes the third from last.
    """

    def __init__(self, text_encoder: nn.Module, tokenizer: Any, clip_skip: int = 0) -> None:
        self._text_encoder: Any = text_encoder
        self._clip_skip = clip_skip
        self._tokenizer = tokenizer
        self._kept: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def num_tokens(self) -> int:
        """L, 77 for every published model."""
        return int(self._text_encoder.config.max_position_embeddings)

    def encode(self, text: str) -> Tensor:
        """Return the states of one text, ``(1, L, D)`` float32; not to be written.

        Text beyond L tokens is cut off, as everywhere in the field. An empty text is the usual negative one.

        Raises:
            ValueError: There is no tokenizer.
        """
        if text not in self._kept:
            self._kept[text] = self._run(text)
        self._kept.move_to_end(text)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[text]

    def mix(
        self,
        prompts: Sequence[tuple[str, float]],
        interpolation: Interpolation = Interpolation.LINEAR,
    ) -> Tensor:
        """Return several prompts in one, ``(1, L, D)``.

        Args:
            prompts: Text and weight of each, at least one; only the weights' ratios count.
            interpolation: Straight, or along the arc, token by token.

        Raises:
            ValueError: A prompt is empty, the weights cannot be mixed, or there is no tokenizer.
        """
        for text, weight in prompts:
            if not text.strip():
                raise ValueError(f"expected a prompt, got an empty one (weight {weight})")
        weights = [weight for _, weight in prompts]
        return blend([self.encode(text) for text, _ in prompts], weights, interpolation)

    def _run(self, text: str) -> Tensor:
        if self._tokenizer is None:
            raise ValueError(f"there is no tokenizer to read {text!r} with: name its folder")
        tokens = self._tokenizer(
            text,
            padding="max_length",
            max_length=self.num_tokens,
            truncation=True,
            return_tensors="pt",
        )
        device = next(self._text_encoder.parameters()).device
        with torch.no_grad():
            return self._states(tokens.input_ids.to(device)).float()

    def _states(self, ids: Tensor) -> Tensor:
        if not self._clip_skip:
            states: Tensor = self._text_encoder(ids)[0]
            return states
        layers = self._text_encoder(ids, output_hidden_states=True).hidden_states
        bare = getattr(self._text_encoder, "text_model", self._text_encoder)
        skipped: Tensor = bare.final_layer_norm(layers[-1 - self._clip_skip])
        return skipped
