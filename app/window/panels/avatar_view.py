"""The avatar, large: paints the newest ``Picture``.

The window's timer hands the newest picture in; nothing is queued or sent through Qt's signals.
"""

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.style import DARK
from app.style.palette import RADIUS_CARD_PX
from app.window.widgets.icons import icon_pixmap
from app.window.widgets.theme import scaled_font
from engine.types import Picture, RgbImage

ASPECT = 16 / 9
_ICON_PX = 40
_PAINT_FORMAT = QImage.Format.Format_RGB32


def image_of(rgb: RgbImage) -> QImage:
    """Return a QImage that looks at the array's own memory; the caller keeps the array alive.

    Args:
        rgb: ``(H, W, 3)`` uint8. An array that is not contiguous is copied, and the image owns the copy.
    """
    height, width = rgb.shape[:2]
    packed = np.ascontiguousarray(rgb)
    image = QImage(packed.data, width, height, packed.strides[0], QImage.Format.Format_RGB888)
    return image if packed is rgb else image.copy()


class AvatarView(QWidget):
    """Shows pictures inside a 16:9 frame with round corners, or a few words while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Avatar")
        self.setMinimumSize(384, 216)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self._picture: Picture | None = None
        self._image: QImage | None = None
        self._title = "Starting"
        self._detail = ""
        self._icon = icon_pixmap("person", DARK.muted, _ICON_PX)
        self._is_on_air = False
        self.num_painted = 0

    @property
    def picture(self) -> Picture | None:
        """The picture on show."""
        return self._picture

    def show_picture(self, picture: Picture | None) -> None:
        """Show ``picture`` from the next paint on; the same picture again costs nothing."""
        if picture is self._picture:
            return
        self._picture = picture
        # Qt scales 32-bit pixels four times faster than 24-bit ones, which pays for this one conversion
        # (0.1 ms at 720p) even when a picture is painted once.
        self._image = None if picture is None else image_of(picture.rgb).convertToFormat(_PAINT_FORMAT)
        self.update()

    def show_words(self, title: str, detail: str) -> None:
        """Set the words that stand in the frame while there is no picture."""
        if (title, detail) == (self._title, self._detail):
            return
        self._title, self._detail = title, detail
        self.setAccessibleDescription(f"{title}. {detail}")
        self.update()

    def show_on_air(self, is_on_air: bool) -> None:
        """Light the frame while the virtual camera is fed."""
        if is_on_air != self._is_on_air:
            self._is_on_air = is_on_air
            self.update()

    def frame_rect(self) -> QRectF:
        """Return the largest 16:9 rectangle that fits, centred."""
        width = min(float(self.width()), self.height() * ASPECT)
        height = width / ASPECT
        return QRectF((self.width() - width) / 2, (self.height() - height) / 2, width, height)

    def hasHeightForWidth(self) -> bool:
        """Return True: the frame is 16:9."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of a frame of that width."""
        return round(width / ASPECT)

    def sizeHint(self) -> QSize:
        """Return a size that suits a 1440 x 900 window."""
        return QSize(800, 450)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the picture or the words."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        frame = self.frame_rect()
        outline = QPainterPath()
        outline.addRoundedRect(frame, RADIUS_CARD_PX, RADIUS_CARD_PX)
        painter.fillPath(outline, QColor(DARK.stage))
        if self._image is None:
            self._paint_words(painter, frame)
        else:
            painter.drawImage(self._fitted(self._image, frame), self._image)
            self._round_corners(painter, frame, outline)
        self._paint_border(painter, frame)
        painter.end()
        self.num_painted += 1

    @staticmethod
    def _fitted(image: QImage, frame: QRectF) -> QRectF:
        scale = min(frame.width() / image.width(), frame.height() / image.height())
        width, height = image.width() * scale, image.height() * scale
        return QRectF(frame.center().x() - width / 2, frame.center().y() - height / 2, width, height)

    @staticmethod
    def _round_corners(painter: QPainter, frame: QRectF, outline: QPainterPath) -> None:
        # Covering four corners is far cheaper than clipping the whole picture to a path.
        corners = QPainterPath()
        corners.addRect(frame.adjusted(-1, -1, 1, 1))
        painter.fillPath(corners.subtracted(outline), QColor(DARK.window))

    def _paint_border(self, painter: QPainter, frame: QRectF) -> None:
        colour, width = (DARK.accent, 3.0) if self._is_on_air else (DARK.border, 1.0)
        painter.setPen(QPen(QColor(colour), width))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        inset = width / 2
        radius = RADIUS_CARD_PX - inset
        painter.drawRoundedRect(frame.adjusted(inset, inset, -inset, -inset), radius, radius)

    def _paint_words(self, painter: QPainter, frame: QRectF) -> None:
        middle = frame.center()
        painter.drawPixmap(QPointF(middle.x() - _ICON_PX / 2, middle.y() - 64), self._icon)
        painter.setPen(QColor(DARK.text))
        painter.setFont(scaled_font(self, 1.3, QFont.Weight.DemiBold))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        painter.drawText(QRectF(frame.x() + 24, middle.y() - 8, frame.width() - 48, 32), flags, self._title)
        painter.setPen(QColor(DARK.muted))
        painter.setFont(self.font())
        wrapped = flags | Qt.TextFlag.TextWordWrap
        painter.drawText(
            QRectF(frame.x() + 24, middle.y() + 28, frame.width() - 48, 64), wrapped, self._detail
        )
