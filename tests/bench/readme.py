"""Writes what the benches measured into ``README.md`` and the model card; no number there is typed by hand.

``python -m tests.bench.readme --quality quality.json --live live.json live_2x1.json``: each file's last line
is the JSON document that the bench of that name printed; there may be several live files, one for each
operating point and size. Rewrites what stands between ``<!-- quality -->`` and ``<!-- /quality -->``, and
between the markers of ``live``, in the README; and ``networks``, ``training`` and ``scores`` in the model
card. ``--log`` and ``--portrait-log`` take the logs of the training runs. Blocks whose files are not given
stay as they are.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.settings import Quality

ROOT = Path(__file__).resolve().parents[2]
Document = dict[str, Any]

NONE = "-"
BASELINES = {
    "still": "the still reference",
    "warp": "the reference warped by its landmarks",
    "layered": "the model's own layered warp, nothing painted",
    "shuffled": "the model, driver's frames shuffled",
}
ERRORS = ("picture_error_ratio", "eye_error_ratio", "mouth_error_ratio")


def last_document(path: Path) -> Document:
    """Return the JSON document on the last line of a file that a bench printed.

    Raises:
        ValueError: The last line is none.
    """
    lines = path.read_text(encoding="utf-8").strip().splitlines()
    last = lines[-1] if lines else ""
    message = f"the last line of {path} is no JSON document: run the bench again"
    if not last.startswith("{"):
        raise ValueError(message)
    try:
        document: Document = json.loads(last)
    except json.JSONDecodeError as error:
        raise ValueError(message) from error
    return document


def replace_block(text: str, name: str, body: str) -> str:
    """Return ``text`` with ``body`` between the markers of ``name``.

    Raises:
        ValueError: The markers are missing.
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = text.partition(opening)
    _, closed, after = rest.partition(closing)
    if not (found and closed):
        raise ValueError(f"expected the markers {opening} and {closing}")
    return f"{before}{opening}\n{body.strip()}\n{closing}{after}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def number(document: Document | None, key: str, digits: int) -> str:
    """Return a measured number, or a dash where there is none."""
    value = None if document is None else document.get(key)
    return NONE if value is None else f"{value:.{digits}f}"


def point_of(document: Document) -> tuple[int, int]:
    """Return the operating point ``(N, c)``."""
    return document["levels"], document["chunk"]


def name_of(point: tuple[int, int]) -> str:
    """Return ``N = 1, c = 1``, in bold and named so for the default."""
    default = Quality()
    name = f"N = {point[0]}, c = {point[1]}"
    return f"**{name}** (default)" if point == (default.levels, default.chunk) else name


def speed_cells(live: Document | None) -> list[str]:
    """Return pictures a second, and the delay's median and 95th percentile in ms."""
    busy = " (busy)" if live is not None and live.get("busy") else ""
    delays = [number(live, f"motion_to_photon_{name}_ms", 0) for name in ("p50", "p95")]
    return [number(live, "unique_fps", 1) + busy, " / ".join(delays) if live is not None else NONE]


def quality_cells(row: Document) -> list[str]:
    """Return errors against the warp, PSNR, SSIM and flicker."""
    errors = [number(row, key, 3) for key in ERRORS]
    return [*errors, number(row, "psnr_db", 1), number(row, "ssim", 3), number(row, "flicker", 2)]


def quality_block(quality: Document, lives: Sequence[Document]) -> str:
    """Return speed, delay and quality of each operating point, and the baselines, as one table."""
    size = quality.get("size", Quality().size)
    fast = {point_of(live): live for live in lives if live["size"] == size}
    header = (
        "setting",
        "pictures/s",
        "delay p50 / p95 ms",
        "picture",
        "eyes",
        "mouth",
        "PSNR dB",
        "SSIM",
        "flicker",
    )
    rows = [
        [name_of(point_of(row)), *speed_cells(fast.get(point_of(row))), *quality_cells(row)]
        for row in quality["operating_points"]
    ]
    rows += [[BASELINES[name], NONE, NONE, *quality_cells(row)] for name, row in quality["baselines"].items()]
    return "\n\n".join([table(header, rows), *quality_notes(quality, size)])


def quality_notes(quality: Document, size: int) -> list[str]:
    """Return what the table's numbers are, in sentences."""
    counted = f"{quality['pairs']} pairs x {quality['frames']} frames" if "pairs" in quality else "Pairs"
    notes = [
        f"{counted} of held-out characters at {size}x{size}. Picture, eyes and mouth: mean L1 over that of "
        "the warped reference, so 1 is the warp and less is better. Flicker: second difference in time over "
        "the truth's, with half a pixel of jitter on every landmark the tracker reads."
    ]
    if "eye_opening_correlation" in quality:
        read = [number(quality, f"{part}_opening_correlation", 3) for part in ("eye", "mouth")]
        rule = [number(quality, f"{part}_rule_correlation", 3) for part in ("eye", "mouth")]
        notes.append(
            "Openings read back from the pictures correlate with what was asked for at "
            f"{read[0]} (eyelids) and {read[1]} (mouth); "
            f"the same rule meets the truth of true drawings at {rule[0]} and {rule[1]}."
        )
    if "drift" in quality:
        notes.append(
            f"Error of the fifth minute without a pause over the first's: {number(quality, 'drift', 3)}."
        )
    return [*notes, f"{machine_line([quality])} Command: `{quality_command(quality)}`.".strip()]


def quality_command(quality: Document) -> str:
    """Return the command that measures the same again."""
    counts = [f" --{name} {quality[name]}" for name in ("pairs", "frames") if name in quality]
    return "python -m tests.bench.quality" + "".join(counts) + (" --drift" if "drift" in quality else "")


def live_block(lives: Sequence[Document]) -> str:
    """Return speed and delay of every live run, by size and operating point."""
    ordered = sorted(lives, key=lambda live: (live["size"], *point_of(live)))
    header = (
        "size",
        "setting",
        "pictures/s",
        "delay p50 / p95 ms",
        "dropped",
        "first picture s",
        "memory growth MB",
    )
    rows = [
        [
            str(live["size"]),
            name_of(point_of(live)),
            *speed_cells(live),
            number(live, "dropped", 0),
            number(live, "first_frame_s", 1),
            number(live, "rss_growth_mb", 1),
        ]
        for live in ordered
    ]
    parts = [table(header, rows), f"{machine_line(ordered)} Command: {live_commands(ordered)}."]
    if any(live.get("busy") for live in ordered):
        parts.append("Runs marked *busy* shared the machine with other work: a free one is faster.")
    return "\n\n".join(parts)


def live_commands(lives: Sequence[Document]) -> str:
    """Return the command of the live bench, with its options where there was more than one run."""
    return "`python -m tests.bench.live" + (" --size S --levels N --chunk c`" if len(lives) > 1 else "`")


def machine_line(documents: Sequence[Document]) -> str:
    """Return which machines, libraries and commits the numbers belong to."""
    return " ".join(dict.fromkeys(_machine(document) for document in documents))


def _machine(document: Document) -> str:
    if "cpu" not in document:
        return ""
    features = document.get("cpu_features", "")
    processor = f"{document['cpu']}, {document['cores']} cores" + (f" ({features})" if features else "")
    runtime = [document["runtime"]] if "runtime" in document else []
    parts = [processor, *runtime, f"torch {document['torch']}", f"commit {document['commit']}"]
    return f"Measured on {'; '.join(parts)}."


def scores_block(quality: Document, portrait: Document | None) -> str:
    """Return the card's scores: the pocket networks at the default, and the portrait network."""
    default = Quality()
    points = {point_of(row): row for row in quality["operating_points"]}
    row = points.get((default.levels, default.chunk), quality["operating_points"][0])
    rows = [
        [f"{part}, L1 over the warped reference's", number(row, key, 3)]
        for part, key in zip(("picture", "eyes", "mouth"), ERRORS, strict=True)
    ]
    rows += [["PSNR, dB", number(row, "psnr_db", 1)], ["SSIM", number(row, "ssim", 3)]]
    rows += [["flicker over the truth's", number(row, "flicker", 2)]]
    if portrait is not None:
        rows += [
            ["portrait: point error, distances of the eyes, mean", number(portrait, "point_error", 3)],
            ["portrait: the same, 95th percentile", number(portrait, "point_error_p95", 3)],
            ["portrait: matte error, mean, 0 to 1", number(portrait, "matte_error", 3)],
        ]
    name = name_of(point_of(row)).replace("**", "")
    return table((f"held-out characters, {name}", "score"), rows)


def training_block(logs: dict[str, Sequence[Document]]) -> str:
    """Return steps and minutes of each training run, from the last line of its log."""
    rows = [[name, str(log[-1]["step"]), f"{log[-1]['s'] / 60:.0f}"] for name, log in logs.items()]
    return table(("networks", "steps", "minutes"), rows)


def networks_block() -> str:
    """Return the parameters of each network, counted."""
    from models.networks.pocket import PocketConfig, PocketNetworks  # noqa: PLC0415 - torch, for this block only
    from models.networks.portrait import PortraitConfig, PortraitNet  # noqa: PLC0415 - the same

    networks = {
        **dict(PocketNetworks(PocketConfig()).named_children()),
        "portrait": PortraitNet(PortraitConfig()),
    }
    counts = {name: sum(one.numel() for one in network.parameters()) for name, network in networks.items()}
    return table(
        ("network", "parameters"), [[name, f"{count / 1e6:.2f} M"] for name, count in counts.items()]
    )


def read_log(path: Path) -> list[Document]:
    """Return the lines of a training log. Raises ``ValueError`` for an empty one."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    if not lines:
        raise ValueError(f"{path} is empty")
    return lines


def blocks(given: argparse.Namespace) -> dict[str, str]:
    """Return the new body of every block that the given files suffice for."""
    quality = None if given.quality is None else last_document(given.quality)
    lives = [last_document(path) for path in given.live]
    logs = {"pocket": given.log, "portrait": given.portrait_log}
    read = {name: read_log(path) for name, path in logs.items() if path is not None}
    made = {"networks": networks_block()}
    if quality is not None:
        scored = [line for line in read.get("portrait", []) if "point_error" in line]
        made["quality"] = quality_block(quality, lives)
        made["scores"] = scores_block(quality, scored[-1] if scored else None)
    if lives:
        made["live"] = live_block(lives)
    if read:
        made["training"] = training_block(read)
    return made


def rewrite(path: Path, made: dict[str, str], names: Sequence[str]) -> None:
    """Put those of the blocks that belong to a file into it."""
    text = path.read_text(encoding="utf-8")
    for name in names:
        if name in made:
            text = replace_block(text, name, made[name])
    path.write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and rewrite the README and the card."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.readme", description=__doc__)
    parser.add_argument("--quality", type=Path, help="what tests.bench.quality printed")
    parser.add_argument("--live", type=Path, nargs="*", default=[], help="what tests.bench.live printed")
    parser.add_argument("--log", type=Path, help="log of the pocket training run")
    parser.add_argument("--portrait-log", type=Path, help="log of the portrait training run")
    parser.add_argument("--readme", type=Path, default=ROOT / "README.md")
    parser.add_argument("--card", type=Path, default=ROOT / "assets" / "pocket" / "MODEL_CARD.md")
    given = parser.parse_args(arguments)
    made = blocks(given)
    rewrite(given.readme, made, ("quality", "live"))
    rewrite(given.card, made, ("networks", "training", "scores"))
    print(f"wrote {', '.join(made)} into {given.readme.name} and {given.card.name}")


if __name__ == "__main__":
    main()
