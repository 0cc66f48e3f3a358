"""The window's colours and measures, and the contrast that they must keep (WCAG 2.2).

Amber is the stage light: it marks what is chosen and what starts the show. Green means that things are
well, red means panic and recording, blue is the keyboard's focus and nothing else.
"""

from dataclasses import dataclass

GRID_PX = 8
"""Every gap and size in the window is a multiple of this, or of its half."""

RADIUS_CARD_PX = 12
RADIUS_CONTROL_PX = 8
CONTROL_HEIGHT_PX = 32
ACTION_HEIGHT_PX = 48


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Colours as ``#rrggbb``.

    Attributes:
        window: Behind everything.
        card: Behind a group of controls.
        raised: A control at rest.
        hover: A control under the mouse.
        pressed: A control held down, and the trough of sliders.
        border: The quiet line around controls and cards.
        edge: The line that alone tells where a control is: >= 3 against the card.
        text: Main text.
        muted: Secondary text; still AA (>= 4.5) on every surface.
        disabled: Text of what cannot be used now.
        accent, accent_hover, accent_pressed, on_accent: The stage light, and text on it.
        good: All is well.
        warning: Look at this.
        danger, danger_hover, danger_pressed, on_danger: Panic, and text on it.
        record: The recording dot and text about recording.
        focus: The keyboard's focus ring; >= 3 against every surface.
        stage: Behind the avatar, and behind the tracked points.
    """

    window: str
    card: str
    raised: str
    hover: str
    pressed: str
    border: str
    edge: str
    text: str
    muted: str
    disabled: str
    accent: str
    accent_hover: str
    accent_pressed: str
    on_accent: str
    good: str
    warning: str
    danger: str
    danger_hover: str
    danger_pressed: str
    on_danger: str
    record: str
    focus: str
    stage: str


DARK = Palette(
    window="#131419",
    card="#1b1d24",
    raised="#272a34",
    hover="#313541",
    pressed="#1f222a",
    border="#31353f",
    edge="#6f7585",
    text="#eeeff4",
    muted="#aab0bf",
    disabled="#747a88",
    accent="#f0b35a",
    accent_hover="#f6c378",
    accent_pressed="#d99c43",
    on_accent="#20160a",
    good="#6fcf97",
    warning="#f0b35a",
    danger="#c9373f",
    danger_hover="#d03c44",
    danger_pressed="#a92a32",
    on_danger="#ffffff",
    record="#ff7b80",
    focus="#8fb8ff",
    stage="#08090b",
)
"""The one theme."""

STAGE_SERIES: tuple[str, ...] = ("#8fb8ff", "#6fcf97", "#f0b35a", "#e38fb8", "#7fd3d8", "#b9a1f2", "#c9ccd6")
"""Colours of the stages in the time plot, in the order in which a frame travels."""


_LINEAR_BELOW = 0.04045  # sRGB: the straight part of its curve ends here


def relative_luminance(colour: str) -> float:
    """Return the relative luminance of ``#rrggbb``, 0..1 (WCAG 2.2, "relative luminance")."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= _LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast_ratio(first: str, second: str) -> float:
    """Return the contrast of two colours, 1..21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((relative_luminance(first), relative_luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)
