"""Everything about the painting: prompt, closeness, painter, model, alike frames, seed.

Prompt, closeness, seed and the filter change while it paints. Painter and model are built in: with another
one the session is built anew, and what was going out ends (``Show.build``).
"""

import secrets
from dataclasses import replace
from pathlib import Path

from app.preferences import LARGEST_SEED
from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.panels.style_panel import CHOOSE_FILE, ModelEntry
from app.window.ports import Fetchable
from app.window.wishes import DEFAULT_STYLE_MODEL, prompt_from, stylise_from
from engine.errors import UnderstudyError
from engine.stylise.settings import PUBLISHED_MODELS, Closeness, Painter

PAINTER_MODEL = {Painter.LIVE2DIFF: "live2diff"}
"""What a painter needs beside the model that it paints with, in the catalogue."""


class StyleDesk:
    """Connects the *Style* card.

    Args:
        show: The session and its surroundings.
        picker: Asks for files.
        fetches: Knows which models are here.
    """

    def __init__(self, show: Show, picker: FilePicker, fetches: FetchDesk) -> None:
        self._show = show
        self._picker = picker
        self._fetches = fetches
        self._panel = show.window.painting
        self._panel.prompt.settled.connect(self.take_prompt)
        self._panel.prompt.left.connect(self._show_prompt)
        self._panel.closeness_chosen.connect(self._set_closeness)
        self._panel.painter_chosen.connect(self._set_painter)
        self._panel.model_chosen.connect(self._set_model)
        self._panel.own_model_wanted.connect(self._ask_for_model)
        self._panel.skipping_chosen.connect(self._set_skipping)
        self._panel.seed_chosen.connect(self._set_seed)
        self._panel.new_seed_wanted.connect(lambda: self._set_seed(secrets.randbelow(LARGEST_SEED + 1)))
        fetches.on_change(self._refresh_built_in)

    def open(self) -> None:
        """Show what was remembered."""
        preferences = self._show.preferences
        stylise = stylise_from(preferences)
        self._panel.prompt.show_prompt(stylise.prompt)
        self._panel.show_closeness(stylise.closeness)
        self._panel.show_skipping(preferences.is_skipping_alike)
        self._panel.show_seed(preferences.style_seed)
        self._refresh_built_in()

    def close(self) -> None:
        """Keep what is still being typed."""
        if self._panel.prompt.pause.isActive():
            self._panel.prompt.settle()

    def take_prompt(self, prompt: str) -> None:
        """Paint ``prompt`` from now on; one that is refused changes nothing, and the user is told."""
        before = prompt_from(self._show.preferences)
        if not prompt:
            self._panel.show_refusal("An empty prompt paints nothing: the old one goes on.")
            return
        self._panel.show_refusal("")
        if prompt == before:
            return
        self._show.remember(prompt=prompt)
        self._show.restyle(
            lambda styling: styling.set_prompt(prompt),
            failed=lambda error: self._on_refused(error, prompt, before),
            key="prompt",
        )

    def needed_model(self) -> Fetchable | None:
        """Return the published model that the painting needs, or None where it is the user's own."""
        stylise = stylise_from(self._show.preferences)
        return self._fetches.named(PAINTER_MODEL.get(stylise.painter, stylise.model))

    def is_model_here(self) -> bool:
        """Return whether what paints lies on this computer."""
        stylise = stylise_from(self._show.preferences)
        needed = self.needed_model()
        if needed is not None and not needed.is_here:
            return False
        own = stylise.style or ("" if stylise.model in PUBLISHED_MODELS else stylise.model)
        return not own or Path(own).expanduser().exists()

    def _show_prompt(self) -> None:
        """Put what is painted back into the box that the user has left."""
        self._panel.prompt.show_prompt(prompt_from(self._show.preferences))
        self._panel.show_refusal("")

    def _on_refused(self, error: UnderstudyError, prompt: str, before: str) -> None:
        if self._show.preferences.prompt == prompt:
            self._show.remember(prompt=before)
        self._panel.show_refusal(f"{error.message} The old prompt goes on.")

    def _set_closeness(self, closeness: Closeness) -> None:
        self._show.remember(closeness=closeness.name.lower())
        self._show.restyle(lambda styling: styling.set_closeness(closeness), key="closeness")

    def _set_seed(self, seed: int) -> None:
        self._panel.show_seed(seed)
        self._show.remember(style_seed=seed)
        self._show.restyle(lambda styling: styling.set_seed(seed), key="seed")

    def _set_skipping(self, is_skipping: bool) -> None:
        self._show.remember(is_skipping_alike=is_skipping)
        similarity = stylise_from(self._show.preferences).similarity
        self._show.restyle(lambda styling: styling.set_similarity(similarity), key="similarity")

    def _set_painter(self, painter: Painter) -> None:
        # Live2Diff's file joins the default model and those made of it: none of another family.
        is_known = self._show.preferences.style_model in _published_for(painter)
        is_own = self._show.preferences.style_model not in PUBLISHED_MODELS
        model = self._show.preferences.style_model if is_known or is_own else ""
        self._rebuild(painter=painter.value, style_model=model)

    def _set_model(self, model: str) -> None:
        self._rebuild(style_model=model)

    def _ask_for_model(self, kind: str) -> None:
        path = (
            self._picker.model_file()
            if kind == CHOOSE_FILE
            else self._picker.folder("Choose a model's folder")
        )
        if path is not None:
            self._set_model(str(path))

    def _rebuild(self, **changes: object) -> None:
        preferences = replace(self._show.preferences, **changes)  # type: ignore[arg-type]  # by the callers
        if preferences == self._show.preferences:
            return
        self._show.remember_all(preferences)
        self._refresh_built_in()
        self._show.build()

    def _refresh_built_in(self) -> None:
        stylise = stylise_from(self._show.preferences)
        value = stylise.style or stylise.model
        self._panel.painter.choose(stylise.painter)
        entries = [self._published(name) for name in _published_for(stylise.painter)]
        if value not in PUBLISHED_MODELS:
            entries.append(ModelEntry(value, Path(value).name, "Your own", value))
        self._panel.show_models(entries, value)

    def _published(self, name: str) -> ModelEntry:
        published, model = PUBLISHED_MODELS[name], self._fetches.named(name)
        title = model.title if model is not None else name.rpartition("/")[2]
        if model is None:
            return ModelEntry(name, title, f"{published.gigabytes:g} GB, licence {published.licence}")
        place = "On this computer" if model.is_here else "Not on this computer"
        return ModelEntry(name, title, f"{place}, {model.gigabytes:.1f} GB, licence {published.licence}")


def _published_for(painter: Painter) -> tuple[str, ...]:
    return (DEFAULT_STYLE_MODEL,) if painter is Painter.LIVE2DIFF else tuple(PUBLISHED_MODELS)
