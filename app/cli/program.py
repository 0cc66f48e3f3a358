"""From arguments to an exit code: one command, its log, and a sentence for whatever stops it."""

import argparse
import sys
from collections.abc import Sequence

from app.cli.arguments import parse
from app.cli.console import Console
from app.cli.failure import EXIT_INTERRUPTED, report_failure
from app.cli.interrupt import Interrupt
from app.cli.log import log_file
from engine.quiet import silence


def run(argv: Sequence[str] | None, interrupt: Interrupt) -> int:
    """Run one command and return its exit code: 0 when all went well.

    Args:
        argv: Arguments without the program's name; those of the process by default.
        interrupt: In force already; the command finds it among its arguments.
    """
    console = Console(sys.stdout, sys.stderr)
    try:
        silence()  # before anything is imported that would send or look up something
        arguments = parse(argv)
        arguments.interrupt = interrupt
        return _run(arguments, console)
    except KeyboardInterrupt:
        console.warn("Stopped.")
        return EXIT_INTERRUPTED


def _run(arguments: argparse.Namespace, console: Console) -> int:
    with log_file() as log_path:
        try:
            with arguments.interrupt.loading():
                command = arguments.load()
            return int(command(arguments, console))
        except BrokenPipeError:
            return 0  # whoever read our output has seen enough
        except Exception as error:  # noqa: BLE001 - the top: a sentence for the user, all of it in the log
            return report_failure(error, console, log_path)
