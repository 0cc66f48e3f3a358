"""A parser that says in a sentence what it did not understand, and what was probably meant."""

import argparse
import difflib
import re
from collections.abc import Iterable, Sequence
from typing import NoReturn

_EXIT_MISTAKE = 2
_CHOICE = re.compile(
    r"(?:argument (?P<where>\S+): )?invalid choice: (?P<given>.+) \(choose from (?P<choices>.+)\)"
)
_REQUIRED = "the following arguments are required: "


class Grammar(argparse.ArgumentParser):
    """The parser of the program, or of a command of it."""

    def error(self, message: str) -> NoReturn:
        """Leave with a sentence about a mistake; argparse calls it with words of its own."""
        choice = _CHOICE.fullmatch(message)
        if choice is not None:
            self._refuse_choice(choice["where"], choice["given"].strip("'"), choice["choices"])
        if message.startswith(_REQUIRED):
            self._leave(f"`{self.prog}` needs {message.removeprefix(_REQUIRED)}.")
        self._leave(f"{message.removeprefix('argument ')}.")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Leave with a sentence about words that nothing in the command goes with."""
        word = next((word for word in unknown if word.startswith("-")), unknown[0]).partition("=")[0]
        if not word.startswith("-"):
            self._leave(f"`{self.prog}` takes no {word!r}.")
        names = [name for action in self._actions for name in action.option_strings]
        self._leave(f"`{self.prog}` has no option {word}.{_meant(word, names)}")

    def _refuse_choice(self, where: str | None, given: str, listed: str) -> NoReturn:
        choices = [choice.strip().strip("'") for choice in listed.split(",")]
        meant = _meant(given, choices)
        if where is None or not where.startswith("-"):
            self._leave(f"`{self.prog}` has no command {given!r}.{meant}")
        self._leave(f"{where} cannot be {given!r}: choose {' or '.join(choices)}.{meant}")

    def _leave(self, sentence: str) -> NoReturn:
        self.exit(_EXIT_MISTAKE, f"understudy: {sentence}\n  `{self.prog} --help` lists what there is.\n")


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" Did you mean {near[0]}?" if near else ""
