"""Exported graphs on disk, so that a start after the first neither traces nor compiles."""

import logging
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from torch import Tensor, nn

from models.runtimes.export import export_key, export_onnx

_log = logging.getLogger(__name__)

MAX_BYTES = 1 << 30
_PART = ".part"
_STALE_S = 3600.0  # no graph takes an hour to write: whoever began it has died


class GraphCache:
    """ONNX graphs by what decides them (``export.export_key``), and OpenVINO's compiled forms beside them.

    Thread: any; two processes may share a folder, since files appear whole.

    Args:
        folder: Made when first written to.
        max_bytes: The oldest files are deleted when the folder grows beyond.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def onnx(
        self, module: nn.Module, example_inputs: Mapping[str, Tensor], output_names: Sequence[str]
    ) -> Path | bytes:
        """Return the exported graph, from disk when it is there; arguments as for ``export.export_onnx``.

        Returns:
            Its path; the bytes themselves when the folder cannot be written (a warning is logged).
        """
        self._sweep()
        path = self._folder / f"{export_key(module, example_inputs, output_names)}.onnx"
        if path.is_file():
            return path
        graph = export_onnx(module, example_inputs, output_names)
        try:
            self._write(path, graph)
        except OSError as error:
            _log.warning("graphs are not cached, so every start exports again: %s", error)
            return graph
        return path

    def _write(self, path: Path, content: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._prune(self._max_bytes - len(content))
        # Under another name first: a reader sees the whole file or none.
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=_PART, delete=False) as made:
            name = Path(made.name)
        try:
            with name.open("wb") as part:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())
            name.replace(path)
        finally:
            name.unlink(missing_ok=True)  # after a full disk, or Ctrl-C; else it has its new name

    def _sweep(self) -> None:
        """Delete what a process that was killed while writing has left behind."""
        for part in self._folder.glob(f"*{_PART}"):
            with suppress(OSError):  # gone already, or not ours to delete
                if time.time() - part.stat().st_mtime > _STALE_S:
                    part.unlink()

    def _prune(self, max_bytes: int) -> None:
        files = [(file.stat(), file) for file in self._folder.iterdir() if file.is_file()]
        total = sum(status.st_size for status, _ in files)
        for status, file in sorted(files, key=lambda entry: entry[0].st_mtime):
            if total <= max_bytes:
                return
            file.unlink(missing_ok=True)
            total -= status.st_size
