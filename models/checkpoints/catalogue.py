"""The published models that the program can use: where they are, how large, their licences, where they go.

The list is ``assets/catalogue.json``. Sizes and licences are those of the hub's pages; a checksum is pinned
only where a page states it, and is otherwise the hub's own (``download.py``). Importing this loads nothing
heavy, and nothing here reaches a network.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

_FORMAT = "understudy-catalogue-1"
_WEIGHTS = (".safetensors", ".ckpt", ".pth", ".bin", ".onnx")
HUB = "https://huggingface.co"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueFile:
    """One file of a model.

    Attributes:
        path: In the repository, and below the model's folder.
        other: Another file that does as well, where publishers have moved on; empty: none.
        sha256: Known beforehand, in hexadecimal; empty: the hub says it.
    """

    path: str
    other: str = ""
    sha256: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Return the paths that will do, the better one first."""
        return (self.path, self.other) if self.other else (self.path,)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueEntry:
    """One published model.

    Attributes:
        name: What the user types.
        title: Its own name.
        purpose: What it is for here.
        repository: On the hub, "owner/name".
        folder: Below the models folder, where its loader looks.
        licence: Name of its licence.
        licence_url: Where that can be read.
        is_licence_verified: Whether the publisher's own page was seen to say so.
        num_bytes: To fetch, without what it needs; rounded where the page rounds.
        needs: Names of the models without which it does nothing.
        files: What is fetched; nothing else of the repository is. Empty: whatever the loaders read.
    """

    name: str
    title: str
    purpose: str
    repository: str
    folder: str
    licence: str
    licence_url: str
    num_bytes: int
    files: tuple[CatalogueFile, ...]
    needs: tuple[str, ...] = ()
    is_licence_verified: bool = True

    @property
    def address(self) -> str:
        """Return the page of its repository."""
        return f"{HUB}/{self.repository}"

    def is_whole_in(self, folder: Path) -> bool:
        """Return whether all its own files lie in a folder; their content is not read."""
        return bool(self.files) and all(
            any((folder / path).is_file() for path in file.paths) for file in self.files
        )


def is_repository(source: str) -> bool:
    """Return whether a source can be a repository of the hub, "owner/name", and is no missing path."""
    is_path = source.startswith((".", "/", "~")) or "\\" in source or source.endswith(_WEIGHTS)
    return source.count("/") == 1 and not is_path


def read_catalogue() -> dict[str, CatalogueEntry]:
    """Return the published models by name, in the order in which they are shown."""
    content = json.loads((files("assets") / "catalogue.json").read_text(encoding="utf-8"))
    if content["format"] != _FORMAT:
        raise ValueError(f"the catalogue is {content['format']!r}, expected {_FORMAT!r}")
    return {entry.name: entry for entry in map(_entry, content["models"])}


def with_needs(name: str, catalogue: Mapping[str, CatalogueEntry]) -> tuple[CatalogueEntry, ...]:
    """Return a model and everything that it needs, itself first, nothing twice.

    Raises:
        KeyError: There is no such model.
    """
    return tuple({entry.name: entry for entry in _walk(name, catalogue)}.values())


def licences_of(entries: Sequence[CatalogueEntry]) -> str:
    """Return the licence of the first, and those of the others where they are not the same."""
    own, *others = dict.fromkeys(entry.licence for entry in entries)
    return f"{own} (parts of it: {', '.join(others)})" if others else own


def _walk(name: str, catalogue: Mapping[str, CatalogueEntry]) -> Iterator[CatalogueEntry]:
    entry = catalogue[name]
    yield entry
    for need in entry.needs:
        yield from _walk(need, catalogue)


def _entry(fields: Mapping[str, Any]) -> CatalogueEntry:
    listed = tuple(
        CatalogueFile(path=file["path"], other=file.get("or", ""), sha256=file.get("sha256", ""))
        for file in fields["files"]
    )
    return CatalogueEntry(**{**fields, "files": listed, "needs": tuple(fields.get("needs", ()))})
