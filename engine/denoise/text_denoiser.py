"""A text-conditioned UNet on a runtime, as the rolling buffer calls it (StreamDiffusion)."""

from collections.abc import Mapping

from torch import Tensor

from models.networks.stable_diffusion import TextUnet, TextUnetShape, text_unet_graph
from models.runtimes.load import NetworkPool, load_network, takes_gigabytes_a_shape
from models.runtimes.protocol import Network, RuntimeSettings

_KEPT = 6  # shapes: two numbers of levels, with and without doubles under the negative prompt
_KEPT_LARGE = 1  # of a network that would take the memory once more for each


class TextDenoiser:
    """A ``Denoiser``: one network of static shape for each number of frames in the buffer.

    Its reference is ``prompt_embeds (1 or F, L, D)``, and with ControlNets ``control_scales (1 or F, n)``;
    the frames' conditions are then ``control_image (F, n * 3, H, W)`` 0..1, and otherwise nothing.

    Args:
        network: UNet and ControlNets.
        runtime: Runtime, precision, threads.
        height, width: Of the latents, in cells.
    """

    def __init__(self, network: TextUnet, runtime: RuntimeSettings, height: int, width: int) -> None:
        self._names = ("control_image",) if len(network.controlnets) else ()

        def build(key: tuple[int, int, bool]) -> Network:
            frames, tokens, is_per_frame = key
            shape = TextUnetShape(
                frames=frames,
                height=height,
                width=width,
                prompt_tokens=tokens,
                is_prompt_per_frame=is_per_frame,
            )
            graph = text_unet_graph(network, shape)
            return load_network(graph.module, graph.inputs, graph.outputs, runtime)

        capacity = _KEPT_LARGE if takes_gigabytes_a_shape(network, runtime) else _KEPT
        self._pool: NetworkPool[tuple[int, int, bool]] = NetworkPool(build, capacity=capacity)

    def prepare(self, frames: int, prompt_tokens: int, *, is_prompt_per_frame: bool = False) -> None:
        """Load for ``frames`` frames now rather than at the first call."""
        self._pool.get((frames, prompt_tokens, is_prompt_per_frame))

    def __call__(
        self,
        latents: Tensor,
        levels: Tensor,
        conditions: Mapping[str, Tensor],
        reference: Mapping[str, Tensor],
    ) -> Tensor:
        """Predict, ``(F, C, h, w)``; memory that the next call may overwrite. See ``Denoiser``."""
        prompts, tokens, _ = reference["prompt_embeds"].shape
        network = self._pool.get((len(latents), tokens, prompts > 1))
        control = {name: conditions[name] for name in self._names}
        return network.run({"latents": latents, "levels": levels, **reference, **control})["prediction"]
