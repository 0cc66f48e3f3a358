"""Simple drawn characters for tests and screenshots, until (and without) the real ones."""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen

from engine.types import CONTROL_NAMES, NUM_CONTROLS, Avatar, Points, RgbImage

SIDE = 256
LOOKS = {
    "mira": ("#3a4668", "#f2c9a5", "#7a3b2e", "#4d8b8f"),
    "otto": ("#5b4a3d", "#e9b892", "#2d2a32", "#c9803d"),
    "suki": ("#6a4560", "#f7d9c4", "#d9d2e9", "#8a5fa8"),
    "bruno": ("#33524a", "#c58f68", "#3b2418", "#b3473f"),
    "lena": ("#44536b", "#ffdfc8", "#e0b354", "#3f6fb0"),
    "kato": ("#5d5a45", "#dba987", "#101418", "#596a3f"),
}


def draw_character(name: str, yaw: float = 0.0, mouth: float = 0.0, blink: float = 0.0) -> RgbImage:
    """Return a 256 x 256 drawing; yaw -1..1, mouth and blink 0..1."""
    back, skin, hair, shirt = (QColor(c) for c in LOOKS[name])
    image = QImage(SIDE, SIDE, QImage.Format.Format_RGB888)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    gradient = QLinearGradient(0, 0, 0, SIDE)
    gradient.setColorAt(0, back.lighter(130))
    gradient.setColorAt(1, back)
    painter.fillRect(image.rect(), gradient)
    painter.setPen(Qt.PenStyle.NoPen)
    dx = 10 * yaw
    painter.setBrush(hair)
    painter.drawRoundedRect(QRectF(62 + dx * 0.4, 40, 132, 150), 66, 66)
    painter.setBrush(shirt)
    painter.drawRoundedRect(QRectF(44, 200, 168, 90), 40, 40)
    painter.setBrush(skin.darker(112))
    painter.drawRoundedRect(QRectF(110, 170, 36, 44), 12, 12)
    painter.setBrush(skin)
    painter.drawEllipse(QRectF(74 + dx, 58, 108, 132))
    _fringe(painter, hair, dx)
    for side in (-1, 1):
        _eye(painter, 128 + dx * 1.4 + side * 26, 126, 1 - blink)
    painter.setPen(QPen(skin.darker(130), 3))
    painter.drawLine(QPointF(128 + dx * 1.9, 140), QPointF(125 + dx * 1.9, 150))
    painter.setPen(QPen(QColor("#8c3b3b"), 3))
    painter.setBrush(QColor("#5d1f26"))
    painter.drawEllipse(QRectF(112 + dx * 1.5, 162 - 9 * mouth, 32, 4 + 18 * mouth))
    painter.end()
    return to_array(image)


def to_array(image: QImage) -> RgbImage:
    """Return a copy of an RGB888 image."""
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).copy()


def widened(rgb: RgbImage) -> RgbImage:
    """Return a 16:9 picture with the drawing in the middle of its own background."""
    rgb = np.ascontiguousarray(rgb)
    size = rgb.shape[0]
    side = QImage(rgb.data, size, size, size * 3, QImage.Format.Format_RGB888)
    wide = QImage(1280, 720, QImage.Format.Format_RGB888)
    painter = QPainter(wide)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(wide.rect(), side.copy(0, 0, size // 8, size))
    painter.drawImage(QRectF(280, 0, 720, 720), side)
    painter.end()
    return to_array(wide)


def rest_points() -> Points:
    """Return the 61 points about where the drawing has them."""
    points = np.full((NUM_CONTROLS, 2), 0.5, np.float32)
    for index, name in enumerate(CONTROL_NAMES):
        points[index] = _place(name)
    return points


def make_avatar(name: str = "mira", confidence: float = 1.0) -> Avatar:
    """Return a drawn avatar."""
    scores = np.ones(NUM_CONTROLS, np.float32)
    scores[-4:] = 0  # elbows and wrists are not in the picture
    return Avatar(
        name=name,
        rgb=draw_character(name),
        points=rest_points(),
        depth=np.zeros(NUM_CONTROLS, np.float32),
        scores=scores,
        confidence=confidence,
    )


_SINGLE = {
    "nose_bridge": (0.5, 0.5),
    "nose_tip": (0.49, 0.585),
    "pupil_left": (0.4, 0.495),
    "pupil_right": (0.6, 0.495),
    "hair_left": (0.25, 0.49),
    "hair_top": (0.5, 0.16),
    "hair_right": (0.75, 0.49),
    "neck": (0.5, 0.79),
    "shoulder_left": (0.2, 0.88),
    "shoulder_right": (0.8, 0.88),
    "elbow_left": (0.12, 0.97),
    "elbow_right": (0.88, 0.97),
    "wrist_left": (0.2, 0.99),
    "wrist_right": (0.8, 0.99),
}


def _place(name: str) -> tuple[float, float]:
    if name in _SINGLE:
        return _SINGLE[name]
    stem, number = name.rsplit("_", 1)
    k = int(number)
    if stem == "contour":
        angle = np.pi - np.pi * k / 8
        return 0.5 + 0.21 * np.cos(angle), 0.49 + 0.255 * np.sin(angle)
    if stem.startswith("brow"):
        centre = 0.4 if stem.endswith("left") else 0.6
        return centre + 0.055 * (k - 1), 0.425 - (0.012 if k == 1 else 0)
    angle = np.pi + 2 * np.pi * k / 8
    x, y = np.cos(angle), np.sin(angle)
    if stem.startswith("eye"):
        centre = 0.4 if stem.endswith("left") else 0.6
        return centre + 0.05 * x, 0.495 + 0.035 * y
    reach = (0.075, 0.025) if stem == "lip_outer" else (0.055, 0.012)
    return 0.5 + reach[0] * x, 0.645 + reach[1] * y


def _fringe(painter: QPainter, hair: QColor, dx: float) -> None:
    path = QPainterPath(QPointF(70 + dx, 112))
    path.cubicTo(78 + dx, 44, 178 + dx, 44, 186 + dx, 112)
    path.cubicTo(170 + dx, 84, 128 + dx, 100, 112 + dx, 86)
    path.cubicTo(100 + dx, 100, 80 + dx, 96, 70 + dx, 112)
    painter.setBrush(hair)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.drawPath(path)


def _eye(painter: QPainter, x: float, y: float, is_open: float) -> None:
    painter.setPen(QPen(QColor("#2b2024"), 3))
    painter.setBrush(QColor("#ffffff"))
    height = max(2.0, 18 * is_open)
    painter.drawEllipse(QRectF(x - 13, y - height / 2, 26, height))
    if is_open > 0.3:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#3b5f78"))
        painter.drawEllipse(QPointF(x, y), 6.5, min(8.0, height / 2))
        painter.setBrush(QColor("#11161c"))
        painter.drawEllipse(QPointF(x, y), 3, 3.4)
