"""Ctrl-C, a polite kill and a closed terminal, however often they come, and whenever."""

import errno
import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

import app.cli.interrupt as interrupt_module
from app.cli.console import Console
from app.cli.interrupt import SAME_PRESS_S, Interrupt


class Hand:
    """Presses Ctrl-C at times of its own."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def press(self, after_s: float = 0.0, number: int = signal.SIGINT) -> None:
        self.now_s += after_s
        signal.raise_signal(number)


@pytest.fixture
def hand(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hand]:
    hand = Hand()
    monkeypatch.setattr(interrupt_module.time, "monotonic", lambda: hand.now_s)
    before = signal.getsignal(signal.SIGINT)
    yield hand
    assert signal.getsignal(signal.SIGINT) is before, "the signal is given back"


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )


def test_hammering_counts_once(hand: Hand) -> None:
    with Interrupt() as interrupt, interrupt.asking():
        for _ in range(5):
            hand.press(SAME_PRESS_S / 10)
        assert interrupt.is_asked()
        assert interrupt.wait(60.0), "nobody waits who was asked to stop"


def test_outside_of_a_block_the_first_one_raises_and_the_next_let_the_program_unwind(hand: Hand) -> None:
    with Interrupt() as interrupt:
        with pytest.raises(KeyboardInterrupt):
            hand.press()
        hand.press(0.01)
        hand.press(2 * SAME_PRESS_S)
        assert interrupt.is_asked()


def test_who_insists_breaks_off_what_does_not_end(hand: Hand) -> None:
    with Interrupt() as interrupt, interrupt.asking():
        hand.press()
        with pytest.raises(KeyboardInterrupt):
            hand.press(2 * SAME_PRESS_S)


def test_what_must_end_well_is_not_broken_off(hand: Hand) -> None:
    with Interrupt() as interrupt, interrupt.asking(may_break=False):
        hand.press()
        hand.press(2 * SAME_PRESS_S)


def test_the_third_one_ends_what_hangs(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[bool] = []
    monkeypatch.setattr(interrupt_module, "_end_at_once", lambda: ended.append(True))
    with Interrupt() as interrupt, interrupt.asking(may_break=False):
        for _ in range(3):
            assert not ended
            hand.press(2 * SAME_PRESS_S)
        assert ended


def test_the_end_at_once_is_a_sentence_and_130() -> None:
    done = run_python("from app.cli.interrupt import _end_at_once; _end_at_once()")
    assert done.returncode == 130
    assert "Stopped at once" in done.stderr


def test_while_it_loads_it_is_put_off(hand: Hand) -> None:
    reached: list[str] = []

    def load(interrupt: Interrupt) -> None:
        with interrupt.loading():
            hand.press()
            reached.append("the end of the import")

    with Interrupt() as interrupt, pytest.raises(KeyboardInterrupt):
        load(interrupt)
    assert reached


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no terminals that hang up here")
def test_a_closed_terminal_asks_as_a_polite_kill_does(hand: Hand) -> None:
    numbers = (signal.SIGHUP, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_DFL) for number in numbers]
    try:
        for number in numbers:
            with Interrupt() as interrupt, interrupt.asking():
                hand.press(number=number)
                assert interrupt.is_asked()
            assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="no terminals that hang up here")
def test_nohup_is_respected(hand: Hand) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupt() as interrupt, interrupt.asking():
            hand.press(number=signal.SIGHUP)
            assert not interrupt.is_asked()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_importing_the_entry_imports_next_to_nothing() -> None:
    done = run_python("import sys, app.main; print([name for name in sys.modules if name.startswith('app')])")
    assert done.stdout.strip() == "['app', 'app.main']"
    done = run_python("import sys, app.main; print({'argparse', 'logging', 'signal'} & set(sys.modules))")
    assert done.stdout.strip() == "set()"


def test_ctrl_c_while_the_program_is_imported_leaves_no_traceback() -> None:
    done = run_python(
        "import builtins, signal, sys\n"
        "plain = builtins.__import__\n"
        "def pressing(name, *rest):\n"
        "    if name == 'argparse': signal.raise_signal(signal.SIGINT)\n"
        "    return plain(name, *rest)\n"
        "builtins.__import__ = pressing\n"
        "from app.main import main\n"
        "sys.argv = ['understudy', 'avatars']\n"
        "sys.exit(main())\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "understudy: Stopped.\n")


def test_ctrl_c_while_the_process_ends_changes_nothing() -> None:
    done = run_python(
        "import atexit, os, signal, sys, threading\n"
        "press = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "atexit.register(press)\n"  # the last of all
        "from app.main import main\n"
        "sys.argv = ['understudy', 'avatars', '--json']\n"
        "code = main()\n"
        "press()\n"
        "sys.exit(code)\n"
    )
    assert done.returncode == 0
    assert done.stderr == ""
    assert done.stdout.startswith("{")


def test_a_terminal_that_is_gone_stops_nothing() -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    console = Console(Gone(), Gone())
    console.overwrite("12 %")
    console.warn("Stopped.")
    console.result("frames")


def test_results_that_cannot_be_written_are_said() -> None:
    class Full(io.StringIO):
        def flush(self) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match="No space"):
        Console(Full(), io.StringIO()).result("frames")
