"""The bench of Live2Diff's call: contenders agree, and bytes are counted."""

import json

import pytest

from engine.denoise.memory import LIVE2DIFF_RING
from models.networks.unet import UNetConfig
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench import live2diff

SMALL = live2diff.Size(
    config=UNetConfig(widths=(32, 32), heads=2, prompt_dim=8, groups=8, temporal=live2diff.TEMPORAL),
    cells=4,
    tokens=3,
)
TORCH = RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1)


@pytest.fixture(autouse=True)
def short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live2diff, "_SETTLE_S", 0.0)
    monkeypatch.setattr(live2diff, "_TURN_S", 0.0)


def test_copying_changes_nothing_but_the_bytes() -> None:
    bench = live2diff.Bench(SMALL)
    calls = {
        "in place": live2diff.Contender(call=bench.in_place(TORCH), moved_mb=bench.moved(is_copied=False)),
        "copied": live2diff.Contender(call=bench.copied(TORCH), moved_mb=bench.moved(is_copied=True)),
    }
    one, other = live2diff.measure("small", bench, calls, seconds=0.1)
    assert other.error == 0.0
    ring = bench.ring().num_bytes / 1e6
    assert one.moved_mb == pytest.approx(ring * (1 + 1 / LIVE2DIFF_RING.window))
    assert other.moved_mb == pytest.approx(one.moved_mb + 4 * ring)


def only_torch(bench: live2diff.Bench, *_: object) -> dict[str, live2diff.Contender]:
    return {"torch": live2diff.Contender(call=bench.in_place(TORCH), moved_mb=1.0)}


def test_the_report_ends_with_one_line_of_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(live2diff.SIZES, "tiny", SMALL)
    monkeypatch.setattr(live2diff, "contenders", only_torch)
    assert live2diff.main(["--threads", "1", "--seconds", "0.1", "--sizes", "tiny"]) == 0
    document = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [row["contender"] for row in document["rows"]] == ["torch"]
    assert document["rows"][0]["speed"] == 1.0
