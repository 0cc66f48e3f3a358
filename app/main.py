"""The program's entry: `understudy` opens the window, its subcommands work without one.

Importing this module imports nothing heavy and no Qt: every command loads what it needs when it runs.
"""

import argparse
import sys
from collections.abc import Sequence

from app.cli.arguments import parse
from app.cli.console import Console
from app.cli.failure import EXIT_INTERRUPTED, report_failure
from app.cli.log import log_file
from engine.quiet import silence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 when all went well.

    Args:
        argv: Arguments without the program's name; those of the process by default.
    """
    console = Console(sys.stdout, sys.stderr)
    try:
        silence()  # before anything is imported that would send or look up something
        arguments = parse(argv)
        return _run(arguments, console)
    except KeyboardInterrupt:
        console.warn("Stopped.")
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace, console: Console) -> int:
    with log_file() as log_path:
        try:
            return int(arguments.run(arguments, console))
        except BrokenPipeError:
            return 0  # whoever read our output has seen enough
        except Exception as error:  # noqa: BLE001 - the top: a sentence for the user, all of it in the log
            return report_failure(error, console, log_path)


if __name__ == "__main__":
    sys.exit(main())
