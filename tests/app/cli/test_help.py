"""Every option of every command says what it does, and what it is when nothing is said."""

import argparse

from app.cli.arguments import _build


def options_of(parser: argparse.ArgumentParser) -> list[tuple[str, argparse.Action]]:
    found: list[tuple[str, argparse.Action]] = []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                found += options_of(command)
        else:
            found.append((parser.prog, action))
    return found


def test_every_option_explains_itself_and_says_its_default() -> None:
    switches = argparse._StoreTrueAction | argparse._HelpAction | argparse._VersionAction
    options = options_of(_build())
    assert len(options) > 60
    for command, action in options:
        name = f"{command} {action.option_strings}"
        assert action.help, name
        is_plain = isinstance(action, switches) or action.required or action.nargs == "+"
        assert is_plain or "default" in action.help or action.dest == "record", name
