"""RAIN at work: its released networks loaded once, compiled per quality, one conditioner per avatar.

The buffer, the tracker and the retargeting are those of the pocket model; what RAIN adds is its networks,
the canvas of discs that its pose guider looks at, and a decoder that remembers. Importing this module loads
torch. Thread: one caller at a time.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.condition.rain import Guide, RainConditioner, device_of
from engine.decode_video import VideoDecoder
from engine.denoise.buffer import RollingBuffer
from engine.denoise.presets import RAIN
from engine.denoise.runtime_denoiser import RuntimeDenoiser
from engine.denoise.settings import LatentSpec
from engine.errors import WeightsError
from engine.paths import cache_dir, graphs_dir
from engine.pipeline import Machinery
from engine.rain_files import rain_folder, rain_hint
from engine.retarget.depth_canvas import draw_depth
from engine.retarget.face_points import face_68_from_controls
from engine.retarget.rain_canvas import CANVAS_PX, SliceEdit, disc_radius_px, draw_canvas, edit_points
from engine.settings import Quality, Settings
from engine.studio import choose, joined
from engine.types import Avatar, Control
from models.checkpoints.published import CheckpointError
from models.checkpoints.rain import DEPTH_GUIDER, RainConfig, RainNetworks, load_rain
from models.checkpoints.rain_encoders import RainEncoders, load_rain_encoders
from models.networks.pocket_graphs import Graph
from models.networks.pose_guider import PoseGuiderConfig
from models.networks.taesdv import LATENT_CHANNELS, LATENT_STRIDE
from models.networks.unet_graphs import UNetShape, pose_guider_graph, unet_graph
from models.runtimes.choose import compiled_need
from models.runtimes.load import NetworkPool, load_network
from models.runtimes.protocol import Network, RuntimeSettings

_FOLDER = "rain"


class RainStudio:
    """RAIN on one runtime.

    Args:
        networks: RAIN's networks.
        encoders: What a reference picture is read with.
        runtime: How they are run.
        runtime_text: The same in words, with the reason.
        sliders: Edits of the face's points, by hand, before the canvas is drawn.
    """

    def __init__(
        self,
        networks: RainNetworks,
        encoders: RainEncoders,
        runtime: RuntimeSettings,
        runtime_text: str,
        sliders: Sequence[SliceEdit] = (),
    ) -> None:
        self._networks = networks
        self._encoders = encoders
        self._runtime = runtime
        self._runtime_text = runtime_text
        self._sliders = tuple(sliders)
        self._guiders: NetworkPool[tuple[str, int]] = NetworkPool(self._guider)

    @property
    def runtime_text(self) -> str:
        """One sentence: which library runs the networks, how, and why."""
        return self._runtime_text

    def machinery(self, quality: Quality, seed: int) -> Machinery:
        """Return buffer and decoder, ready for every number of rows that boot and drain meet."""
        levels, chunk, cells = quality.levels, quality.chunk, quality.size // LATENT_STRIDE

        def graph(frames: int) -> Graph:
            has_depth = self._networks.depth_guider is not None
            shape = UNetShape(frames=frames, height=cells, width=cells, has_depth=has_depth)
            return unet_graph(self._networks.denoiser, shape)

        denoiser = RuntimeDenoiser(graph, self._runtime, levels * chunk)
        for rows in range(levels, 0, -1):
            denoiser.prepare(rows * chunk)
        buffer = RollingBuffer(
            denoiser,
            replace(RAIN, levels=levels, chunk=chunk),
            LatentSpec(shape=(LATENT_CHANNELS, cells, cells), device=device_of(self._networks.denoiser)),
            seed=seed,
        )
        decoder = VideoDecoder(self._networks.codec, self._runtime, chunk, quality.size)
        return Machinery(buffer=buffer, decoder=decoder, join=joined, chunk=chunk, is_guided=True)

    def conditioner(self, avatar: Avatar, size: int) -> RainConditioner:
        """Return ``avatar`` as tensors for pictures of ``size``."""
        guides = {"pose": Guide(network=self._guiders.get(("pose", size)), draw=self._canvas)}
        if self._networks.depth_guider is not None:
            depth = self._guiders.get(("depth", size))
            guides["depth"] = Guide(
                network=depth, draw=lambda control, side: draw_depth(control, avatar.depth, side)
            )
        return RainConditioner(
            networks=self._networks, encoders=self._encoders, guides=guides, avatar=avatar, size=size
        )

    def _guider(self, key: tuple[str, int]) -> Network:
        name, size = key
        guider = self._networks.depth_guider if name == "depth" else self._networks.pose_guider
        assert guider is not None
        graph = pose_guider_graph(guider, 1, size, size)
        return load_network(graph.module, graph.inputs, graph.outputs, self._runtime)

    def _canvas(self, control: Control, size: int) -> NDArray[np.uint8]:
        return rain_control_canvas(control, size, self._sliders)


def rain_control_canvas(control: Control, size: int, sliders: Sequence[SliceEdit] = ()) -> NDArray[np.uint8]:
    """Return RAIN's canvas of a control: 26 discs where the avatar's own points should be.

    The published program edits the person's points with sliders until they suit the character; here they are
    in the avatar's proportions already, and sliders are for taste.

    Args:
        control: Where the avatar's points should be.
        size: Side of the canvas in pixels; discs keep their share of it.
        sliders: Edits by hand.
    """
    points = face_68_from_controls(control.points)
    radius_px = max(round(disc_radius_px(points) * size / CANVAS_PX), 1)
    return draw_canvas(edit_points(points, sliders), radius_px, size_px=size)


def open_rain_studio(settings: Settings, config: RainConfig | None = None) -> RainStudio:
    """Load RAIN for the runtime that ``settings`` choose.

    Args:
        settings: Runtime, precision, and where the weights lie.
        config: Sizes; None: the published ones, and a guider of depth where its weights lie beside them.

    Raises:
        WeightsError: weights are missing, damaged or of another model.
        RuntimeMissingError: this machine lacks the runtime, the precision or the memory.
    """
    folder = rain_folder(settings)
    try:
        networks = load_rain(folder, cache_dir() / _FOLDER, config or _published(folder))
        encoders = load_rain_encoders(folder)
    except CheckpointError as error:
        raise WeightsError(f"RAIN cannot be loaded: {error}.", hint=rain_hint(folder)) from error
    chosen = choose(settings, compiled_need(networks.denoiser))
    torch.set_num_threads(1)
    runtime = replace(chosen.settings, cache_folder=graphs_dir())
    return RainStudio(networks, encoders, runtime, chosen.text)


def _published(folder: Path) -> RainConfig:
    has_depth = (folder / DEPTH_GUIDER).is_file()
    return RainConfig(depth_guider=PoseGuiderConfig() if has_depth else None)
