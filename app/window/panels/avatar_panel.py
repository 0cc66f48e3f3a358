"""*Avatar*: the gallery, and pictures of the user's own, by button or drag and drop."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.window.panels.gallery import Gallery
from app.window.widgets.controls import make_button
from app.window.widgets.dropping import PictureCard


class AvatarPanel(PictureCard):
    """The gallery and what can be done with it.

    Signals:
        add_wanted(): The user wants to choose a picture file.
        edit_wanted(): The user wants to edit the points of the avatar on stage.
        remove_wanted(): The user wants the avatar on stage out of the gallery.
    """

    add_wanted = Signal()
    edit_wanted = Signal()
    remove_wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Avatar")
        self.gallery = Gallery()
        self.add = make_button("&Add picture…", "plus")
        self.add.setToolTip("Make an avatar from a picture of a drawn character; or drop the file here")
        self.edit = make_button("", "pencil", about="Edit the points of this avatar")
        self.remove = make_button("", "trash", about="Remove this avatar of yours")
        self.body.addWidget(self.gallery, 1)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.add, 1)
        row.addWidget(self.edit)
        row.addWidget(self.remove)
        self.body.addLayout(row)
        self.add.clicked.connect(self.add_wanted)
        self.edit.clicked.connect(self.edit_wanted)
        self.remove.clicked.connect(self.remove_wanted)
        self.gallery.avatar_chosen.connect(self.show_chosen)
        self.show_chosen("")
        QWidget.setTabOrder(self.gallery, self.add)

    def show_chosen(self, name: str) -> None:
        """Mark the avatar on stage; only the user's own can be edited and removed."""
        self.gallery.show_chosen(name)
        is_own = self.gallery.is_own(name)
        self.edit.setEnabled(is_own)
        self.remove.setEnabled(is_own)
