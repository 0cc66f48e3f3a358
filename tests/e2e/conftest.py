"""The real command line with the real rooms, in this process, on small networks."""

from collections.abc import Callable
from pathlib import Path

import pytest

import engine.studio
from app.main import main
from tests.e2e.small_networks import small_networks

Understudy = Callable[..., tuple[int, str, str]]


@pytest.fixture
def understudy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Understudy:
    """Run a command in an empty folder; returns exit code, standard output and standard error."""
    monkeypatch.setattr(engine.studio, "load_networks", lambda _path=None: small_networks())
    monkeypatch.chdir(tmp_path)

    def run(*argv: str | Path) -> tuple[int, str, str]:
        code = main([str(argument) for argument in argv])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        return code, captured.out, captured.err

    return run
