"""The Qt style sheet, made from ``window.qss`` with the palette's colours and measures filled in."""

from dataclasses import asdict
from importlib.resources import files
from string import Template

from app.style.palette import (
    ACTION_HEIGHT_PX,
    CONTROL_HEIGHT_PX,
    DARK,
    GRID_PX,
    RADIUS_CARD_PX,
    RADIUS_CONTROL_PX,
    Palette,
)


def build_stylesheet(palette: Palette = DARK) -> str:
    """Return the window's style sheet.

    Raises:
        KeyError: ``window.qss`` names a colour or measure that does not exist.
    """
    template = Template(files("app.style").joinpath("window.qss").read_text(encoding="utf-8"))
    measures = {
        "grid": f"{GRID_PX}px",
        "half": f"{GRID_PX // 2}px",
        "radius": f"{RADIUS_CONTROL_PX}px",
        "card_radius": f"{RADIUS_CARD_PX}px",
        # Style sheets count the content box: the 2 px border on both sides comes on top.
        "control_height": f"{CONTROL_HEIGHT_PX - 4}px",
        "action_height": f"{ACTION_HEIGHT_PX - 4}px",
    }
    return template.substitute(asdict(palette) | measures)
