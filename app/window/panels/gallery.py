"""The gallery of avatars: thumbnails with names, numbered for the keys 1 to 9."""

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QKeyEvent,
    QPainter,
    QPainterPath,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QListView,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from app.style import DARK
from app.window.widgets.theme import scaled_font

THUMB_PX = 78
CELL = QSize(86, 106)
_NARROWEST_PX = 76  # of a tile beside a scroll bar; its picture is smaller, too
NUM_KEYS = 9
_PIXELS_PER_POINT = 2
_NAME_ROLE = Qt.ItemDataRole.UserRole
_OWN_ROLE = Qt.ItemDataRole.UserRole + 1

AnyIndex = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True, eq=False)
class GalleryEntry:
    """One avatar in the gallery.

    Attributes:
        name: What it is chosen by.
        title: What is shown under it.
        thumbnail: Its picture, any size, square.
        is_own: Whether the user added it (then it can be edited and removed).
    """

    name: str
    title: str
    thumbnail: QImage
    is_own: bool = False


class Gallery(QListWidget):
    """Thumbnails; a click or Enter chooses, arrows only walk.

    Signals:
        avatar_chosen(str): The user chose this avatar.
    """

    avatar_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "gallery")
        self.setAccessibleName("Avatars")
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setMovement(QListView.Movement.Static)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setMinimumHeight(CELL.height())
        # The first thumbnail lines up with the card's text.
        self.setViewportMargins(-(CELL.width() - THUMB_PX) // 2, 0, 0, 0)
        self.setMouseTracking(True)
        self._chosen = ""
        self.setItemDelegate(_ThumbnailDelegate(self))
        self.itemClicked.connect(self._choose_item)

    @property
    def chosen(self) -> str:
        """The name of the avatar on stage."""
        return self._chosen

    def names(self) -> list[str]:
        """Return the names in order."""
        return [str(self.item(row).data(_NAME_ROLE)) for row in range(self.count())]

    def show_entries(self, entries: list[GalleryEntry]) -> None:
        """Show these avatars instead of those before."""
        self.clear()
        for number, entry in enumerate(entries, start=1):
            item = QListWidgetItem(entry.title)
            item.setData(_NAME_ROLE, entry.name)
            item.setData(_OWN_ROLE, entry.is_own)
            item.setData(Qt.ItemDataRole.DecorationRole, _thumbnail(entry.thumbnail))
            key = f", key {number}" if number <= NUM_KEYS else ""
            item.setData(Qt.ItemDataRole.AccessibleTextRole, f"{entry.title}{key}")
            item.setToolTip(f"{entry.title}{key}")
            self.addItem(item)
        self.show_chosen(self._chosen)

    def show_thumbnail(self, name: str, image: QImage) -> None:
        """Show a picture that was loaded after its entry."""
        names = self.names()
        if name in names:
            self.item(names.index(name)).setData(Qt.ItemDataRole.DecorationRole, _thumbnail(image))

    def show_chosen(self, name: str) -> None:
        """Mark the avatar on stage, without telling anybody."""
        self._chosen = name
        names = self.names()
        if name in names:
            self.setCurrentRow(names.index(name))
        self._show_in_view()
        self.viewport().update()

    def is_own(self, name: str) -> bool:
        """Return whether the user added the avatar ``name``."""
        names = self.names()
        return name in names and bool(self.item(names.index(name)).data(_OWN_ROLE))

    def choose_number(self, number: int) -> None:
        """Choose the avatar of the key ``number``, 1..9; does nothing when there are fewer."""
        if 1 <= number <= self.count():
            self._choose_item(self.item(number - 1))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Choose with Enter or Space; walk with the arrows."""
        item = self.currentItem()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and item is not None:
            self._choose_item(item)
            return
        super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Have the tiles fill the width, and keep the avatar on stage in sight."""
        width = self.viewport().width()
        columns = max(1, width // _NARROWEST_PX)
        self.setGridSize(QSize((width - 1) // columns, CELL.height()))  # Qt wraps a row that fits exactly
        super().resizeEvent(event)
        self._show_in_view()

    def sizeHint(self) -> QSize:
        """Return three columns and two rows."""
        return QSize(3 * CELL.width() + 12, 2 * CELL.height())

    def minimumSizeHint(self) -> QSize:
        """Return three columns and one row."""
        return QSize(3 * CELL.width() + 4, CELL.height())

    def _show_in_view(self) -> None:
        names = self.names()
        if self._chosen in names:
            self.scrollToItem(self.item(names.index(self._chosen)))

    def _choose_item(self, item: QListWidgetItem) -> None:
        self.show_chosen(str(item.data(_NAME_ROLE)))
        self.avatar_chosen.emit(self._chosen)


class _ThumbnailDelegate(QStyledItemDelegate):
    """Paints one thumbnail: picture with round corners, name, number, and rings for chosen and focus."""

    def __init__(self, gallery: Gallery) -> None:
        super().__init__(gallery)
        self._gallery = gallery

    def sizeHint(self, _option: QStyleOptionViewItem, _index: AnyIndex) -> QSize:
        return self._gallery.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: AnyIndex) -> None:
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        cell = option.rect
        side = min(THUMB_PX, cell.width() - 4)
        thumb = QRectF(cell.x() + (cell.width() - side) / 2, cell.y(), side, side)
        is_chosen = index.data(_NAME_ROLE) == self._gallery.chosen
        self._paint_picture(painter, thumb, index.data(Qt.ItemDataRole.DecorationRole))
        is_focused = self._gallery.hasFocus() and self._gallery.currentIndex().row() == index.row()
        if is_focused:
            _ring(painter, thumb, DARK.focus, 2.5)
        if is_chosen:
            inset = 3.5 if is_focused else 0.0
            _ring(painter, thumb.adjusted(inset, inset, -inset, -inset), DARK.accent, 2.5)
        elif option.state & QStyle.StateFlag.State_MouseOver:
            _ring(painter, thumb, DARK.edge, 1.5)
        if index.row() < NUM_KEYS:
            _paint_number(painter, thumb, index.row() + 1, self._gallery)
        painter.setFont(scaled_font(self._gallery, 0.9))
        painter.setPen(QColor(DARK.text if is_chosen else DARK.muted))
        room = QRect(cell.x() + 2, int(thumb.bottom()) + 4, cell.width() - 4, 20)
        title = str(index.data(Qt.ItemDataRole.DisplayRole))
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, shown)
        painter.restore()

    @staticmethod
    def _paint_picture(painter: QPainter, thumb: QRectF, pixmap: QPixmap) -> None:
        shape = QPainterPath()
        shape.addRoundedRect(thumb, 8, 8)
        painter.save()
        painter.setClipPath(shape)
        painter.fillRect(thumb, QColor(DARK.raised))
        painter.drawPixmap(thumb.toRect(), pixmap)
        painter.restore()


def _thumbnail(image: QImage) -> QPixmap:
    if image.isNull():
        return QPixmap()
    side = THUMB_PX * _PIXELS_PER_POINT
    smooth = Qt.TransformationMode.SmoothTransformation
    scaled = image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding, smooth)
    return QPixmap.fromImage(scaled)


def _paint_number(painter: QPainter, thumb: QRectF, number: int, gallery: Gallery) -> None:
    badge = QRectF(thumb.x() + 4, thumb.y() + 4, 16, 16)
    back = QColor(DARK.stage)
    back.setAlphaF(0.72)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(back)
    painter.drawRoundedRect(badge, 4, 4)
    painter.setFont(scaled_font(gallery, 0.75, QFont.Weight.DemiBold))
    painter.setPen(QColor(DARK.text))
    painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, str(number))


def _ring(painter: QPainter, area: QRectF, colour: str, width: float) -> None:
    painter.setPen(QPen(QColor(colour), width))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(area.adjusted(width / 2, width / 2, -width / 2, -width / 2), 8, 8)
