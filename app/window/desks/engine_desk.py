"""Everything about the engine's own choices: quality, the avatar's networks, and what can be set of them."""

from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.panels.banner import Offer
from app.window.ports import Fetchable
from app.window.stops import Stop
from app.window.wishes import Mode, chosen_stop, model_from, stop_field, stops_from, stylise_from
from engine.settings import Model
from engine.stylise.settings import Painter

_PAINTERS = {Painter.STREAM_DIFFUSION: "StreamDiffusion", Painter.LIVE2DIFF: "Live2Diff"}
_RAIN = "rain"  # in the catalogue


class EngineDesk:
    """Connects the right panel.

    Args:
        show: The session and its surroundings.
        picker: Asks for files.
        fetches: Knows which models are here.
    """

    def __init__(self, show: Show, picker: FilePicker, fetches: FetchDesk) -> None:
        self._show = show
        self._picker = picker
        self._fetches = fetches
        self._panel = show.window.engine
        self._panel.stop_chosen.connect(self._set_stop)
        self._panel.card.model_chosen.connect(self.choose_model)
        self._panel.card.guidance_chosen.connect(self._set_guidance)
        self._panel.card.weights_wanted.connect(self.ask_for_weights)
        self._panel.card.default_weights_wanted.connect(lambda: self._set_weights(""))
        show.after_build(self.refresh)
        show.after_build(self._panel.plot.forget)

    def refresh(self) -> None:
        """Show what was remembered of what paints now."""
        preferences = self._show.preferences
        stops = stops_from(preferences)
        self._panel.show_stops(stops, stops.index(chosen_stop(preferences)))
        is_painting = self._show.mode is Mode.STYLISE
        self._panel.card.show_title(_PAINTERS[stylise_from(preferences).painter] if is_painting else "")
        self._panel.card.show_model(model_from(preferences))
        self._panel.card.show_guidance(preferences.rain_guidance)
        self._panel.card.show_weights(preferences.rain_weights)

    def choose_model(self, model: Model) -> None:
        """Have other networks move the avatar."""
        if model is not model_from(self._show.preferences):
            self._show.remember(model=model.value)
            self._show.build()

    def back_to_pocket(self) -> None:
        """Have the built-in networks move the avatar again."""
        self.choose_model(Model.POCKET)

    def ask_for_weights(self) -> None:
        """Ask where RAIN's weights lie, and load them from there."""
        folder = self._picker.folder("Choose the folder of RAIN's weights")
        if folder is not None:
            self._set_weights(str(folder))

    def needed_model(self) -> Fetchable | None:
        """Return the published model that moves the avatar; None: it is built in, or the user's own."""
        preferences = self._show.preferences
        is_published = model_from(preferences) is Model.RAIN and not preferences.rain_weights
        return self._fetches.named(_RAIN) if is_published else None

    def pocket_offers(self) -> tuple[Offer, ...]:
        """Return the button that leads to the built-in networks, where they are not those in use."""
        is_pocket = model_from(self._show.preferences) is Model.POCKET
        return () if is_pocket else (Offer("Back to Pocket", self.back_to_pocket),)

    def _set_stop(self, stop: Stop) -> None:
        self._show.remember(**{stop_field(self._show.preferences): stop.name})
        self._show.ask(lambda session: session.set_quality(stop.quality), key="quality")

    def _set_weights(self, folder: str) -> None:
        self._show.remember(rain_weights=folder)
        self._show.build()

    def _set_guidance(self, guidance: float) -> None:
        self._show.remember(rain_guidance=guidance)
        self._show.ask(lambda session: session.set_guidance(guidance), key="guidance")
