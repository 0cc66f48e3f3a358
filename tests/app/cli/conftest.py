"""The command line over fakes."""

from pathlib import Path

import pytest

import engine.offline
import engine.session
from tests.fakes import FakeRooms


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeRooms:
    rooms = FakeRooms()
    monkeypatch.setattr(engine.offline, "StandardRooms", lambda: rooms)
    monkeypatch.setattr(engine.session, "StandardRooms", lambda: rooms)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNDERSTUDY_HOME", str(tmp_path / "home"))
    return rooms
