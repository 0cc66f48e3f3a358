"""The comparison of attentions: it measures what it says, keeps what it measured, and tells kinds apart."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from engine.denoise.settings import Attend
from models.checkpoints.pocket import save_pocket
from models.networks.pocket import PocketConfig, PocketNetworks
from models.runtimes.protocol import Precision, RuntimeKind, RuntimeSettings
from tests.bench import attention, attention_table
from tests.bench.quality import make_pair

SIZE = 64
OPTIONS = attention.Options(
    weights={},
    point=(2, 1),
    pairs=1,
    frames=4,
    minutes=2,
    parts=("quality",),
    runtime=RuntimeSettings(kind=RuntimeKind.TORCH, precision=Precision.F32, num_threads=1),
    size=SIZE,
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    networks = PocketNetworks(PocketConfig(widths=(32, 32, 32), heads=2, painter_widths=(16, 16, 16)))
    torch.nn.init.normal_(networks.denoiser.out.weight, std=0.1)
    for cross in (networks.denoiser.middle_cross, networks.denoiser.coarse_cross):
        torch.nn.init.normal_(cross.temporal.to_out.weight, std=0.3)
    save_pocket(networks, tmp_path / "tiny.safetensors")
    return tmp_path / "tiny.safetensors"


def test_every_kind_is_measured_once_and_comes_into_the_table(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "SHIPPED_WEIGHTS", weights)
    path = tmp_path / "records.jsonl"
    attention.measure(OPTIONS, attention.Records(path))
    first = path.read_text()
    attention.measure(OPTIONS, attention.Records(path))
    assert path.read_text() == first
    records = attention.Records(path).all
    assert [record["kind"] for record in records] == [kind.value for kind in attention.KINDS]
    assert len({(record["flicker"], record["psnr_db"]) for record in records}) == 4
    rows = attention_table.table_of(records).splitlines()[2:]
    assert [row.split(" | ")[1] for row in rows] == list(attention_table.NAMES.values())
    assert "of 1)" not in rows[0]
    assert all("of 1)" in row for row in rows[1:])
    attention.measure(replace(OPTIONS, frames=3), attention.Records(path))
    assert len(attention.Records(path).all) == 8


def test_drift_compares_minutes_of_one_stream(weights: Path) -> None:
    animator = OPTIONS.animator(Attend.OWN_LEVEL, weights)
    pair = make_pair(0, 3, SIZE)
    minutes = attention.drift(animator, pair, minutes=2, minute_frames=40)
    first, last = minutes["l1_of_minutes"]
    assert minutes["drift"] == pytest.approx(last / first)
    whole = list(animator.animate(pair.avatar, pair.controls * 7))
    compared = [index for index in range(20) if index % attention.DRIFT_EVERY == attention.DRIFT_EVERY - 1]
    alone = attention.drift(animator, pair, minutes=1, minute_frames=20)["l1_of_minutes"]
    expected = abs(whole[compared[0]].astype(float) - pair.truth[compared[0] % 3]).mean()
    assert alone == [pytest.approx(expected, rel=1e-3)]


def test_a_row_is_compared_with_alone_pair_by_pair() -> None:
    alone = {"part": "quality", "kind": "nobody", "trained": True, "levels": 4, "chunk": 1, "pairs": 2}
    alone |= {"frames": 9, "weights": "a", "picture_l1_of_pairs": [2.0, 4.0], "flicker_of_pairs": [1.0, 1.0]}
    ring = {**alone, "kind": "own_level", "picture_l1_of_pairs": [1.0, 3.0], "flicker_of_pairs": [2.0, 0.5]}
    row = attention_table.table_of([ring, alone]).splitlines()[3].split(" | ")
    assert row[1] == attention_table.NAMES["own_level"]
    assert row[7] == "-37.5 ± 12.5 (less in 2 of 2)"
    assert row[8] == "+25.0 ± 75.0 (less in 1 of 2)"


def test_weights_are_read_from_text() -> None:
    assert attention.parse_weights("own_level=a/b.safetensors") == (
        Attend.OWN_LEVEL,
        Path("a/b.safetensors"),
    )
    with pytest.raises(ValueError, match="nowhere"):
        attention.parse_weights("nowhere=a")
