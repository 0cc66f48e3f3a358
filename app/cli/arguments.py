"""The command line's grammar. It imports no engine beyond plain settings, so that `--help` is instant."""

import argparse
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeAlias

from app.cli.console import Console

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
    """Return the arguments; ``run`` holds the command's function.

    Raises:
        SystemExit: after `--help` (0) or a mistake (2), with its text written.
    """
    parser = _build()
    return parser.parse_args(argv)


def _build() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="understudy",
        description="Puts an avatar on stage in your place. Without a command, the window opens.",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    parser.set_defaults(run=_run_window)
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


Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def _add_animate(commands: Commands) -> None:
    parser = commands.add_parser("animate", help="turn a clip into an avatar clip, sound kept")
    parser.add_argument("--source", default="sample", help="the clip (default: the sample that ships)")
    parser.add_argument(
        "--output",
        type=Path,
        help="the MP4 file, or a folder for it; an existing file is replaced "
        "(default: understudy-<clip>.mp4 here)",
    )
    parser.add_argument(
        "--mirror", action=argparse.BooleanOptionalAction, default=False, help="swap left and right"
    )
    _add_looks(parser)
    parser.set_defaults(run=_run_animate)


def _add_live(commands: Commands) -> None:
    parser = commands.add_parser("live", help="camera in, avatar out, without a window")
    parser.add_argument("--source", default="0", help="camera number, clip, or sample (default: 0)")
    parser.add_argument(
        "--virtual-camera", action="store_true", help="show the avatar to other programs as a webcam"
    )
    parser.add_argument(
        "--record", type=Path, metavar="PATH", help="record to an MP4 file; an existing one is replaced"
    )
    parser.add_argument("--loop", action="store_true", help="play a clip again and again")
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="stop N seconds after the first picture (default: Ctrl-C)"
    )
    parser.add_argument(
        "--mirror",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="move like your mirror picture (default: yes)",
    )
    _add_looks(parser)
    parser.set_defaults(run=_run_live)


def _add_stylise(commands: Commands) -> None:
    parser = commands.add_parser(
        "stylise", help="paint over your own picture to a prompt (shows your likeness; needs a model)"
    )
    parser.add_argument("--prompt", required=True, help="what to paint the picture as")
    parser.add_argument("--negative-prompt", default="", help="what not to paint (streamdiffusion)")
    parser.add_argument(
        "--painter",
        choices=PAINTERS,
        default="streamdiffusion",
        help="who paints: streamdiffusion (each frame by itself, quick) or live2diff (remembers the frames "
        "before: steadier, slower, needs gigabytes of memory)",
    )
    parser.add_argument("--source", default="sample", help="camera number, clip, or sample (default: sample)")
    parser.add_argument(
        "--output",
        type=Path,
        help="the MP4 file of a clip, or a folder for it; an existing file is replaced "
        "(default: understudy-<clip>-stylised.mp4 here)",
    )
    parser.add_argument(
        "--closeness",
        choices=CLOSENESS,
        default="balanced",
        help="how closely the painting keeps to the picture; free takes more steps and delay",
    )
    _add_painting_files(parser)
    parser.add_argument("--guidance-scale", type=float, help="1 to 5 (default: 1.2; streamdiffusion)")
    parser.add_argument(
        "--similarity", type=float, metavar="S", help="skip frames more alike than this, 0.9 to 1"
    )
    parser.add_argument("--virtual-camera", action="store_true", help="show it to other programs as a webcam")
    parser.add_argument("--record", type=Path, metavar="PATH", help="record to an MP4 file, live")
    parser.add_argument("--loop", action="store_true", help="play a clip again and again")
    parser.add_argument("--seconds", type=float, metavar="N", help="stop N seconds after the first picture")
    parser.add_argument("--mirror", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument(
        "--size", type=int, choices=SIZES, help="side of the painted picture in pixels (default: 512)"
    )
    parser.add_argument(
        "--levels",
        type=int,
        choices=LEVELS,
        help="live2diff's rows: finer, later, and more memory (default: 2)",
    )
    parser.add_argument(
        "--kv-format", choices=KV_FORMATS, help="what live2diff remembers: 8bit halves it (default: 16bit)"
    )
    parser.add_argument("--runtime", choices=("auto", "openvino", "torch"), default="auto")
    parser.add_argument("--precision", choices=("auto", "bf16", "f32"), default="auto")
    parser.add_argument("--seed", type=int, default=2, help="seed of the noise")
    parser.add_argument("--json", action="store_true", help="write the report as one line of JSON")
    parser.set_defaults(run=_run_stylise)


def _add_painting_files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", help="hub id, diffusers folder or .safetensors file")
    parser.add_argument(
        "--style", default="", metavar="FILE", help="a style's .safetensors file over the model (DreamBooth)"
    )
    parser.add_argument(
        "--lora", action="append", default=[], metavar="NAME[=SCALE]", help="may be given again"
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
        help="for a model that is one file (vocab.json, merges.txt)",
    )
    parser.add_argument("--download", action="store_true", help="fetch what is missing (gigabytes)")


def _add_looks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--avatar", default="default", metavar="NAME|PICTURE", help="see `understudy avatars`, or a picture"
    )
    parser.add_argument(
        "--backdrop",
        default="as-drawn",
        metavar="KIND",
        help="as-drawn, green, blue, magenta (key colours), #rrggbb, or a picture's path (default: as-drawn)",
    )
    parser.add_argument("--blur", type=float, default=0.0, help="blur of a backdrop picture, 0 to 1")
    parser.add_argument("--size", type=int, choices=SIZES, help="side of the painted picture in pixels")
    parser.add_argument("--levels", type=int, choices=LEVELS, help="rows of the buffer: finer, and later")
    parser.add_argument("--chunk", type=int, choices=COUNTS, help="frames in a row: steadier, and later")
    parser.add_argument(
        "--frame", metavar="WxH", help="size of the whole picture, such as 1280x720 (default: square)"
    )
    parser.add_argument(
        "--model", choices=MODELS, default="pocket", help="networks that paint; rain's weights are fetched"
    )
    parser.add_argument("--weights", default="", metavar="FOLDER", help="where a fetched model's weights lie")
    parser.add_argument(
        "--guidance", type=float, default=2.5, help="how closely rain keeps to its conditions (default: 2.5)"
    )
    parser.add_argument(
        "--tracker", choices=TRACKERS, default="mediapipe", help="who reads you; dwpose is slow and fetched"
    )
    parser.add_argument("--runtime", choices=("auto", "openvino", "torch"), default="auto")
    parser.add_argument("--precision", choices=("auto", "bf16", "f32"), default="auto")
    parser.add_argument("--seed", type=int, default=0, help="seed of the noise")
    parser.add_argument("--json", action="store_true", help="write the report as one line of JSON")


def _add_doctor(commands: Commands) -> None:
    parser = commands.add_parser("doctor", help="say what this machine has and lacks")
    parser.add_argument("--json", action="store_true", help="write the report as one line of JSON")
    parser.set_defaults(run=_run_doctor)


def _add_avatars(commands: Commands) -> None:
    parser = commands.add_parser("avatars", help="list the avatars")
    parser.add_argument("--json", action="store_true", help="write the list as one line of JSON")
    parser.set_defaults(run=_run_avatars)


def _add_models(commands: Commands) -> None:
    parser = commands.add_parser("models", help="list the published models, and fetch them")
    parser.add_argument("--json", action="store_true", help="write the list as one line of JSON")
    parser.set_defaults(run=_run_models)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    fetch = actions.add_parser("fetch", help="fetch a model and what it needs; size and licence come first")
    fetch.add_argument("name", metavar="NAME", help="see `understudy models`, or a repository as owner/name")
    fetch.add_argument("--yes", action="store_true", help="do not ask")
    fetch.add_argument("--json", action="store_true", help="write the result as one line of JSON")
    fetch.set_defaults(run=_run_models_fetch)


# Each command's module loads what it needs, when it is chosen.
# ruff: noqa: PLC0415 - see above


def _run_window(_arguments: argparse.Namespace, _console: Console) -> int:
    from app.window import run

    return run([])


def _run_animate(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.animate import run

    return run(arguments, console)


def _run_live(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.live import run

    return run(arguments, console)


def _run_stylise(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.stylise import run

    return run(arguments, console)


def _run_doctor(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.doctor import run

    return run(arguments, console)


def _run_avatars(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.avatars import run

    return run(arguments, console)


def _run_models(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.models import run

    return run(arguments, console)


def _run_models_fetch(arguments: argparse.Namespace, console: Console) -> int:
    from app.cli.models import run_fetch

    return run_fetch(arguments, console)
