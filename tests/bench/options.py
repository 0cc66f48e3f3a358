"""The command lines of the benches: what each measures, and what it does where nothing is said."""

import argparse


class _Defaults(argparse.ArgumentDefaultsHelpFormatter):
    """Says the default of each option that has one."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        return action.help if action.default in (None, False) else super()._get_help_string(action)


def parser_of(name: str, description: str) -> argparse.ArgumentParser:
    """Return the parser of a bench.

    Args:
        name: Of its module.
        description: What it measures, against what, and how long that takes.
    """
    return argparse.ArgumentParser(
        prog=f"python -m tests.bench.{name}", description=description, formatter_class=_Defaults
    )
