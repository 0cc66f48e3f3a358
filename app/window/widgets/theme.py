"""Puts the palette on a QApplication: Fusion underneath, our style sheet on top, the system's own font."""

from PySide6.QtGui import QColor, QFont, QPalette
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from app.style import DARK, Palette, build_stylesheet

MIN_FONT_PT = 10.0


def apply_theme(app: QApplication, palette: Palette = DARK) -> None:
    """Make ``app`` look like Understudy. Thread: GUI, before the first window."""
    app.setStyle("Fusion")
    app.setPalette(_qt_palette(palette))
    font = app.font()
    if font.pointSizeF() < MIN_FONT_PT:
        font.setPointSizeF(MIN_FONT_PT)
        app.setFont(font)
    app.setStyleSheet(build_stylesheet(palette))


def scaled_font(widget: QWidget, scale: float, weight: QFont.Weight = QFont.Weight.Normal) -> QFont:
    """Return the widget's font, ``scale`` times as large."""
    font = widget.font()
    font.setPointSizeF(font.pointSizeF() * scale)
    font.setWeight(weight)
    return font


def make_label(
    text: str, role: str = "", scale: float = 1.0, weight: QFont.Weight = QFont.Weight.Normal
) -> QLabel:
    """Return a label whose colour comes from its ``role`` in the style sheet."""
    label = QLabel(text)
    label.setProperty("role", role)
    label.setFont(scaled_font(label, scale, weight))
    return label


def set_role(widget: QWidget, name: str, value: str) -> None:
    """Set a property that the style sheet selects by, and restyle the widget if it changed."""
    if widget.property(name) == value:
        return
    widget.setProperty(name, value)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def _qt_palette(palette: Palette) -> QPalette:
    # What the style sheet does not reach: native-ish dialogs, text selection, place-holder text.
    roles = {
        QPalette.ColorRole.Window: palette.window,
        QPalette.ColorRole.WindowText: palette.text,
        QPalette.ColorRole.Base: palette.pressed,
        QPalette.ColorRole.AlternateBase: palette.card,
        QPalette.ColorRole.Text: palette.text,
        QPalette.ColorRole.PlaceholderText: palette.muted,
        QPalette.ColorRole.Button: palette.raised,
        QPalette.ColorRole.ButtonText: palette.text,
        QPalette.ColorRole.ToolTipBase: palette.raised,
        QPalette.ColorRole.ToolTipText: palette.text,
        QPalette.ColorRole.Highlight: palette.accent,
        QPalette.ColorRole.HighlightedText: palette.on_accent,
        QPalette.ColorRole.Link: palette.focus,
        QPalette.ColorRole.BrightText: palette.record,
    }
    made = QPalette()
    for role, colour in roles.items():
        made.setColor(role, QColor(colour))
    for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, role, QColor(palette.disabled))
    return made
