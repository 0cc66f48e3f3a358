"""Every bench says what it measures, and what each of its options does and is where nothing is said."""

import re
from types import ModuleType

import pytest

from tests.bench import large, live2diff, rain, streamdiffusion


@pytest.mark.parametrize("bench", [streamdiffusion, rain, live2diff, large], ids=lambda bench: bench.__name__)
def test_help_says_what_is_measured_and_every_default(
    bench: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(SystemExit) as caught:
        bench.main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert f"usage: python -m {bench.__name__}" in said
    for words in ("random weights", "against", "minutes", "processor"):
        assert words in " ".join(bench.DESCRIPTION.split()), words
    options = re.findall(r"^  (--[a-z-]+)(.*?)(?=^  -|\Z)", said, re.MULTILINE | re.DOTALL)
    assert len(options) >= 4
    for name, rest in options:
        is_switch = name in ("--gpu", "--no-table", "--cache")
        assert is_switch or "(default: " in rest, name
        assert re.search(r" {2,}[a-z]{2}", rest), f"{name} says nothing"


def test_rain_says_what_a_gpu_changes() -> None:
    assert "no GPU and no full-size network is used" in " ".join(rain.DESCRIPTION.split())
