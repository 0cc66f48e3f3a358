"""`understudy models` in one process; what is fetched comes from a hub on this machine."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

import app.cli.models
from app.cli.console import Console
from app.cli.interrupt import Interrupt
from app.cli.models import fetch_missing
from app.cli.progress import bytes_line
from app.main import main
from engine.errors import FetchError, FetchStoppedError
from engine.fetching import FetchProgress, fetchable_models
from tests.hub_server import HubServer, running
from tests.models.checkpoints.hub_cache import lay_in_cache

TAESD = "madebyollin/taesd"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("UNDERSTUDY_MODELS_DIR", str(tmp_path / "models"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    return tmp_path / "models"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, models: Path) -> list[str]:
    """Names that would have been fetched."""
    names: list[str] = []

    def fetch(name: str, on_progress: object, should_stop: object) -> Path:
        names.append(name)
        assert callable(on_progress)
        assert callable(should_stop)
        for done in range(0, 101, 10):
            on_progress(FetchProgress(done_bytes=done * 10**7, total_bytes=10**9, file="a/b/c"))
        assert not should_stop()
        return models / "there"

    monkeypatch.setattr(app.cli.models, "fetch", fetch)
    return names


def run(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, str, str]:
    code = main(argv)
    captured = capsys.readouterr()
    assert "Traceback" not in captured.out + captured.err
    return code, captured.out, captured.err


def place(name: str, models: Path) -> None:
    """Put files where a fetch would."""
    for model in fetchable_models():
        if model.name == name:
            (model.folder / "config.json").parent.mkdir(parents=True, exist_ok=True)
            for file in ("config.json", "diffusion_pytorch_model.safetensors"):
                (model.folder / file).touch()
    assert models in (models / "x").parents


def test_the_list_says_what_for_how_large_whose_and_whether_here(
    capsys: pytest.CaptureFixture[str], models: Path
) -> None:
    place("taesd", models)
    code, out, err = run(capsys, "models")
    assert (code, err) == (0, "")
    assert "rain  RAIN v0.1 (not here, 10.3 GB)" in out
    assert "licence Apache-2.0; https://huggingface.co/Pscgylotti/RAIN-v0.1" in out
    assert "with rain-image-encoder, rain-vae, taesdv" in out
    assert "taesd  TAESD (here)" in out
    assert "rain-vae  sd-vae-ft-mse (not here, 0.3 GB)" in out
    assert "Stability AI Community License (as others say; read it first)" in out
    assert f"They lie in {models}. Fetch one with `understudy models fetch NAME`." in out


def test_what_another_program_has_fetched_is_here_and_it_says_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, models: Path
) -> None:
    files = "config.json", "diffusion_pytorch_model.safetensors"
    folder = lay_in_cache(tmp_path / "cache", TAESD, files)
    _, out, _ = run(capsys, "models")
    assert "taesd  TAESD (here)" in out
    assert f"it lies in {folder}" in out
    code, _, err = run(capsys, "models", "fetch", "sd15")
    assert code == 2
    assert f"TAESD is used from {folder}; fetching copies it to {models}" in err
    assert "TAESD, 10 MB" not in err, "what is here is not counted"
    (folder / files[1]).unlink()
    assert "taesd  TAESD (not here" in run(capsys, "models")[1]


def test_the_list_as_json(capsys: pytest.CaptureFixture[str], models: Path) -> None:
    code, out, _ = run(capsys, "models", "--json")
    report = json.loads(out)
    assert code == 0
    assert report["folder"] == str(models)
    rain = next(model for model in report["models"] if model["name"] == "rain")
    assert rain["is_here"] is False
    assert [part["licence"] for part in rain["parts"]] == [
        "Apache-2.0",
        "CreativeML OpenRAIL-M",
        "MIT",
        "MIT",
    ]


def test_terms_come_first_and_without_somebody_to_ask_nothing_is_fetched(
    capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    code, out, err = run(capsys, "models", "fetch", "sd15")
    assert (code, out, asked) == (2, "", [])
    assert "Stable Diffusion 1.5, 4.3 GB, licence CreativeML OpenRAIL-M: https://" in err
    assert "LCM-LoRA for Stable Diffusion 1.5, 0.1 GB, licence OpenRAIL++" in err
    assert "TAESD, 10 MB, licence MIT" in err
    assert "Together 4.4 GB" in err
    assert "add --yes" in err


def test_yes_fetches_with_progress(capsys: pytest.CaptureFixture[str], asked: list[str]) -> None:
    code, out, err = run(capsys, "models", "fetch", "sd15", "--yes")
    assert (code, asked) == (0, ["sd15"])
    assert "sd15 is in " in out
    assert err.count(" % ") == 10, "a line for each tenth where nobody watches"
    assert "0.50/1.00 GB" in err


def test_the_result_as_json(capsys: pytest.CaptureFixture[str], asked: list[str], models: Path) -> None:
    code, out, _ = run(capsys, "models", "fetch", "dwpose", "--yes", "--json")
    assert (code, asked) == (0, ["dwpose"])
    assert json.loads(out) == {"name": "dwpose", "folder": str(models / "there")}


@pytest.mark.parametrize(("answer", "fetched"), [("y\n", ["taesd"]), ("n\n", []), ("\n", []), ("", [])])
def test_somebody_is_asked(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    asked: list[str],
    answer: str,
    fetched: list[str],
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    code, _, err = run(capsys, "models", "fetch", "taesd")
    assert (code, asked) == (0, fetched)
    assert "Fetch it? [y/N]" in err
    assert ("Nothing was fetched." in err) == (not fetched)


def test_a_repository_that_nobody_listed_says_what_is_not_known(
    capsys: pytest.CaptureFixture[str], asked: list[str]
) -> None:
    code, _, err = run(capsys, "models", "fetch", "owner/style", "--yes")
    assert (code, asked) == (0, ["owner/style"])
    assert "size unknown; its licence is on https://huggingface.co/owner/style" in err


def test_an_unknown_name_is_one_sentence(capsys: pytest.CaptureFixture[str], asked: list[str]) -> None:
    code, out, err = run(capsys, "models", "fetch", "sd16", "--yes")
    assert (code, out, asked) == (11, "", [])
    assert "There is no published model 'sd16'." in err
    assert "sd15, sd-turbo" in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (FetchError("The disk is full.", hint="Make room."), 11),
        (FetchStoppedError("Fetching TAESD was stopped.", hint="Fetch it again."), 130),
    ],
)
def test_what_goes_wrong_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: FetchError, code: int
) -> None:
    def fail(*_arguments: object) -> Path:
        raise error

    monkeypatch.setattr(app.cli.models, "fetch", fail)
    got, out, err = run(capsys, "models", "fetch", "taesd", "--yes")
    assert (got, out) == (code, "")
    assert error.message in err
    assert error.hint in err


def test_what_is_here_is_not_fetched_on_the_way_to_painting(models: Path, asked: list[str]) -> None:
    place("taesd", models)
    err = io.StringIO()
    fetch_missing([TAESD, "latent-consistency/lcm-lora-sdv1-5"], Console(io.StringIO(), err), Interrupt())
    assert asked == ["latent-consistency/lcm-lora-sdv1-5"]
    assert "LCM-LoRA" in err.getvalue()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    content = {"config.json": b"{}", "diffusion_pytorch_model.safetensors": bytes(100_000)}
    with running(HubServer({TAESD: content})) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)  # read by the process that fetches
        yield hub


def test_the_hub_is_reached_when_asked_and_only_then(
    capsys: pytest.CaptureFixture[str], hub: HubServer, models: Path
) -> None:
    for command in (["models"], ["models", "fetch", "taesd"], ["models", "--json"]):
        run(capsys, *command)
    assert hub.requests == []
    code, _, _ = run(capsys, "models", "fetch", "taesd", "--yes")
    assert code == 0
    assert (models / TAESD / "diffusion_pytorch_model.safetensors").stat().st_size == 100_000
    assert {method for method, _, _ in hub.requests} == {"GET"}
    assert all(TAESD in target for _, target, _ in hub.requests), "nothing else is asked or told"
    assert "taesd  TAESD (here)" in run(capsys, "models")[1]


def test_the_time_left_does_not_count_what_an_earlier_try_has_fetched() -> None:
    assert bytes_line(6 * 10**9, 10 * 10**9, 10.0, before=5 * 10**9).endswith("6.00/10.00 GB  0:40 left")
    assert bytes_line(6 * 10**6, 10 * 10**6, 0.0).endswith("60 %  6/10 MB")
    assert bytes_line(6 * 10**6, None, 10.0) == "6 MB"
