"""Published models: which there are, and fetching them when the user asks.

Nothing here is reached unless ``fetch`` is called, and only the process that ``fetch`` starts may reach the
network (``fetching_process.py``). Importing this loads nothing heavy.
"""

import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from engine.errors import FetchError, FetchStoppedError
from engine.fetching_process import Failure, Order, Step, serve
from engine.paths import models_dir
from models.checkpoints.catalogue import (
    CatalogueEntry,
    is_repository,
    licences_of,
    read_catalogue,
    with_needs,
)
from models.checkpoints.errors import CheckpointError
from models.checkpoints.hub import folder_of, local_folder

__all__ = [
    "FetchProgress",
    "FetchableModel",
    "ModelPart",
    "fetch",
    "fetchable_models",
    "find_model",
    "missing_of",
]

OnProgress = Callable[["FetchProgress"], None]
ShouldStop = Callable[[], bool]

_LOOK_EVERY_S = 0.1
_END_WITHIN_S = 5.0
_WAYS_OUT = {
    "unreachable": "Look at your connection and fetch it again: what has arrived is kept.",
    "not there": "Look at its page, or put the files there yourself: `understudy models` says where.",
    "refused": "Agree on its page, log in with `hf auth login`, and fetch it again.",
    "damaged": "Fetch it again; if it stays so, do not use that file.",
    "no room": "Make room, or set UNDERSTUDY_MODELS_DIR to a folder on another disk.",
    "busy": "Wait for it, or stop it.",
    "unwritable": "Set UNDERSTUDY_MODELS_DIR to a folder that you may write to.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPart:
    """One repository of what is fetched.

    Attributes:
        name: As for ``fetch``.
        title: Its own name.
        gigabytes: To fetch.
        licence: Name of its licence.
        licence_url: Where that can be read.
        address: Its page.
        is_licence_verified: Whether the publisher's own page was seen to say so.
        is_here: Whether it is on this machine, where its loader finds it.
        folder: Where it lies: in the models folder, or in the hub's cache of other programs; where it would
            be fetched to, if it is not here.
    """

    name: str
    title: str
    gigabytes: float
    licence: str
    licence_url: str
    address: str
    is_licence_verified: bool
    is_here: bool
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchableModel:
    """A published model with all that it needs.

    Attributes:
        name: For ``fetch``.
        title: Its own name.
        purpose: What it is for here.
        gigabytes: To fetch in all.
        licence: Name of its licence, and of those of its parts that have others.
        licence_url: Where that can be read.
        address: Its page.
        is_here: Whether it and its parts are on this machine, where their loaders find them.
        folder: Where its own files lie, or will.
        parts: Itself first, then what it needs.
    """

    name: str
    title: str
    purpose: str
    gigabytes: float
    licence: str
    licence_url: str
    address: str
    is_here: bool
    folder: Path
    parts: tuple[ModelPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchProgress:
    """How far a download is.

    Attributes:
        done_bytes: On the disk, parts of an earlier try included.
        total_bytes: In all.
        file: What is being fetched, as "repository/path".
    """

    done_bytes: int
    total_bytes: int
    file: str


def fetchable_models() -> tuple[FetchableModel, ...]:
    """Return every model of the catalogue. Looks for files only; opens none."""
    catalogue = read_catalogue()
    return tuple(_fetchable(with_needs(name, catalogue)) for name in catalogue)


def find_model(name: str) -> FetchableModel | None:
    """Return the model of a name or of a repository; None for a repository that the catalogue does not list.

    Raises:
        FetchError: It is neither.
    """
    entries = _entries(name)
    return _fetchable(entries) if entries[0].files else None


def missing_of(sources: Iterable[str]) -> list[str]:
    """Return which of some sources have to be fetched, for ``fetch``.

    Args:
        sources: Names, repositories, folders or files; what is here, or is a path, is left out.
    """
    return [source for source in sources if _is_missing(source)]


def _is_missing(source: str) -> bool:
    if Path(source).expanduser().exists():
        return False
    if source not in read_catalogue() and not is_repository(source):
        return False
    model = find_model(source)
    return _is_nowhere(source) if model is None else not model.is_here


def _is_nowhere(repository: str) -> bool:
    try:
        local_folder(repository)
    except CheckpointError:
        return True
    return False


def fetch(
    name: str, on_progress: OnProgress, should_stop: ShouldStop, *, endpoint: str | None = None
) -> Path:
    """Fetch a model and what it needs, in a process of its own; what is here already is not fetched again.

    Args:
        name: Of the catalogue, or a repository of the hub, "owner/name".
        on_progress: Called on this thread, about once per megabyte.
        should_stop: Asked ten times a second.
        endpoint: Another hub; None: the public one.

    Returns:
        The folder of the model's own files.

    Raises:
        FetchError: it failed; the message says why and the hint what to do.
        FetchStoppedError: ``should_stop`` said so; what has arrived is kept, and the next call goes on.

    Thread: any but the window's; it takes as long as the download does.
    """
    entries = _entries(name)
    order = Order(entries=entries, models=models_dir(), endpoint=endpoint)
    with _running(order) as answers:
        for step in _steps(answers, should_stop, entries[0].title):
            on_progress(FetchProgress(done_bytes=step[0], total_bytes=step[1], file=step[2]))
    return order.models / entries[0].folder


def _entries(name: str) -> tuple[CatalogueEntry, ...]:
    catalogue = read_catalogue()
    by_repository = {entry.repository: entry.name for entry in catalogue.values()}
    known = by_repository.get(name, name)
    if known in catalogue:
        return with_needs(known, catalogue)
    if not is_repository(name):
        raise FetchError(
            f"There is no published model {name!r}.",
            hint=f"Choose {', '.join(catalogue)}, or a repository as owner/name.",
        )
    return (_unlisted(name),)


def _unlisted(repository: str) -> CatalogueEntry:
    return CatalogueEntry(
        name=repository,
        title=repository,
        purpose="",
        repository=repository,
        folder=repository,
        licence="",
        licence_url=f"https://huggingface.co/{repository}",
        num_bytes=0,
        files=(),
        is_licence_verified=False,
    )


@contextmanager
def _running(order: Order) -> Iterator[Connection]:
    """Yield what the fetching process says; it has ended when the block is left."""
    context = multiprocessing.get_context("spawn")
    answers, theirs = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=(order, theirs), name="understudy-fetch", daemon=True)
    process.start()
    theirs.close()
    try:
        yield answers
    finally:
        process.terminate()
        process.join(_END_WITHIN_S)
        answers.close()


def _steps(answers: Connection, should_stop: ShouldStop, title: str) -> Iterator[Step]:
    while True:
        if should_stop():
            raise FetchStoppedError(
                f"Fetching {title} was stopped.", hint="What has arrived is kept; fetch it again to go on."
            )
        if not answers.poll(_LOOK_EVERY_S):
            continue
        try:
            answer: Step | Failure | None = answers.recv()
        except EOFError:
            raise FetchError(
                f"The process that fetches {title} ended without a word.",
                hint="Fetch it again: what has arrived is kept.",
            ) from None
        if answer is None:
            return
        if isinstance(answer, Failure):
            raise FetchError(answer.message, hint=_WAYS_OUT[answer.fault])
        yield answer


def _fetchable(entries: tuple[CatalogueEntry, ...]) -> FetchableModel:
    own, parts = entries[0], tuple(map(_part, entries))
    return FetchableModel(
        name=own.name,
        title=own.title,
        purpose=own.purpose,
        gigabytes=sum(part.gigabytes for part in parts),
        licence=licences_of(entries),
        licence_url=own.licence_url,
        address=own.address,
        is_here=all(part.is_here for part in parts),
        folder=parts[0].folder,
        parts=parts,
    )


def _part(entry: CatalogueEntry) -> ModelPart:
    folder = folder_of(entry)
    return ModelPart(
        name=entry.name,
        title=entry.title,
        gigabytes=entry.num_bytes / 1e9,
        licence=entry.licence,
        licence_url=entry.licence_url,
        address=entry.address,
        is_licence_verified=entry.is_licence_verified,
        is_here=folder is not None,
        folder=models_dir() / entry.folder if folder is None else folder,
    )
