"""Downloads over real HTTP from a hub on this machine: whole, cut, damaged, refused, too large."""

import errno
import hashlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import constants

from models.checkpoints import download as download_module
from models.checkpoints.catalogue import CatalogueEntry, CatalogueFile
from models.checkpoints.download import ARRIVALS, DownloadError, Fault, chosen_files, download
from tests.hub_server import HubServer, git_id, running

WEIGHTS = bytes(range(256)) * 12_000  # three pieces of a megabyte
CONFIG = b'{"model_type": "tiny"}'
ENTRY = CatalogueEntry(
    name="tiny",
    title="Tiny",
    purpose="tests",
    repository="maker/tiny",
    folder="placed/tiny",
    licence="MIT",
    licence_url="https://example.org",
    num_bytes=len(WEIGHTS),
    files=(CatalogueFile(path="config.json"), CatalogueFile(path="unet/model.safetensors")),
)


@pytest.fixture(autouse=True)
def _online(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process as in the fetching one; other tests may have imported the library silenced."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", constants.DOWNLOAD_CHUNK_SIZE)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nonexistent/token")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def hub() -> Iterator[HubServer]:
    files = {"config.json": CONFIG, "unet/model.safetensors": WEIGHTS, "README.md": b"# Tiny"}
    with running(HubServer({"maker/tiny": files})) as hub:
        yield hub


def fetched(hub: HubServer, models: Path, *entries: CatalogueEntry) -> list[tuple[int, int, str]]:
    steps: list[tuple[int, int, str]] = []
    download(entries or (ENTRY,), models, lambda *step: steps.append(step), hub.address)
    return steps


def failure(hub: HubServer, models: Path, *entries: CatalogueEntry) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        fetched(hub, models, *entries)
    return caught.value


def leftovers(models: Path) -> list[Path]:
    return list((models / ARRIVALS).glob("*.part"))


def test_a_model_arrives_whole_in_its_place_and_nothing_else(hub: HubServer, tmp_path: Path) -> None:
    steps = fetched(hub, tmp_path)
    folder = tmp_path / "placed" / "tiny"
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "unet" / "model.safetensors").read_bytes() == WEIGHTS
    assert not (folder / "README.md").exists()
    assert leftovers(tmp_path) == []
    total = len(CONFIG) + len(WEIGHTS)
    assert steps[-1] == (total, total, "maker/tiny/unet/model.safetensors")
    assert [step[0] for step in steps] == sorted(step[0] for step in steps)
    assert len(steps) >= 5, "one for every megabyte"


def test_what_is_whole_is_not_fetched_again_and_what_is_not_is(hub: HubServer, tmp_path: Path) -> None:
    fetched(hub, tmp_path)
    hub.requests.clear()
    assert fetched(hub, tmp_path) == []
    assert [target for _, target, _ in hub.requests] == ["/api/models/maker/tiny"]
    target = tmp_path / "placed" / "tiny" / "unet" / "model.safetensors"
    target.write_bytes(WEIGHTS[:1000])
    fetched(hub, tmp_path)
    assert target.read_bytes() == WEIGHTS


def test_a_cut_connection_goes_on_where_it_broke_off(hub: HubServer, tmp_path: Path) -> None:
    hub.cut_at["unet/model.safetensors"] = 1_500_000
    fetched(hub, tmp_path)
    assert hub.ranges("unet/model.safetensors")[-1] == f"bytes={2**20}-"
    assert (tmp_path / "placed" / "tiny" / "unet" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("begun", [0, 5])
def test_text_that_comes_compressed_is_whole_also_after_half_a_try(
    hub: HubServer, tmp_path: Path, begun: int
) -> None:
    """The hub sends text so, and then always from its beginning."""
    hub.packed.add("config.json")
    part = tmp_path / ARRIVALS / f"{git_id(CONFIG)}.part"
    part.parent.mkdir()
    part.write_bytes(CONFIG[:begun])
    fetched(hub, tmp_path)
    assert (tmp_path / "placed" / "tiny" / "config.json").read_bytes() == CONFIG


def test_half_a_file_of_an_earlier_try_is_not_fetched_again(hub: HubServer, tmp_path: Path) -> None:
    steps: list[int] = []

    def give_up(done: int, _total: int, _file: str) -> None:
        steps.append(done)
        if done > 2_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download((ENTRY,), tmp_path, give_up, hub.address)
    assert not (tmp_path / "placed" / "tiny" / "unet").exists()
    hub.requests.clear()
    later = fetched(hub, tmp_path)
    assert hub.ranges("unet/model.safetensors")[-1] == f"bytes={2**20}-"
    assert later[0][0] == 2**20, "progress begins with what is there"
    assert (tmp_path / "placed" / "tiny" / "unet" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("size", [len(WEIGHTS), len(WEIGHTS) + 1])
def test_a_part_that_is_not_what_it_should_be_is_fetched_anew(
    hub: HubServer, tmp_path: Path, size: int
) -> None:
    """As after a power cut; the first call finds it out where the length is right."""
    part = tmp_path / ARRIVALS / f"{hashlib.sha256(WEIGHTS).hexdigest()}.part"
    part.parent.mkdir()
    part.write_bytes(bytes(size))
    if size == len(WEIGHTS):
        assert failure(hub, tmp_path).fault is Fault.DAMAGED
    fetched(hub, tmp_path)
    assert (tmp_path / "placed" / "tiny" / "unet" / "model.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize("path", ["unet/model.safetensors", "config.json"])
def test_a_damaged_file_is_removed_and_said(hub: HubServer, tmp_path: Path, path: str) -> None:
    hub.damaged.add(path)
    error = failure(hub, tmp_path)
    assert error.fault is Fault.DAMAGED
    assert error.message == f"maker/tiny/{path} arrived damaged, and was removed."
    assert not (tmp_path / "placed" / "tiny" / path).exists()
    assert leftovers(tmp_path) == []
    hub.damaged.clear()
    fetched(hub, tmp_path)
    assert (tmp_path / "placed" / "tiny" / path).is_file()


def test_another_file_than_the_pinned_one_is_not_even_fetched(hub: HubServer, tmp_path: Path) -> None:
    pinned = CatalogueFile(path="unet/model.safetensors", sha256="0" * 64)
    error = failure(hub, tmp_path, replace(ENTRY, files=(pinned,)))
    assert error.fault is Fault.DAMAGED
    assert hashlib.sha256(WEIGHTS).hexdigest() in error.message
    assert hub.ranges("unet/model.safetensors") == []


def test_the_pinned_file_is_taken(hub: HubServer, tmp_path: Path) -> None:
    pinned = CatalogueFile(path="unet/model.safetensors", sha256=hashlib.sha256(WEIGHTS).hexdigest())
    fetched(hub, tmp_path, replace(ENTRY, files=(pinned,)))
    assert (tmp_path / "placed" / "tiny" / "unet" / "model.safetensors").is_file()


def test_the_other_format_is_taken_where_the_first_is_gone(hub: HubServer, tmp_path: Path) -> None:
    either = CatalogueFile(path="unet/model.bin", other="unet/model.safetensors")
    fetched(hub, tmp_path, replace(ENTRY, files=(either,)))
    assert (tmp_path / "placed" / "tiny" / "unet" / "model.safetensors").is_file()


def test_a_file_that_the_repository_has_no_more_is_named(hub: HubServer, tmp_path: Path) -> None:
    error = failure(hub, tmp_path, replace(ENTRY, files=(CatalogueFile(path="gone.bin"),)))
    assert error.fault is Fault.NOT_THERE
    assert "maker/tiny" in error.message
    assert "gone.bin" in error.message


@pytest.mark.parametrize("repository", ["maker/nothing", "maker/not a name"])
def test_a_repository_that_is_not_there_is_named(hub: HubServer, tmp_path: Path, repository: str) -> None:
    error = failure(hub, tmp_path, replace(ENTRY, repository=repository))
    assert error.fault is Fault.NOT_THERE
    assert repository in error.message


@pytest.mark.parametrize("name", ["../outside.json", "unet/../../../outside.json", "/outside.json"])
def test_a_name_that_leads_out_of_the_folder_is_refused(hub: HubServer, tmp_path: Path, name: str) -> None:
    hub.files["maker/tiny"][name] = CONFIG
    models = tmp_path / "models"
    error = failure(hub, models, replace(ENTRY, files=(CatalogueFile(path=name),)))
    assert error.fault is Fault.DAMAGED
    assert name in error.message
    assert not list(tmp_path.rglob("outside.json"))


def test_a_gated_repository_says_that_it_wants_an_agreement(hub: HubServer, tmp_path: Path) -> None:
    hub.gated.add("maker/tiny")
    error = failure(hub, tmp_path)
    assert error.fault is Fault.REFUSED
    assert "agree" in error.message


def test_who_asks_is_said_only_to_who_wants_to_know(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_of_the_user")
    fetched(hub, tmp_path / "open")
    assert set(hub.tokens) == {""}
    hub.gated.add("maker/tiny")
    fetched(hub, tmp_path / "gated")
    assert "Bearer hf_of_the_user" in hub.tokens


def test_no_connection_is_said(tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="maker/tiny cannot be reached") as caught:
        download((ENTRY,), tmp_path, lambda *_step: None, "http://127.0.0.1:9")
    assert caught.value.fault is Fault.UNREACHABLE


def test_what_does_not_fit_is_refused_before_with_both_figures(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=200_000_000))
    error = failure(hub, tmp_path)
    assert error.fault is Fault.NO_ROOM
    assert "0.3 GB are needed" in error.message
    assert "0.2 GB are free" in error.message
    assert hub.ranges("unet/model.safetensors") == []


def test_a_disk_that_fills_up_meanwhile_is_said(
    hub: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download_module, "http_get", full)
    error = failure(hub, tmp_path)
    assert (error.fault, error.message) == (
        Fault.NO_ROOM,
        "The disk is full; maker/tiny/config.json is not complete.",
    )


def test_a_place_that_cannot_be_written_is_named(hub: HubServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    error = failure(hub, tmp_path / "file")
    assert error.fault is Fault.UNWRITABLE
    assert str(tmp_path / "file") in error.message


def test_two_downloads_do_not_meet(hub: HubServer, tmp_path: Path) -> None:
    with download_module._alone(tmp_path):
        assert failure(hub, tmp_path).fault is Fault.BUSY
    fetched(hub, tmp_path)


def test_a_repository_outside_the_catalogue_gives_what_the_loaders_read(
    hub: HubServer, tmp_path: Path
) -> None:
    fetched(hub, tmp_path, replace(ENTRY, files=()))
    folder = tmp_path / "placed" / "tiny"
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        "config.json",
        "unet/model.safetensors",
    ]


@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        (
            {
                "model_index.json": 0,
                "unet/config.json": 0,
                "unet/diffusion_pytorch_model.safetensors": 0,
                "unet/diffusion_pytorch_model.fp16.safetensors": 0,
                "unet/diffusion_pytorch_model.non_ema.safetensors": 0,
                "unet/diffusion_pytorch_model.bin": 0,
                "tokenizer/merges.txt": 0,
                "safety_checker/model.safetensors": 0,
                "v1-5-pruned.safetensors": 0,
                "v1-5-pruned.ckpt": 0,
                "README.md": 0,
            },
            [
                "model_index.json",
                "tokenizer/merges.txt",
                "unet/config.json",
                "unet/diffusion_pytorch_model.safetensors",
            ],
        ),
        ({"config.json": 0, "pytorch_model.bin": 0, "run.py": 0}, ["config.json", "pytorch_model.bin"]),
        ({"style.safetensors": 0, "picture.png": 0}, ["style.safetensors"]),
    ],
)
def test_the_choice_takes_each_weight_once(names: Mapping[str, object], chosen: list[str]) -> None:
    assert [file.path for file in chosen_files(names)] == chosen
