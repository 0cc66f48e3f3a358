"""The process that fetches: the only one of the program that may reach the hub, and only while it fetches.

It is started for one order and ends with it. Stopping is ending it: what has arrived lies on the disk.
"""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from engine.quiet import silence
from models.checkpoints.catalogue import CatalogueEntry

_SWITCHES = {
    "HF_HUB_OFFLINE": "0",  # the user has asked
    "TRANSFORMERS_OFFLINE": "0",
    "HF_HUB_DISABLE_XET": "1",  # plain HTTP goes on where it broke off, and keeps no second copy
    "HF_HUB_VERBOSITY": "error",  # what failed is our sentence to say
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to fetch.

    Attributes:
        entries: The models.
        models: The models folder.
        endpoint: Another hub; None: the public one.
    """

    entries: tuple[CatalogueEntry, ...]
    models: Path
    endpoint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why it failed.

    Attributes:
        message: One sentence.
        fault: Value of ``models.checkpoints.download.Fault``.
    """

    message: str
    fault: str


Step = tuple[int, int, str]
"""Bytes done, bytes in all, name of the file."""


def serve(order: Order, answers: Connection) -> None:
    """Fetch, and send ``Step`` after ``Step``, then ``Failure`` or None. The process's main function."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides what Ctrl-C means
    silence()
    os.environ.update(_SWITCHES)
    with suppress(BrokenPipeError):  # whoever asked is gone
        answers.send(_outcome(order, partial(_send, answers)))


def _outcome(order: Order, report: Callable[[int, int, str], None]) -> Failure | None:
    from models.checkpoints.download import (  # noqa: PLC0415 - the library reads the switches when imported
        DownloadError,
        download,
    )

    try:
        download(order.entries, order.models, report, order.endpoint)
    except DownloadError as error:
        return Failure(message=error.message, fault=error.fault.value)
    return None


def _send(answers: Connection, done_bytes: int, total_bytes: int, file: str) -> None:
    answers.send((done_bytes, total_bytes, file))
