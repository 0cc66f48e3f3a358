"""The command line's grammar. It imports no engine beyond plain settings, so that `--help` is instant."""

import argparse
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import TypeAlias

from app.cli.console import Console
from app.cli.grammar import Grammar

Run = Callable[[argparse.Namespace, Console], int]

SIZES = (256, 384, 512)
COUNTS = (1, 2, 4)
LEVELS = (1, 2, 3, 4)
TRACKERS = ("mediapipe", "dwpose")
MODELS = ("pocket", "rain")
CLOSENESS = ("free", "loose", "balanced", "near", "close")
PAINTERS = ("streamdiffusion", "live2diff")
KV_FORMATS = ("16bit", "8bit")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments; ``load`` imports the command's function and returns it.

    Raises:
        SystemExit: after `--help` (0) or a mistake (2), with its text written.
    """
    arguments, unknown = _build().parse_known_args(argv)
    if unknown:
        arguments.grammar.refuse(unknown)
    return arguments


def _build() -> Grammar:
    parser = Grammar(
        prog="understudy",
        description="Puts an avatar on stage in your place. Without a command, the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    parser.set_defaults(load=_load_window, grammar=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_animate(commands)
    _add_live(commands)
    _add_stylise(commands)
    _add_doctor(commands)
    _add_avatars(commands)
    _add_models(commands)
    return parser


def _version() -> str:
    try:
        return version("understudy")
    except PackageNotFoundError:
        return "(not installed)"


Commands: TypeAlias = "argparse._SubParsersAction[Grammar]"


def _add_animate(commands: Commands) -> None:
    parser = _command(commands, "animate", "turn a clip into an avatar clip, sound kept")
    parser.add_argument(
        "--source", metavar="CLIP", default="sample", help="the clip (default: sample, which ships)"
    )
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="the MP4 file, or a folder for it; an existing file is replaced at the end "
        "(default: understudy-<clip>.mp4 here)",
    )
    _add_mirror(parser, default=False)
    _add_looks(parser)
    _add_networks(parser)
    _add_engine(parser)
    parser.set_defaults(load=_load_animate)


def _add_live(commands: Commands) -> None:
    parser = _command(commands, "live", "camera in, avatar out, without a window")
    parser.add_argument("--source", default="0", help="camera number, clip, or sample (default: 0)")
    _add_ways_out(parser, "")
    _add_mirror(parser, default=True)
    _add_looks(parser)
    _add_networks(parser)
    _add_engine(parser)
    parser.set_defaults(load=_load_live, for_clips="understudy animate")


def _add_stylise(commands: Commands) -> None:
    parser = _command(
        commands, "stylise", "paint over your own picture to a prompt (shows your likeness; needs a model)"
    )
    parser.add_argument("--prompt", required=True, metavar="TEXT", help="what to paint the picture as")
    parser.add_argument(
        "--negative-prompt",
        default="",
        metavar="TEXT",
        help="what not to paint: every step then takes twice as long (streamdiffusion; default: nothing)",
    )
    parser.add_argument(
        "--painter",
        choices=PAINTERS,
        default="streamdiffusion",
        help="who paints: streamdiffusion (each frame by itself, quick) or live2diff (remembers the frames "
        "before: steadier, slower, needs gigabytes of memory) (default: streamdiffusion)",
    )
    parser.add_argument("--source", default="sample", help="camera number, clip, or sample (default: sample)")
    parser.add_argument(
        "--output",
        metavar="PATH",
        help="the MP4 file of a clip, or a folder for it; an existing file is replaced at the end "
        "(default: understudy-<clip>-stylised.mp4 here)",
    )
    _add_ways_out(parser, "live: ")
    _add_mirror(parser, default=False)
    _add_painting(parser)
    _add_painting_files(parser)
    _add_engine(parser, seed=2)
    parser.set_defaults(load=_load_stylise, for_clips="understudy stylise --source CLIP")


def _add_painting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--closeness",
        choices=CLOSENESS,
        default="balanced",
        help="how closely the painting keeps to the picture; free takes more steps and delay "
        "(default: balanced)",
    )
    parser.add_argument(
        "--guidance-scale",
        type=float,
        metavar="SCALE",
        help="how far towards the prompt, 1 to 5 (streamdiffusion; default: 1.2)",
    )
    parser.add_argument(
        "--similarity",
        type=float,
        metavar="S",
        help="skip frames more alike than this, 0.9 to 1: saves power on a still scene (default: none)",
    )
    parser.add_argument(
        "--size", type=int, choices=SIZES, help="side of the painted picture in pixels (default: 512)"
    )
    parser.add_argument(
        "--levels",
        type=int,
        choices=LEVELS,
        help="live2diff's steps: each paints finer, delays by a frame and takes up to 1.5 GB (default: 2)",
    )
    parser.add_argument(
        "--kv-format",
        choices=KV_FORMATS,
        help="how live2diff keeps what it remembers: 8bit takes half the memory, and pictures are off by "
        "about 1 %% (default: 16bit)",
    )


def _add_painting_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help="a name of `understudy models`, a hub id, a diffusers folder or a .safetensors file "
        "(default: sd15)",
    )
    parser.add_argument(
        "--style",
        default="",
        metavar="FILE",
        help="a style's .safetensors file over the model, DreamBooth (default: the model's own look)",
    )
    parser.add_argument(
        "--lora",
        action="append",
        default=[],
        metavar="NAME[=SCALE]",
        help="a LoRA's file, folder or hub id, and how much of it (default: 1); may be given again",
    )
    parser.add_argument(
        "--motion", default="", metavar="FILE", help="live2diff.ckpt (default: the one that was fetched)"
    )
    parser.add_argument(
        "--depth",
        default="",
        metavar="FOLDER",
        help="a depth network for live2diff, or points: from your face and outline, approximate "
        "(default: one that was fetched, else points)",
    )
    parser.add_argument(
        "--tokenizer",
        default="",
        metavar="FOLDER",
        help="vocab.json and merges.txt for a model that is one file (default: beside the file)",
    )
    parser.add_argument(
        "--download", action="store_true", help="first fetch what is missing of the model (gigabytes)"
    )


def _add_ways_out(parser: argparse.ArgumentParser, when: str) -> None:
    """Where a live picture goes, and for how long. ``when`` heads the texts."""
    parser.add_argument(
        "--virtual-camera", action="store_true", help=f"{when}show it to other programs as a webcam"
    )
    parser.add_argument(
        "--record",
        metavar="PATH",
        help=f"{when}record to this MP4 file, or into this folder; an old file is replaced",
    )
    parser.add_argument("--loop", action="store_true", help=f"{when}play a clip again and again")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="N",
        help=f"{when}stop N seconds after the first picture (default: at Ctrl-C or the clip's end)",
    )


def _add_mirror(parser: argparse.ArgumentParser, *, default: bool) -> None:
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        default=default,
        help=f"swap left and right, as a mirror does (default: {'yes' if default else 'no'})",
    )


def _add_looks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--avatar",
        default="default",
        metavar="NAME|PICTURE",
        help="a name of `understudy avatars`, or a picture's path (default: the first of them)",
    )
    parser.add_argument(
        "--backdrop",
        default="as-drawn",
        metavar="KIND",
        help="as-drawn, green, blue, magenta (key colours), #rrggbb, or a picture's path (default: as-drawn)",
    )
    parser.add_argument(
        "--blur", type=float, default=0.0, metavar="B", help="of a backdrop picture, 0 to 1 (default: 0)"
    )
    parser.add_argument(
        "--frame", metavar="WxH", help="pixels of the whole picture, such as 1280x720 (default: square)"
    )


def _add_networks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--size",
        type=int,
        choices=SIZES,
        help="side of the painted picture in pixels: larger is finer and slower (default: 256, rain's 512)",
    )
    parser.add_argument(
        "--levels",
        type=int,
        choices=LEVELS,
        help="rows of the buffer: each is a step more, and a delay of one chunk (default: 1, rain's 4)",
    )
    parser.add_argument(
        "--chunk",
        type=int,
        choices=COUNTS,
        help="frames in a row: more are steadier, and wait for each other (default: 1, rain's 4)",
    )
    parser.add_argument(
        "--model",
        choices=MODELS,
        default="pocket",
        help="networks that paint: pocket ships, rain is fetched (default: pocket)",
    )
    parser.add_argument(
        "--weights", default="", metavar="FOLDER", help="of rain (default: where fetching puts them)"
    )
    parser.add_argument(
        "--guidance",
        type=float,
        metavar="SCALE",
        help="how closely rain keeps to its conditions, 1 to 10 (default: 2.5)",
    )
    parser.add_argument(
        "--tracker",
        choices=TRACKERS,
        default="mediapipe",
        help="who reads you: mediapipe is quick and ships, dwpose is slow and fetched (default: mediapipe)",
    )


def _add_engine(parser: argparse.ArgumentParser, *, seed: int = 0) -> None:
    """How the networks are run, and what the report looks like."""
    parser.add_argument(
        "--runtime",
        choices=("auto", "openvino", "torch"),
        default="auto",
        help="library that runs the networks: auto takes the fastest that works here (default: auto)",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", "bf16", "f32"),
        default="auto",
        help="arithmetic: f32 is exact, bf16 about twice as fast where the processor has it (default: auto)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=seed,
        metavar="N",
        help=f"seed of the noise, 0 to 4294967295; the same one paints the same (default: {seed})",
    )
    _add_json(parser, "report")


def _add_json(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--json", action="store_true", help=f"write the {what} as one line of JSON")


def _command(commands: Commands, name: str, text: str) -> Grammar:
    """Return a command's parser; its one line in the list heads its own help, too."""
    parser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(grammar=parser)
    return parser


def _add_doctor(commands: Commands) -> None:
    parser = _command(commands, "doctor", "say what this machine has and lacks")
    _add_json(parser, "report")
    parser.set_defaults(load=_load_doctor)


def _add_avatars(commands: Commands) -> None:
    parser = _command(commands, "avatars", "list the avatars")
    _add_json(parser, "list")
    parser.set_defaults(load=_load_avatars)


def _add_models(commands: Commands) -> None:
    parser = _command(commands, "models", "list the published models, and fetch them")
    _add_json(parser, "list")
    parser.set_defaults(load=_load_models)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    fetch = _command(actions, "fetch", "fetch a model and what it needs; size and licence come first")
    fetch.add_argument("name", metavar="NAME", help="see `understudy models`, or a repository as owner/name")
    fetch.add_argument("--yes", action="store_true", help="fetch it without asking first")
    _add_json(fetch, "result")
    fetch.set_defaults(load=_load_models_fetch)


# ruff: noqa: PLC0415 - each command's module loads what it needs, when it is chosen


def _load_window() -> Run:
    from app.window import run

    return lambda _arguments, _console: run([])


def _load_animate() -> Run:
    from app.cli.animate import run

    return run


def _load_live() -> Run:
    from app.cli.live import run

    return run


def _load_stylise() -> Run:
    from app.cli.stylise import run

    return run


def _load_doctor() -> Run:
    from app.cli.doctor import run

    return run


def _load_avatars() -> Run:
    from app.cli.avatars import run

    return run


def _load_models() -> Run:
    from app.cli.models import run

    return run


def _load_models_fetch() -> Run:
    from app.cli.models import run_fetch as run

    return run
