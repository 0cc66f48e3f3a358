"""StreamDiffusion over the rolling buffer, by the names that its users know (arXiv:2312.12491)."""

from engine.streamdiffusion.image_utils import pil2tensor, postprocess_image
from engine.streamdiffusion.parts import accelerate_with_tensorrt
from engine.streamdiffusion.stream import StreamDiffusion
from engine.streamdiffusion.wrapper import StreamDiffusionWrapper

__all__ = [
    "StreamDiffusion",
    "StreamDiffusionWrapper",
    "accelerate_with_tensorrt",
    "pil2tensor",
    "postprocess_image",
]
