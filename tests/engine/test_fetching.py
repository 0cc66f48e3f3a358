"""What the program offers to fetch, and fetching it: a process of its own against a hub on this machine."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from engine.errors import FetchError, FetchStoppedError
from engine.fetching import FetchProgress, fetch, fetchable_models
from models.checkpoints.catalogue import read_catalogue
from tests.hub_server import HubServer, running

TAESD = "madebyollin/taesd"
WEIGHTS = os.urandom(2_500_000)


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")  # as the program sets it; the fetching process is let out
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    return tmp_path / "models"


@pytest.fixture
def hub() -> Iterator[HubServer]:
    content = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": WEIGHTS}
    with running(HubServer({TAESD: content, "owner/other": {"style.safetensors": b"weights"}})) as hub:
        yield hub


def never() -> bool:
    return False


def nothing(_progress: FetchProgress) -> None:
    """Look away."""


def is_here(name: str) -> bool:
    return next(model for model in fetchable_models() if model.name == name).is_here


def test_what_there_is_says_what_it_costs_and_whose_it_is() -> None:
    models = {model.name: model for model in fetchable_models()}
    assert list(models) == list(read_catalogue())
    rain = models["rain"]
    assert rain.gigabytes == pytest.approx(sum(part.gigabytes for part in rain.parts))
    assert rain.gigabytes > 10
    assert rain.licence == "Apache-2.0 (parts of it: CreativeML OpenRAIL-M, MIT)"
    assert models["taesd"].licence == "MIT"
    assert [part.name for part in models["sd15"].parts] == ["sd15", "lcm-lora", "taesd"]
    assert not models["sd-turbo"].parts[0].is_licence_verified
    assert not any(model.is_here for model in models.values())


def test_a_model_is_fetched_with_progress_and_is_here(hub: HubServer, models: Path) -> None:
    seen: list[FetchProgress] = []
    folder = fetch("taesd", seen.append, never, endpoint=hub.address)
    assert folder == models / TAESD
    assert (folder / "diffusion_pytorch_model.safetensors").read_bytes() == WEIGHTS
    assert seen[-1].done_bytes == seen[-1].total_bytes == len(WEIGHTS) + 2
    assert is_here("taesd")
    assert not is_here("sd15"), "it needs more"


def test_a_repository_that_nobody_listed_is_fetched_too(hub: HubServer, models: Path) -> None:
    assert fetch("owner/other", nothing, never, endpoint=hub.address) == models / "owner/other"
    assert (models / "owner/other/style.safetensors").read_bytes() == b"weights"


def test_stopping_is_prompt_keeps_what_arrived_and_the_next_call_goes_on(
    hub: HubServer, models: Path
) -> None:
    weights = "diffusion_pytorch_model.safetensors"
    hub.held.clear()
    hub.held_paths.add(weights)  # the line is dead after half of the file
    part = models / ".arriving" / f"{hashlib.sha256(WEIGHTS).hexdigest()}.part"

    def has_begun() -> bool:
        return part.is_file() and part.stat().st_size == 2**20

    with pytest.raises(FetchStoppedError, match="Fetching TAESD was stopped"):
        fetch("taesd", nothing, has_begun, endpoint=hub.address)
    assert not (models / TAESD / weights).exists()
    hub.held.set()
    hub.requests.clear()
    fetch(TAESD, nothing, never, endpoint=hub.address)  # the repository is as good as the name
    assert hub.ranges(weights)[-1] == f"bytes={2**20}-"
    assert (models / TAESD / weights).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("spoil", "message", "hint"),
    [
        (lambda hub: hub.damaged.add("config.json"), "arrived damaged", "Fetch it again"),
        (lambda hub: hub.gated.add(TAESD), "agree first", "hf auth login"),
        (lambda hub: hub.files.clear(), "The hub has no madebyollin/taesd", "Look at its page"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_a_way_out(
    hub: HubServer, spoil: Callable[[HubServer], object], message: str, hint: str
) -> None:
    spoil(hub)
    with pytest.raises(FetchError, match=message) as caught:
        fetch("taesd", nothing, never, endpoint=hub.address)
    assert hint in caught.value.hint


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(FetchError, match="no published model 'sd16'") as caught:
        fetch("sd16", nothing, never)
    assert "sd15, sd-turbo" in caught.value.hint


def test_a_process_that_dies_is_said(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.fetching.serve", os._exit)
    with pytest.raises(FetchError, match="ended without a word"):
        fetch("taesd", nothing, never, endpoint=hub.address)


def test_asking_what_there_is_loads_nothing_heavy() -> None:
    heavy = ("torch", "numpy", "httpx", "huggingface_hub.hf_api", "diffusers")
    code = (
        "import sys; from engine.fetching import fetchable_models; fetchable_models(); "
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
