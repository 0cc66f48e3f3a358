"""Everything about the user's side: camera, clip, sample clip, calibration, mirror."""

from collections.abc import Callable, Sequence
from pathlib import Path

from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.panels.banner import News, Offer, Tone
from app.window.ports import Camera
from app.window.widgets.pickers import Entry
from app.window.wishes import CAMERA_PREFIX, FILE_PREFIX
from engine.errors import UnderstudyError
from engine.settings import SAMPLE_CLIP


class SourceDesk:
    """Connects the *You* card.

    Args:
        show: The session and its surroundings.
        picker: Asks for files.
    """

    def __init__(self, show: Show, picker: FilePicker) -> None:
        self._show = show
        self._begin: Callable[[], None] = show.build
        self._picker = picker
        self._panel = show.window.you
        self._cameras: tuple[Camera, ...] = ()
        self._panel.source_chosen.connect(self.choose)
        self._panel.clip_wanted.connect(self.ask_for_clip)
        self._panel.sources_wanted.connect(self.look_for_cameras)
        self._panel.calibrate_wanted.connect(self.calibrate)
        self._panel.mirror_chosen.connect(self._mirror)
        show.window.clip_dropped.connect(self.play_clip)

    def open(self, begin: Callable[[], None]) -> None:
        """Take the source of the last time, else a camera, else the sample clip; then call ``begin``."""
        self._begin = begin
        self._panel.show_mirror(self._show.preferences.mirror)
        self._show.commands.submit(self._list_cameras, self._on_first_cameras, self._on_no_cameras)

    def choose(self, source: str) -> None:
        """Take frames from ``source`` (``Preferences.source``)."""
        self._show.remember(source=source)
        self._refresh()
        self._show.use_source(source)

    def play_sample(self) -> None:
        """Play the sample clip."""
        self.choose(SAMPLE_CLIP)

    def ask_for_clip(self) -> None:
        """Ask for a clip and play it."""
        path = self._picker.clip()
        if path is not None:
            self.play_clip(path)

    def play_clip(self, path: Path) -> None:
        """Play a clip, and keep it in the list."""
        self._show.remember(clip=str(path))
        self.choose(f"{FILE_PREFIX}{path}")

    def look_for_cameras(self) -> None:
        """Look which cameras are there now; the list follows."""
        self._show.commands.submit(self._list_cameras, self._on_cameras, key="cameras")

    def calibrate(self) -> None:
        """Take the face of the next second as neutral."""
        self._show.ask(lambda session: session.calibrate(), key="calibrate")
        self._show.tell(
            News(
                Tone.GOOD,
                "Look straight ahead for a second.",
                "Your face of now becomes the avatar's rest pose.",
            )
        )

    def _list_cameras(self) -> tuple[Camera, ...]:
        return tuple(self._show.backstage.list_cameras())

    def _on_first_cameras(self, cameras: Sequence[Camera]) -> None:
        self._cameras = tuple(cameras)
        if not self._show.preferences.source:
            self._choose_first()
        self._refresh()
        self._begin()

    def _on_no_cameras(self, error: UnderstudyError) -> None:
        self._on_first_cameras(())
        self._show.tell_error(error)

    def _choose_first(self) -> None:
        if self._cameras:
            self._show.remember(source=f"{CAMERA_PREFIX}{self._cameras[0].index}")
            return
        # The sample clip is what an empty source means; it is not remembered as a choice, so that a camera
        # that is there at the next start comes first.
        self._show.tell(
            News(
                Tone.INFO,
                "No camera was found, so the sample clip is playing.",
                "Plug in a camera and choose it under You, or take a clip of your own.",
                (Offer("Choose a clip", self.ask_for_clip),),
            )
        )

    def _on_cameras(self, cameras: Sequence[Camera]) -> None:
        self._cameras = tuple(cameras)
        self._refresh()

    def _refresh(self) -> None:
        preferences = self._show.preferences
        value = preferences.source or SAMPLE_CLIP
        entries = [Entry(f"{CAMERA_PREFIX}{camera.index}", camera.name, "camera") for camera in self._cameras]
        if value.startswith(CAMERA_PREFIX) and value not in {entry.value for entry in entries}:
            number = value.removeprefix(CAMERA_PREFIX)
            entries.insert(0, Entry(value, f"Camera {number} (not connected)", "camera"))
        entries.append(Entry(SAMPLE_CLIP, "Sample clip", "clip"))
        if preferences.clip:
            path = Path(preferences.clip)
            entries.append(Entry(f"{FILE_PREFIX}{path}", path.name, "clip"))
        self._panel.show_sources(entries, value)

    def _mirror(self, is_mirrored: bool) -> None:
        self._show.remember(mirror=is_mirrored)
        self._show.ask(lambda session: session.set_mirror(is_mirrored), key="mirror")
