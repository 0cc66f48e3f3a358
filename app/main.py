"""The program's entry: `understudy` opens the window, its subcommands work without one.

Importing this module imports next to nothing: the rest is loaded where Ctrl-C is already looked after, and
every command loads what it needs when it runs.
"""

import sys
from collections.abc import Sequence

# ruff: noqa: PLC0415 - see above

_EXIT_INTERRUPTED = 130  # as app.cli.failure has it, which may not have been loaded yet


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 when all went well.

    Args:
        argv: Arguments without the program's name. None: those of the process, which ends afterwards.
    """
    try:
        from app.cli.interrupt import Interrupt

        with Interrupt(ends_process=argv is None) as interrupt:
            with interrupt.loading():
                from app.cli.program import run
            return run(argv, interrupt)
    except KeyboardInterrupt:
        sys.stderr.write("understudy: Stopped.\n")
        return _EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
