"""Rows of several frames in one step: a folder with such a case runs; right and published are told apart.

The published goldens have one frame a row. This case is computed here, straight from the original's equations
(specification 1.6, 1.7 and 1.9: its tables have an entry for each frame and move on by one entry), with the
core's networks.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.parity.streamdiffusion.__main__ import main
from tests.parity.streamdiffusion.goldens import Networks

CORE = Path(__file__).parent / "streamdiffusion" / "core"
FRAMES, CALLS, INDEX, SCALE, DELTA = 3, 4, 30, 1.6, 0.8
TIMESTEP = 999 - 20 * INDEX
RIGHT = {"tolerance": {"metric": "relative_l2", "max": 2e-4}, "per_call_axis": 0}


class Published:
    """One step of self guidance over a batch of several frames, as the original has it."""

    def __init__(self, networks: Networks, prompt: Tensor, noise: Tensor) -> None:
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        alpha = torch.full((FRAMES, 1, 1, 1), float(torch.cumprod(1.0 - betas, dim=0)[TIMESTEP]) ** 0.5)
        self.alpha, self.beta = alpha, (1.0 - alpha**2) ** 0.5
        self.c_skip = 0.25 / ((10.0 * TIMESTEP) ** 2 + 0.25)
        self.c_out = 10.0 * TIMESTEP / ((10.0 * TIMESTEP) ** 2 + 0.25) ** 0.5
        self.unet, self.prompt, self.noise = networks.unet, prompt, noise
        self.stock = torch.zeros_like(noise)

    def step(self, x: Tensor, epsilon: Tensor) -> Tensor:
        return self.c_out * (x - self.beta * epsilon) / self.alpha + self.c_skip * x

    def predict(self, clean: Tensor) -> tuple[Tensor, Tensor]:
        x = self.alpha * clean + self.beta * self.noise[:1]
        timesteps = torch.full((FRAMES,), TIMESTEP)
        cond: Tensor = self.unet(x, timesteps, self.prompt.expand(FRAMES, -1, -1), return_dict=False)[0]
        return x, cond

    def __call__(self, clean: Tensor) -> Tensor:
        x, cond = self.predict(clean)
        base = DELTA * self.stock
        epsilon = base + SCALE * (cond - base)
        stepped = self.step(self.beta * self.stock, epsilon)
        one = torch.ones(1, 1, 1, 1)
        alpha, beta = torch.cat([self.alpha[1:], one]), torch.cat([self.beta[1:], one])
        self.stock = torch.cat([self.noise[1:], self.noise[:1]]) + alpha / beta * stepped
        return self.step(x, epsilon)

    def right(self, clean: Tensor) -> Tensor:
        """Each frame with the noise that it holds beside its picture: the one that it entered with."""
        x, cond = self.predict(clean)
        base = DELTA * self.noise[:1]
        return self.step(x, base + SCALE * (cond - base))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The core with one case: three frames a call, four calls."""
    copied = shutil.copytree(CORE, tmp_path / "core", ignore=shutil.ignore_patterns("cases", "cases.json"))
    generator = torch.Generator().manual_seed(4)
    networks = Networks(CORE)
    prompt = torch.randn(1, 77, networks.unet.config.cross_attention_dim, generator=generator)
    noise = torch.randn(FRAMES, 4, 8, 8, generator=generator)
    images = (torch.rand(CALLS * FRAMES, 3, 64, 64, generator=generator) * 255.0).to(torch.uint8)
    published = Published(networks, prompt, noise)
    x0, right, stock = [], [], []
    with torch.no_grad():
        for frames in images.split(FRAMES):
            clean = networks.vae.encode(frames.float() / 255.0 * 2.0 - 1.0).latents
            x0.append(published(clean))
            right.append(published.right(clean))
            stock.append(published.stock)
    inputs = {"images": images, "prompt_embeds": prompt, "init_noise": noise}
    expected = {
        "x0_reference": torch.stack(x0),
        "stock_noise_reference": torch.stack(stock),
        "x0_reset": torch.stack(right),
    }
    write(copied, inputs, expected)
    return copied


def write(folder: Path, inputs: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    roles: dict[str, dict[str, Any]] = {name: {"role": "input"} for name in inputs}
    roles |= {name: {"role": "expected", **RIGHT} for name in expected}
    params = {
        "mode": "img2img",
        "t_index_list": [INDEX],
        "num_inference_steps": 50,
        "cfg_type": "self",
        "guidance_scale": SCALE,
        "delta": DELTA,
        "do_add_noise": True,
        "frame_buffer_size": FRAMES,
        "num_calls": CALLS,
        "first_valid_call": 0,
        "height": 64,
        "width": 64,
    }
    (folder / "cases").mkdir()
    save_file(inputs | expected, folder / "cases" / "rows.safetensors")
    case = {"id": "rows", "file": "cases/rows.safetensors", "params": params, "tensors": roles}
    (folder / "cases.json").write_text(json.dumps({"cases": [case]}))


def test_a_folder_with_rows_of_one_step_runs_without_a_miss(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(folder)])
    printed = capsys.readouterr().out.splitlines()
    assert json.loads(printed[-1]) == {"checked": 3, "missed": []}
    assert code == 0


def test_right_and_published_are_far_apart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The comparison tells them apart: exchanged, both miss."""
    values = load_file(folder / "cases" / "rows.safetensors")
    values["x0_reset"], values["x0_reference"] = values["x0_reference"], values["x0_reset"]
    save_file(values, folder / "cases" / "rows.safetensors")
    assert main([str(folder)]) == 1
    missed = json.loads(capsys.readouterr().out.splitlines()[-1])["missed"]
    assert missed == ["rows: x0_reference", "rows: x0_reset"]
