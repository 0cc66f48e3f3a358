"""An avatar and a control to the tensors the pocket networks want.

In: ``types.Avatar`` once, ``types.Control`` per frame. Out: the reference (constant until the avatar
changes) and one row's conditions, which travel through the rolling buffer with their frame. Thread: the
worker's.
"""

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from engine.types import Avatar, Control, RgbImage
from models.networks.fill import background_plate, extend_colour
from models.networks.followers import Followers
from models.networks.geometry import heat_maps
from models.networks.lids import skin_colour
from models.networks.pocket import LATENT_STRIDE, PocketNetworks
from models.networks.pose import PoseMaker
from models.networks.warp import sample


class PocketConditioner:
    """Conditions of one avatar at one size. Build a new one to change the avatar.

    Args:
        networks: The pocket networks; encoder and reference network run here, once.
        avatar: Who is put on stage.
        size: Side of the generated picture in pixels, a multiple of 32.

    Attributes:
        picture: The avatar for the decoder, ``(1, 4, S, S)`` RGBA 0..1, colour continued beyond its edge.
        plate: The avatar's picture without the avatar, ``(S, S, 3)``.

    Raises:
        ValueError: ``size`` is not a multiple of 32, or the avatar's picture is not square.
    """

    def __init__(self, networks: PocketNetworks, avatar: Avatar, size: int) -> None:
        height, width, _ = avatar.rgb.shape
        if size % 32 or size <= 0:
            raise ValueError(f"size must be a positive multiple of 32, got {size}")
        if height != width:
            raise ValueError(f"expected a square avatar picture, got {width} x {height}")
        self._size = size
        self._maker = PoseMaker()
        rgb = _resized(torch.from_numpy(avatar.rgb).permute(2, 0, 1)[None].float() / 255.0, size)
        matte = np.ones((height, width), np.float32) if avatar.matte is None else avatar.matte
        alpha = _resized(torch.from_numpy(np.ascontiguousarray(matte))[None, None], size)
        self._points = torch.from_numpy(avatar.points.astype(np.float32))[None]
        self._followers = Followers(self._points)
        scores = torch.from_numpy(avatar.scores.astype(np.float32))[None]
        self.picture = torch.cat([extend_colour(rgb, alpha), alpha], dim=1).contiguous()
        plate = background_plate(rgb, alpha)[0].permute(1, 2, 0)
        self.plate: RgbImage = (plate * 255.0 + 0.5).clamp(0, 255).byte().contiguous().numpy()
        self._skin = skin_colour(self.picture, self._points)
        cells = size // LATENT_STRIDE
        with torch.inference_mode():
            heat = heat_maps(self._points, scores, cells, cells)
            self._stack, self._reference = networks.read_reference(self.picture, heat)

    @property
    def reference(self) -> Mapping[str, Tensor]:
        """Keys and values of the reference, ``(1, heads, tokens, d)`` each; the same tensors every time."""
        return self._reference

    @torch.inference_mode()
    def row(self, control: Control) -> dict[str, Tensor]:
        """Return the conditions of one frame.

        Args:
            control: Where the avatar's points should be.

        Returns:
            With a leading dimension of 1: ``points (61, 2)``, ``flows (6, 64, 64)``, ``lids (4, 5, 2)`` and
            ``skin (4)`` for the decoder;
            ``heat (61, h, w)`` and ``warped (8 + C, h, w)`` for the denoiser. New memory.

        Cost: about 3.5 ms of one core at 256x256.
        """
        points = torch.from_numpy(control.points)[None]
        scores = torch.from_numpy(control.scores)[None]
        inputs = self._maker.pose(points, scores, self._followers, self._size)
        warped = sample(self._stack, inputs.cut_flow, self._size // LATENT_STRIDE)
        return {
            "points": points,
            "flows": inputs.flows,
            "lids": inputs.lids,
            "skin": self._skin,
            "heat": inputs.heat,
            "warped": warped,
        }


def _resized(picture: Tensor, size: int) -> Tensor:
    if picture.shape[-1] == size:
        return picture
    resized = F.interpolate(picture, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
    return resized.clamp(0.0, 1.0)
