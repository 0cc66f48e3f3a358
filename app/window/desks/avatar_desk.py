"""Everything about avatars: fills the gallery, puts them on stage, adds and edits the user's own."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QWidget

from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.panels.avatar_view import image_of
from app.window.panels.banner import News, Offer, Tone, news_of
from app.window.panels.gallery import GalleryEntry
from app.window.wishes import OWN_PREFIX, Mode, title_of
from engine.errors import NoFaceError, UnderstudyError
from engine.types import CONTROL_INDEX, Avatar, control_indices

MIN_CONFIDENCE = 0.6
"""Below this the points of a picture are shown to the user before they are used."""

SURE_CONFIDENCE = 0.85
"""Below this the user is told that the picture is unlike the drawings that the network was trained on."""

_JAW = ("contour_0", "contour_8")
_PORTRAIT_HEADS = 1.4  # side of a thumbnail, in heights of the head

EditPoints = Callable[[Avatar, str, QWidget | None], Avatar | None]
_UNSURE = (
    "The points of this picture are not certain: it differs from the drawings that the network knows. "
    "Please put them where they belong; the avatar will move by them."
)
_PLACE = (
    "These are another avatar's points. Choose All and drag and scale them onto the face, then put the eyes, "
    "the mouth and the rest right, part by part."
)
_UNLIKE = "It is unlike the drawings that the network knows, so the likeness may suffer."
_MEND = "If it moves oddly, put its points right, or take a drawing in the style of the built-in avatars."
_AGAIN = "Put the points where they belong; the avatar moves by them."


def portrait(avatar: Avatar) -> QImage:
    """Return a square cut around the head, as a copy: the gallery does not keep the whole avatar."""
    side_px = avatar.rgb.shape[0]
    top = float(avatar.points[CONTROL_INDEX["hair_top"], 1])
    height = max(float(avatar.points[CONTROL_INDEX["contour_4"], 1]) - top, 0.1)  # hair to chin
    middle = float(avatar.points[list(control_indices(_JAW)), 0].mean())
    size = min(height * _PORTRAIT_HEADS, 1.0)
    left = min(max(middle - size / 2, 0.0), 1.0 - size)
    upper = min(max(top - 0.12 * height, 0.0), 1.0 - size)
    cut = QRectF(left * side_px, upper * side_px, size * side_px, size * side_px).toRect()
    return image_of(avatar.rgb).copy(cut)


def _looking(path: Path) -> News:
    return News(Tone.INFO, f"Looking for the points of {path.name}…")


class AvatarDesk:
    """Connects the *Avatar* card.

    Args:
        show: The session and its surroundings.
        picker: Asks for files.
        edit_points: Shows the editor; returns the edited avatar, or None when cancelled.
    """

    def __init__(self, show: Show, picker: FilePicker, edit_points: EditPoints) -> None:
        self._show = show
        self._picker = picker
        self._edit_points = edit_points
        self._panel = show.window.avatars
        self._entries: dict[str, GalleryEntry] = {}
        self._panel.gallery.avatar_chosen.connect(self.choose)
        self._panel.add_wanted.connect(self.ask_for_picture)
        self._panel.edit_wanted.connect(self._edit)
        self._panel.remove_wanted.connect(self._remove)
        show.window.picture_dropped.connect(self.add_picture)
        show.after_build(self._return_own)

    def fill(self) -> None:
        """Fill the gallery, built-in avatars first; their pictures follow as they are loaded."""
        self._show.commands.submit(self._list, self._on_listed)

    def choose(self, name: str) -> None:
        """Put an avatar on stage; in the stylise mode there is none, and nothing is chosen."""
        if self._show.mode is Mode.STYLISE:
            return
        self._panel.show_chosen(name)
        self._show.ask(
            lambda session: session.set_avatar(self._load(name)),
            then=lambda _: self._show.remember(avatar=name),
            failed=self._on_failed,
            key="avatar",
        )

    def choose_number(self, number: int) -> None:
        """Put the avatar of the key ``number`` on stage."""
        self._panel.gallery.choose_number(number)

    def ask_for_picture(self) -> None:
        """Ask for a picture file and make an avatar of it."""
        is_wanted = self._show.mode is Mode.AVATAR
        path = self._picker.picture("Choose a picture of a drawn character") if is_wanted else None
        if path is not None:
            self.add_picture(path)

    def add_picture(self, path: Path) -> None:
        """Make an avatar from a picture file; in the stylise mode the user is told where that belongs."""
        if self._show.mode is Mode.STYLISE:
            self._show.tell(News(Tone.INFO, "A picture becomes an avatar.", "Go over to Avatar for that."))
            return
        self._show.tell(_looking(path))
        self._show.commands.submit(
            lambda: self._show.backstage.load_avatar(str(path)),
            lambda avatar: self._on_read(avatar, path),
            lambda error: self._on_unread(error, path),
        )

    def place_by_hand(self, path: Path) -> None:
        """Make an avatar from a picture in which no face was found: the user says where its points are."""
        self._show.commands.submit(
            lambda: self._show.backstage.avatar_to_place(path),
            lambda avatar: self._on_read(avatar, path, _PLACE),
        )

    def _list(self) -> tuple[list[str], list[str]]:
        return list(self._show.backstage.avatar_names()), list(self._show.backstage.own_avatars.names())

    def _on_listed(self, names: tuple[list[str], list[str]]) -> None:
        built_in, own = names[0], [OWN_PREFIX + name for name in names[1]]
        for name in built_in + own:
            self._entries[name] = GalleryEntry(name, title_of(name), QImage(), name.startswith(OWN_PREFIX))
            self._load_thumbnail(name)
        self._refresh()
        self._show_first(self._show.preferences.avatar, built_in)

    def _load_thumbnail(self, name: str) -> None:
        self._show.commands.submit(lambda: self._load(name), lambda avatar: self._add_thumbnail(name, avatar))

    def _return_own(self) -> None:
        # A session is built with an avatar of its own gallery: the user's is put on stage after that.
        name = self._show.preferences.avatar
        if name.startswith(OWN_PREFIX) and name in self._entries:
            self.choose(name)

    def _show_first(self, remembered: str, built_in: list[str]) -> None:
        if remembered in self._entries:
            if remembered.startswith(OWN_PREFIX):
                self.choose(remembered)
            else:
                self._panel.show_chosen(remembered)
            return
        if built_in:
            self._panel.show_chosen(built_in[0])
        if remembered:
            self._show.tell(News(Tone.WARNING, f"The avatar {title_of(remembered)!r} is not here any more."))

    def _load(self, name: str) -> Avatar:
        if name.startswith(OWN_PREFIX):
            return self._show.backstage.own_avatars.load(name.removeprefix(OWN_PREFIX))
        return self._show.backstage.load_avatar(name)

    def _add_thumbnail(self, name: str, avatar: Avatar) -> None:
        if name in self._entries:
            self._entries[name] = replace(self._entries[name], thumbnail=portrait(avatar))
            self._panel.gallery.show_thumbnail(name, self._entries[name].thumbnail)

    def _refresh(self) -> None:
        self._panel.gallery.show_entries(list(self._entries.values()))
        self._panel.show_chosen(self._panel.gallery.chosen)

    def _on_read(self, avatar: Avatar, path: Path, why_edit: str = _UNSURE) -> None:
        self._show.withdraw(_looking(path))
        own = self._show.backstage.own_avatars
        avatar = replace(avatar, name=own.free_name(path.stem))
        if avatar.confidence >= MIN_CONFIDENCE:
            self._keep(avatar)
            return
        edited = self._edit_points(avatar, why_edit, self._show.window)
        if edited is not None:
            self._keep(edited)

    def _on_unread(self, error: UnderstudyError, path: Path) -> None:
        self._show.withdraw(_looking(path))
        offers = (Offer("Place the points myself", lambda: self.place_by_hand(path)),)
        self._show.tell(news_of(error, *offers) if isinstance(error, NoFaceError) else news_of(error))

    def _keep(self, avatar: Avatar) -> None:
        self._show.commands.submit(
            lambda: self._show.backstage.own_avatars.keep(avatar), lambda name: self._on_kept(name, avatar)
        )

    def _on_kept(self, kept_name: str, avatar: Avatar) -> None:
        name = OWN_PREFIX + kept_name
        self._entries[name] = GalleryEntry(name, title_of(name), portrait(avatar), is_own=True)
        self._refresh()
        self.choose(name)
        offers = (Offer("Edit its points", self._edit),)
        if avatar.confidence >= SURE_CONFIDENCE:
            self._show.tell(News(Tone.GOOD, f"{title_of(name)} is on stage.", offers=offers))
        else:
            self._show.tell(News(Tone.WARNING, f"{title_of(name)} is on stage. {_UNLIKE}", _MEND, offers))

    def _edit(self) -> None:
        name = self._panel.gallery.chosen
        if self._panel.gallery.is_own(name):
            self._show.commands.submit(lambda: self._load(name), self._on_edit)

    def _on_edit(self, avatar: Avatar) -> None:
        edited = self._edit_points(avatar, _AGAIN, self._show.window)
        if edited is not None:
            self._keep(edited)

    def _remove(self) -> None:
        name = self._panel.gallery.chosen
        if not self._panel.gallery.is_own(name):
            return
        self._show.commands.submit(
            lambda: self._take_away(name), lambda avatar: self._on_removed(name, avatar)
        )

    def _take_away(self, name: str) -> Avatar | None:
        own = self._show.backstage.own_avatars
        stem = name.removeprefix(OWN_PREFIX)
        try:
            avatar: Avatar | None = own.load(stem)
        except UnderstudyError:
            avatar = None  # damaged: it can be removed, but not brought back
        own.remove(stem)
        return avatar

    def _on_removed(self, name: str, avatar: Avatar | None) -> None:
        del self._entries[name]
        self._refresh()
        self.choose(next(iter(self._entries)))
        offers = () if avatar is None else (Offer("Undo", lambda: self._keep(avatar)),)
        self._show.tell(News(Tone.INFO, f"{title_of(name)} was removed.", offers=offers))

    def _on_failed(self, error: UnderstudyError) -> None:
        # The gallery marked what was wished; what is on stage is what was remembered last.
        remembered = self._show.preferences.avatar
        if remembered in self._entries:
            self._panel.show_chosen(remembered)
        self._show.tell_error(error)
