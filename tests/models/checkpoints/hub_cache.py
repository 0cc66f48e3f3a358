"""The hub's cache, as other programs leave it."""

from collections.abc import Iterable
from pathlib import Path

from tests.models.checkpoints.small_weights import write_small

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def lay_in_cache(cache: Path, repository: str, files: Iterable[str] = ("config.json",)) -> Path:
    """Lay small files of a repository into a cache and return their folder."""
    cached = cache / f"models--{repository.replace('/', '--')}"
    folder = cached / "snapshots" / COMMIT
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        write_small(folder / file)
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text(COMMIT)
    return folder
