"""`understudy models`: the published models, and fetching them."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TextIO

from app.cli.console import Console
from app.cli.interrupt import Interrupt
from app.cli.progress import Progress, bytes_line
from engine.clock import SystemClock
from engine.fetching import (
    FetchableModel,
    FetchProgress,
    ModelPart,
    fetch,
    fetchable_models,
    find_model,
    missing_of,
)
from engine.paths import models_dir

EXIT_NOT_ASKED = 2  # as argparse says it of a missing argument
_ENOUGH_FOR_MEGABYTES = 0.1


def run(arguments: argparse.Namespace, console: Console) -> int:
    """List what can be fetched, and what is here."""
    models = fetchable_models()
    if arguments.json:
        console.json({"folder": models_dir(), "models": [asdict(model) for model in models]})
        return 0
    for model in models:
        for line in _lines(model):
            console.result(line)
    console.result(f"They lie in {models_dir()}. Fetch one with `understudy models fetch NAME`.")
    return 0


def run_fetch(arguments: argparse.Namespace, console: Console, answers: TextIO | None = None) -> int:
    """Say what a model costs and whose it is, ask, and fetch it.

    Raises:
        FetchError: There is no such model, or it could not be fetched.
    """
    chosen = find_model(arguments.name)
    _say_terms(arguments.name, chosen, console)
    if not arguments.yes:
        refusal = _refusal(console, sys.stdin if answers is None else answers)
        if refusal is not None:
            return refusal
    fetch_shown(arguments.name, console, arguments.interrupt, is_json=arguments.json)
    return 0


def fetch_missing(names: Sequence[str], console: Console, interrupt: Interrupt) -> None:
    """Fetch those models that are not here, terms said first. The user has asked for it beforehand.

    Args:
        names: Of the catalogue, repositories of the hub, or the user's own files and folders.
        console: Where to say it.
        interrupt: Stops it.

    Raises:
        FetchError: One could not be fetched.
    """
    for name in missing_of(names):
        _say_terms(name, find_model(name), console)
        fetch_shown(name, console, interrupt)


def fetch_shown(name: str, console: Console, interrupt: Interrupt, *, is_json: bool = False) -> None:
    """Fetch a model with a progress bar; Ctrl-C stops it. Raises ``FetchError``."""
    meter = _Meter(console)
    with interrupt.asking():
        folder = fetch(name, meter.update, interrupt.is_asked)
    if is_json:
        console.json({"name": name, "folder": folder})
    else:
        console.result(f"{name} is in {folder}.")


class _Meter:
    """Draws how far a download is; parts of an earlier try do not count as speed."""

    def __init__(self, console: Console) -> None:
        self._before: int | None = None
        self._progress = Progress(console, SystemClock(), self._text)

    def update(self, progress: FetchProgress) -> None:
        if self._before is None:
            self._before = progress.done_bytes
        self._progress.update(progress.done_bytes, progress.total_bytes)

    def _text(self, done: int, total: int | None, elapsed_s: float) -> str:
        return bytes_line(done, total, elapsed_s, self._before or 0)


def _say_terms(name: str, chosen: FetchableModel | None, console: Console) -> None:
    if chosen is None:
        console.say(f"{name} of the hub: size unknown; its licence is on https://huggingface.co/{name}")
        return
    console.say(f"{chosen.title}: {chosen.purpose}.")
    missing = [part for part in chosen.parts if not part.is_here]
    for part in missing or chosen.parts:
        console.say(f"  {part.title}, {_size(part.gigabytes)}, licence {_licence(part)}: {part.licence_url}")
    if missing:
        size = _size(sum(part.gigabytes for part in missing))
        console.say(f"Together {size}, from the hub to {models_dir()}.")
    else:
        console.say("It is here. Its files are compared with the hub's.")
    for part in filter(_is_elsewhere, chosen.parts):
        console.say(f"{part.title} is used from {part.folder}; fetching copies it to {models_dir()}.")


def _refusal(console: Console, answers: TextIO) -> int | None:
    """Ask, and return the exit code when the answer is not yes."""
    if not answers.isatty():
        console.warn("Nobody can be asked here: add --yes to fetch it.")
        return EXIT_NOT_ASKED
    console.say("Fetch it? [y/N]")
    if answers.readline().strip().lower() in ("y", "yes"):
        return None
    console.say("Nothing was fetched.")
    return 0


def _lines(model: FetchableModel) -> list[str]:
    state = "here" if model.is_here else f"not here, {_size(model.gigabytes)}"
    lines = [f"{model.name}  {model.title} ({state})", f"    {model.purpose}"]
    own, *others = model.parts
    lines.append(f"    licence {_licence(own)}; {model.address}")
    if others:
        lines.append(f"    with {', '.join(part.name for part in others)}")
    if _is_elsewhere(own):
        lines.append(f"    it lies in {own.folder}")
    return lines


def _is_elsewhere(part: ModelPart) -> bool:
    """Whether another program has fetched it: it lies in the hub's cache."""
    return part.is_here and not part.folder.is_relative_to(models_dir())


def _licence(part: ModelPart) -> str:
    return part.licence if part.is_licence_verified else f"{part.licence} (as others say; read it first)"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= _ENOUGH_FOR_MEGABYTES else f"{gigabytes * 1e3:.0f} MB"
