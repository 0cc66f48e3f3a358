"""Fetches published models from the hub into the models folder: resumed, and checked before they are used.

``huggingface_hub`` does the transfer. A file arrives in a folder beside the models, is compared with the
checksum that the hub states (SHA-256 of large files, git's of small ones) or that the catalogue pins, and is
then moved to its place: what lies in a model's folder is whole. An interrupted file stays where it arrives,
and the next call goes on with it.

``download`` reaches the network, so only ``engine.fetching`` calls it, in a process of its own.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from huggingface_hub import HfApi, constants, hf_hub_url, try_to_load_from_cache
from huggingface_hub.errors import (  # type: ignore[attr-defined]  # HTTPError of whichever HTTP library it uses
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    HTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import WeakFileLock, build_hf_headers  # type: ignore[attr-defined]  # in its list of names
from huggingface_hub.utils.tqdm import tqdm

from models.checkpoints.catalogue import CatalogueEntry, CatalogueFile

ARRIVALS = ".arriving"
"""Folder below the models folder where files arrive."""

_BLOCK_BYTES = 2**20
_ROOM_TO_SPARE_BYTES = 2**28  # for what else the system writes meanwhile
_GIGABYTE = 1e9
_PATIENCE_S = 0.2

T = TypeVar("T")
Report = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all, and the file's name."""


class Fault(Enum):
    """Why a download failed, for whoever says what to do about it."""

    UNREACHABLE = "unreachable"
    NOT_THERE = "not there"
    REFUSED = "refused"
    DAMAGED = "damaged"
    NO_ROOM = "no room"
    UNWRITABLE = "unwritable"
    BUSY = "busy"


class DownloadError(Exception):
    """A model could not be fetched; crosses from one process to another.

    Args:
        message: One sentence with file and reason.
        fault: Its kind.
    """

    def __init__(self, message: str, fault: Fault) -> None:
        super().__init__(message, fault)
        self.message = message
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class HubFile:
    """A file as the hub lists it.

    Attributes:
        repository: "owner/name".
        commit: Of the listing; every file is taken from it.
        path: In the repository.
        num_bytes: Its size.
        sha256: Of a large file, or as pinned; empty for a small one.
        git_id: Git's checksum of a small file.
        target: Where it goes.
    """

    repository: str
    commit: str
    path: str
    num_bytes: int
    sha256: str
    git_id: str
    target: Path

    @property
    def name(self) -> str:
        """Return "repository/path"."""
        return f"{self.repository}/{self.path}"

    def part_in(self, models: Path) -> Path:
        """Return where it arrives: under its checksum, so that two contents are never joined."""
        return models / ARRIVALS / f"{self.sha256 or self.git_id}.part"


def download(
    entries: Sequence[CatalogueEntry], models: Path, report: Report, endpoint: str | None = None
) -> None:
    """Fetch what is missing of some models, or is there with another size than the hub states.

    Args:
        entries: What is wanted; an entry without files takes what the loaders read of its repository.
        models: The models folder; made when missing.
        report: Told how far it is, about once per megabyte.
        endpoint: Another hub; None: the public one.

    Raises:
        DownloadError: it failed; nothing that is damaged stays behind.
    """
    # The library writes and reports in pieces of ten megabytes, which is long on a slow line.
    constants.DOWNLOAD_CHUNK_SIZE = _BLOCK_BYTES
    with _alone(models):
        wanted = [file for entry in entries for file in _missing(entry, models, endpoint)]
        _check_room(wanted, models)
        done, total = 0, sum(file.num_bytes for file in wanted)
        for file in wanted:
            meter = _meter(partial(_report_file, report, done, total, file.name))
            _fetch(file, models, meter, endpoint)
            done += file.num_bytes


@contextmanager
def _alone(models: Path) -> Iterator[None]:
    """Keep other downloads out of the folder where files arrive. Raises ``DownloadError``."""
    arrivals = models / ARRIVALS
    with _faults_of(str(arrivals)):
        arrivals.mkdir(parents=True, exist_ok=True)
    try:
        with WeakFileLock(arrivals / "lock", timeout=_PATIENCE_S):
            yield
    except TimeoutError as error:
        raise DownloadError("Another download is under way.", Fault.BUSY) from error


def _report_file(report: Report, before: int, total: int, name: str, arrived: int) -> None:
    report(before + arrived, total, name)


def _missing(entry: CatalogueEntry, models: Path, endpoint: str | None) -> Iterator[HubFile]:
    api = HfApi(endpoint=endpoint)
    with _faults_of(entry.repository):
        info = _namelessly_first(
            lambda token: api.model_info(entry.repository, files_metadata=True, token=token)
        )
    siblings = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    for file in entry.files or chosen_files(siblings):
        path = next((path for path in file.paths if path in siblings), None)
        if path is None:
            raise DownloadError(f"{entry.address} has no {file.path} any more.", Fault.NOT_THERE)
        listed = _listed(entry, file, siblings[path], models, str(info.sha))
        if not listed.target.is_file() or listed.target.stat().st_size != listed.num_bytes:
            yield listed


def _listed(
    entry: CatalogueEntry, file: CatalogueFile, sibling: RepoSibling, models: Path, commit: str
) -> HubFile:
    target = _inside(models / entry.folder, sibling.rfilename, entry.address)
    offered = sibling.lfs.sha256 if sibling.lfs else ""
    if file.sha256 and sibling.rfilename == file.path and offered != file.sha256:
        raise DownloadError(
            f"{entry.address} offers another {file.path} than the one that is known: "
            f"its checksum is {offered or 'not stated'}.",
            Fault.DAMAGED,
        )
    return HubFile(
        repository=entry.repository,
        commit=commit,
        path=sibling.rfilename,
        num_bytes=sibling.size or 0,
        sha256=offered,
        git_id=sibling.blob_id or "",
        target=target,
    )


def _inside(folder: Path, name: str, address: str) -> Path:
    """Return where a listed file goes: never outside its model's folder. Raises ``DownloadError``."""
    target = folder / name
    # By its letters alone: where a link in the folder points to is the user's affair.
    if not Path(os.path.normpath(target)).is_relative_to(os.path.normpath(folder)):
        raise DownloadError(f"{address} lists {name!r}, which leads out of its folder.", Fault.DAMAGED)
    return target


def chosen_files(names: Mapping[str, object]) -> tuple[CatalogueFile, ...]:
    """Return what the loaders read of a repository that the catalogue does not know.

    Weights come in one format and one precision. Beside the parts of a diffusers folder, the same weights
    often lie in single files, which are left out.

    Args:
        names: Its files.
    """
    has_parts = "model_index.json" in names
    paths = [PurePosixPath(name) for name in sorted(names)]
    tensors = {path.parent for path in paths if path.suffix == ".safetensors" and not _is_variant(path)}
    chosen = [
        path
        for path in paths
        if path.parts[0] not in ("safety_checker", "feature_extractor")
        and (
            path.suffix in (".json", ".txt")
            or (path.suffix == ".safetensors" and not _is_variant(path))
            or (path.suffix == ".bin" and path.parent not in tensors and not _is_variant(path))
        )
        and not (has_parts and len(path.parts) == 1 and path.suffix != ".json")
    ]
    return tuple(CatalogueFile(path=str(path)) for path in chosen)


def _is_variant(path: PurePosixPath) -> bool:
    return ".fp16." in path.name or "non_ema" in path.name


def _check_room(wanted: Sequence[HubFile], models: Path) -> None:
    """Refuse what does not fit, before the first byte. Raises ``DownloadError``."""
    parts = [file.part_in(models) for file in wanted]
    arrived = sum(part.stat().st_size for part in parts if part.is_file())
    needed = sum(file.num_bytes for file in wanted) - arrived + _ROOM_TO_SPARE_BYTES
    there = next(folder for folder in (models, *models.absolute().parents) if folder.is_dir())
    free = shutil.disk_usage(there).free
    if wanted and free < needed:
        raise DownloadError(
            f"{needed / _GIGABYTE:.1f} GB are needed in {models}, and {free / _GIGABYTE:.1f} GB are free.",
            Fault.NO_ROOM,
        )


def _fetch(file: HubFile, models: Path, meter: type[Any], endpoint: str | None) -> None:
    part = file.part_in(models)
    with _faults_of(file.name):
        if not _copied_from_cache(file, part):
            _transfer(file, part, meter, endpoint)
        if _is_whole(part, file):
            file.target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(file.target)
            return
        part.unlink()
    raise DownloadError(f"{file.name} arrived damaged, and was removed.", Fault.DAMAGED)


def _copied_from_cache(file: HubFile, place: Path) -> bool:
    """Take a file that another program has fetched, where there is one."""
    found = try_to_load_from_cache(file.repository, file.path, revision=file.commit)
    if not isinstance(found, str):
        return False
    shutil.copyfile(found, place)
    return True


def _transfer(file: HubFile, place: Path, meter: type[Any], endpoint: str | None) -> None:
    """Go on where an earlier call was interrupted; the library itself resumes after cuts of the connection.

    ``hf_hub_download`` begins anew at each call, so the transfer beneath it is called.
    """
    if place.is_file() and place.stat().st_size > file.num_bytes:
        place.unlink()
    url = hf_hub_url(file.repository, file.path, revision=file.commit, endpoint=endpoint)

    def transfer(token: bool | None) -> None:
        with place.open("ab") as content:
            http_get(
                url,
                content,
                resume_size=content.tell(),
                headers=build_hf_headers(token=token),
                expected_size=file.num_bytes,
                tqdm_class=meter,
            )

    _namelessly_first(transfer)


def _namelessly_first(ask: Callable[[bool | None], T]) -> T:
    """Ask without saying who asks; who wants to know is told then, if the user has logged in at the hub."""
    try:
        return ask(False)
    except (GatedRepoError, RepositoryNotFoundError):
        return ask(None)


def _is_whole(path: Path, file: HubFile) -> bool:
    digest = hashlib.sha256()
    if not file.sha256:
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as content:
        while block := content.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest() == (file.sha256 or file.git_id)


def _meter(arrived: Callable[[int], None]) -> type[tqdm]:
    """Return a progress bar that draws nothing and tells how many bytes of the file are there."""

    class Meter(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "disable": True})  # type: ignore[no-untyped-call]
            self._arrived = int(kwargs.get("initial") or 0)
            arrived(self._arrived)

        def update(self, n: float | None = 1) -> None:
            self._arrived += int(n or 0)
            arrived(self._arrived)

    return Meter


@contextmanager
def _faults_of(name: str) -> Iterator[None]:
    """Turn the library's errors into ours."""
    try:
        yield
    except GatedRepoError as error:
        raise DownloadError(
            f"The publisher of {name} gives it to those who agree first.", Fault.REFUSED
        ) from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise DownloadError(f"The hub has no {name}, or does not show it to you.", Fault.NOT_THERE) from error
    except LocalEntryNotFoundError as error:
        raise DownloadError(f"{name} cannot be reached: {_reason(error)}.", Fault.UNREACHABLE) from error
    except EntryNotFoundError as error:
        raise DownloadError(f"The hub has no {name} any more.", Fault.NOT_THERE) from error
    except HTTPError as error:
        raise DownloadError(f"{name} cannot be reached: {_reason(error)}.", Fault.UNREACHABLE) from error
    except OSError as error:
        raise _of_the_disk(error, name) from error


def _of_the_disk(error: OSError, name: str) -> DownloadError:
    if error.errno == errno.ENOSPC:
        return DownloadError(f"The disk is full; {name} is not complete.", Fault.NO_ROOM)
    if error.errno is None:  # the library's own: fewer or more bytes than announced
        return DownloadError(f"{name} did not arrive whole: {_reason(error)}.", Fault.UNREACHABLE)
    return DownloadError(f"{name} cannot be written: {_reason(error)}.", Fault.UNWRITABLE)


def _reason(error: BaseException) -> str:
    cause = error.__cause__ or error
    return (str(cause).splitlines() or [type(cause).__name__])[0].rstrip(".")
