"""`understudy doctor`: what this machine has and lacks."""

import argparse

from app.cli.console import Console
from app.window.display import check_display
from engine.doctor import Health, can_animate, display_check, examine

_WIDTH = 15


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Print a line for each check; 0 when `animate` can work."""
    if not arguments.json:
        console.say("Looking at this machine (about ten seconds) ...")
    checks = examine([lambda: display_check(check_display)])
    is_able = can_animate(checks)
    if arguments.json:
        lines = [{**_plain(check), "health": check.health.value} for check in checks]
        console.json({"can_animate": is_able, "checks": lines})
        return 0 if is_able else 1
    for check in checks:
        mark = "ok" if check.health is Health.OK else "missing"
        console.result(f"{mark:8} {check.name:{_WIDTH}} {check.detail}")
        if check.remedy:
            need = "to mend" if check.health is Health.MISSING else "if wanted"
            console.result(f"{'':8} {'':{_WIDTH}} {need}: {check.remedy}")
    console.result(
        "`understudy animate` can work here." if is_able else "Mend what is marked `to mend` first."
    )
    return 0 if is_able else 1


def _plain(check: object) -> dict[str, str]:
    return {name: str(getattr(check, name)) for name in ("name", "detail", "remedy")}
