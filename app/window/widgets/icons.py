"""The project's own icons (``assets/icons``), drawn in the palette's colours at any size."""

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from PySide6.QtCore import QByteArray, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

from app.style import DARK

ICON_PX = 20
_INK = "#000"  # what the files are drawn in
_PIXELS_PER_POINT = 3  # sharp on screens scaled up to 300 %


@lru_cache(maxsize=64)
def _source(name: str) -> str:
    return files("assets").joinpath("icons", f"{name}.svg").read_text(encoding="utf-8")


def icon_pixmap(name: str, colour: str, size_px: int = ICON_PX) -> QPixmap:
    """Return the icon ``name`` in ``colour`` (``#rrggbb``), square.

    Raises:
        FileNotFoundError: there is no such icon.
    """
    renderer = QSvgRenderer(QByteArray(_source(name).replace(_INK, colour).encode()))
    side = size_px * _PIXELS_PER_POINT
    image = QImage(QSize(side, side), QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    pixmap = QPixmap.fromImage(image)
    pixmap.setDevicePixelRatio(_PIXELS_PER_POINT)
    return pixmap


def app_icon() -> QIcon:
    """Return the icon of the window and the task bar."""
    return QIcon(icon_pixmap("understudy", DARK.accent, 256))


def make_icon(name: str, colour: str = DARK.text, checked: str = "", checked_colour: str = "") -> QIcon:
    """Return the icon ``name``, paler when disabled, and another one while its button is checked.

    Args:
        name: File name in ``assets/icons`` without its ending.
        colour: ``#rrggbb`` at rest.
        checked: Name of the icon while checked; the same one when empty.
        checked_colour: Its colour; that at rest when empty.
    """
    icon = QIcon()
    on_name, on_colour = checked or name, checked_colour or colour
    draw: Callable[[str, str], QPixmap] = icon_pixmap
    for mode, off, on in (
        (QIcon.Mode.Normal, colour, on_colour),
        (QIcon.Mode.Disabled, DARK.disabled, DARK.disabled),
    ):
        icon.addPixmap(draw(name, off), mode, QIcon.State.Off)
        icon.addPixmap(draw(on_name, on), mode, QIcon.State.On)
    return icon
