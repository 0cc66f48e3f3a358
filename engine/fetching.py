"""Published models: which there are, and fetching them when the user asks.

Nothing here is reached unless ``fetch`` is called, and only the process that ``fetch`` starts may reach the
network (``fetching_process.py``). Importing this loads nothing heavy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.paths import models_dir
from models.checkpoints.catalogue import CatalogueEntry, read_catalogue, with_needs

__all__ = ["FetchProgress", "FetchableModel", "ModelPart", "fetchable_models"]

OnProgress = Callable[["FetchProgress"], None]
ShouldStop = Callable[[], bool]


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
        is_here: Whether it has been fetched.
    """

    name: str
    title: str
    gigabytes: float
    licence: str
    licence_url: str
    address: str
    is_licence_verified: bool
    is_here: bool


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
        is_here: Whether it and its parts have been fetched.
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


def _fetchable(entries: tuple[CatalogueEntry, ...]) -> FetchableModel:
    own, parts = entries[0], tuple(map(_part, entries))
    return FetchableModel(
        name=own.name,
        title=own.title,
        purpose=own.purpose,
        gigabytes=sum(part.gigabytes for part in parts),
        licence=_licences(entries),
        licence_url=own.licence_url,
        address=own.address,
        is_here=all(part.is_here for part in parts),
        folder=models_dir() / own.folder,
        parts=parts,
    )


def _licences(entries: tuple[CatalogueEntry, ...]) -> str:
    own, *others = dict.fromkeys(entry.licence for entry in entries)
    return f"{own} (parts of it: {', '.join(others)})" if others else own


def _part(entry: CatalogueEntry) -> ModelPart:
    return ModelPart(
        name=entry.name,
        title=entry.title,
        gigabytes=entry.num_bytes / 1e9,
        licence=entry.licence,
        licence_url=entry.licence_url,
        address=entry.address,
        is_licence_verified=entry.is_licence_verified,
        is_here=entry.is_in(models_dir()),
    )
