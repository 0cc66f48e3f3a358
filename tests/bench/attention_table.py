"""The records of ``tests.bench.attention`` as one Markdown table."""

import statistics
from collections.abc import Sequence
from typing import Any

from tests.bench.readme import NONE, ROOT, number, replace_block, table

Record = dict[str, Any]
ARCHITECTURE = ROOT / "engine" / "ARCHITECTURE.md"
NAMES = {
    "nobody": "frames on their own (StreamDiffusion)",
    "older_rows": "older rows only (causal)",
    "own_level": "own level's past, ring (Live2Diff)",
    "all_rows": "all rows, both ways (RAIN)",
}
HEADER = (
    "weights",
    "who sees whom",
    "picture",
    "eyes",
    "mouth",
    "PSNR dB",
    "flicker",
    "error against alone, %",
    "flicker against alone, %",
    "ms a tick",
    "frames held back",
    "drift",
)


def table_of(records: Sequence[Record]) -> str:
    """Return one row for each kind and weights, the trained ones first."""
    rows = [record for record in records if record["part"] == "quality"]
    order = list(NAMES)
    rows.sort(key=lambda row: (row["levels"], row["chunk"], not row["trained"], order.index(row["kind"])))
    return table(HEADER, [_cells(row, rows, records) for row in rows])


def write(text: str) -> None:
    """Put the table between the markers of ``attention`` in ``engine/ARCHITECTURE.md``."""
    whole = ARCHITECTURE.read_text(encoding="utf-8")
    ARCHITECTURE.write_text(replace_block(whole, "attention", text), encoding="utf-8")


def _cells(row: Record, rows: Sequence[Record], records: Sequence[Record]) -> list[str]:
    own = {name: row[name] for name in ("levels", "chunk")}
    alone = _find(
        rows, own | {name: row[name] for name in ("pairs", "frames", "trained")} | {"kind": "nobody"}
    )
    latency = _find(records, own | {"part": "latency"})
    drift = _find(records, own | {"part": "drift", "kind": row["kind"], "weights": row["weights"]})
    ratios = [number(row, f"{part}_error_ratio", 3) for part in ("picture", "eye", "mouth")]
    return [
        "trained for it" if row["trained"] else "shipped",
        NAMES[row["kind"]],
        *ratios,
        number(row, "psnr_db", 2),
        number(row, "flicker", 2),
        _against(row, alone, "picture_l1_of_pairs"),
        _against(row, alone, "flicker_of_pairs"),
        NONE if latency is None else f"{latency['tick_ms'][row['kind']]:.1f}",
        str(row["levels"] * row["chunk"] - 1),
        number(drift, "drift", 3),
    ]


def _against(row: Record, alone: Record | None, key: str) -> str:
    """Return the mean difference over pairs with its standard error, and in how many pairs there is less."""
    if alone is None or alone is row:
        return NONE
    changes = [100.0 * (own / other - 1.0) for own, other in zip(row[key], alone[key], strict=True)]
    spread = statistics.stdev(changes) / len(changes) ** 0.5 if len(changes) > 1 else 0.0
    fewer = sum(change < 0 for change in changes)
    return f"{statistics.mean(changes):+.1f} ± {spread:.1f} (less in {fewer} of {len(changes)})"


def _find(records: Sequence[Record], wanted: Record) -> Record | None:
    """Return the newest record that says all that ``wanted`` says."""
    found = [one for one in records if all(one.get(name) == value for name, value in wanted.items())]
    return found[-1] if found else None
