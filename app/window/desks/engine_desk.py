"""Everything about the engine's own choices: quality, the avatar's networks, and what can be set of them."""

from app.window.desks.building_desk import BuildingDesk
from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.dialogs.question import Ask
from app.window.panels.banner import News, Offer, Tone
from app.window.ports import Fetchable
from app.window.stops import Stop
from app.window.wishes import (
    Mode,
    chosen_stop,
    model_from,
    painter_facts,
    stop_field,
    stops_from,
    tracker_from,
)
from engine.settings import Model, TrackerChoice

RAIN, DWPOSE = "rain", "dwpose"  # in the catalogue


class EngineDesk(BuildingDesk):
    """Connects the right panel. See ``BuildingDesk``."""

    def __init__(self, show: Show, picker: FilePicker, fetches: FetchDesk, ask: Ask) -> None:
        super().__init__(show, picker, fetches, ask)
        self._panel = show.window.engine
        self._panel.stop_chosen.connect(self._set_stop)
        self._panel.card.model_chosen.connect(self.choose_model)
        self._panel.card.guidance_chosen.connect(self._set_guidance)
        self._panel.card.tracker_chosen.connect(self.choose_tracker)
        self._panel.card.weights_wanted.connect(self.ask_for_weights)
        self._panel.card.default_weights_wanted.connect(lambda: self._build_with(rain_weights=""))
        show.after_build(self.refresh)
        show.after_build(self._panel.plot.forget)

    def refresh(self) -> None:
        """Show what was remembered of what paints now."""
        preferences = self._show.preferences
        stops = stops_from(preferences)
        self._panel.show_stops(stops, stops.index(chosen_stop(preferences)))
        is_painting = self._show.mode is Mode.STYLISE
        self._panel.card.show_title(painter_facts(preferences).title if is_painting else "")
        self._panel.card.show_model(model_from(preferences))
        self._panel.card.guidance.show_number(preferences.rain_guidance)
        self._panel.card.tracker.choose(tracker_from(preferences))
        self._panel.card.show_weights(preferences.rain_weights)

    def choose_model(self, model: Model) -> None:
        """Have other networks move the avatar."""
        if model is not model_from(self._show.preferences):
            self._build_with(model=model.value)

    def choose_tracker(self, tracker: TrackerChoice) -> None:
        """Have the person read by ``tracker``, or offer to fetch it."""
        needed = self._fetches.named(DWPOSE) if tracker is TrackerChoice.DWPOSE else None
        if needed is None or needed.is_here:
            self._build_with(rain_tracker=tracker.value)
            return
        self.refresh()
        offer = self._fetches.offer(needed, then=lambda: self._build_with(rain_tracker=tracker.value))
        message = f"{needed.title} is not on this computer: MediaPipe stays."
        hint = f"It can be fetched, licence {needed.licence}; without a GPU it is slow."
        self._show.tell(News(Tone.INFO, message, hint, (offer,)))

    def back_to_pocket(self) -> None:
        """Have the built-in networks move the avatar again."""
        self.choose_model(Model.POCKET)

    def ask_for_weights(self) -> None:
        """Ask where RAIN's weights lie, and load them from there."""
        folder = self._picker.folder("Choose the folder of RAIN's weights")
        if folder is not None:
            self._build_with(rain_weights=str(folder))

    def needed_model(self) -> Fetchable | None:
        """Return the published model that the avatar's engine lacks, or None."""
        preferences = self._show.preferences
        if model_from(preferences) is Model.POCKET:
            return None
        names = [] if preferences.rain_weights else [RAIN]
        if tracker_from(preferences) is TrackerChoice.DWPOSE:
            names.append(DWPOSE)
        models = [model for name in names if (model := self._fetches.named(name)) is not None]
        return next((model for model in models if not model.is_here), None)

    def ways_back(self) -> tuple[Offer, ...]:
        """Return the button that leads to what is built in, where that is not in use."""
        preferences = self._show.preferences
        if model_from(preferences) is Model.POCKET:
            return ()
        needed = self.needed_model()
        if needed is not None and needed.name == DWPOSE:
            back = TrackerChoice.MEDIAPIPE
            return (Offer("Back to MediaPipe", lambda: self._build_with(rain_tracker=back.value)),)
        return (Offer("Back to Pocket", self.back_to_pocket),)

    def _set_stop(self, stop: Stop) -> None:
        self._show.remember(**{stop_field(self._show.preferences): stop.name})
        self._show.ask(lambda session: session.set_quality(stop.quality), key="quality")

    def _set_guidance(self, guidance: float) -> None:
        self._show.remember(rain_guidance=guidance)
        self._show.ask(lambda session: session.set_guidance(guidance), key="guidance")
