"""What the painting is made with: painter, model or style, LoRAs, and the memory of frames.

A painter that can changes its style and its LoRAs while it paints. For all else the session is built anew.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from app.preferences import Loras, Preferences
from app.window.desks.building_desk import BuildingDesk
from app.window.desks.fetch_desk import FetchDesk
from app.window.desks.show import Show
from app.window.dialogs.file_picker import FilePicker
from app.window.dialogs.question import Ask
from app.window.painters import PAINTERS
from app.window.panels.banner import News, Offer, Tone, news_of
from app.window.panels.style_panel import CHOOSE_FILE
from app.window.ports import Fetchable
from app.window.widgets.pickers import Entry
from app.window.wishes import painter_facts, stylise_from
from engine.errors import MemoryTooSmallError, UnderstudyError
from engine.status import SessionState
from engine.stylise.settings import PUBLISHED_MODELS, Painter, StyliseSettings

_GOES_ON = "The painting goes on as before."
_READING = News(Tone.INFO, "The other style is being read.", "The painting goes on meanwhile.")


class StyleModelDesk(BuildingDesk):
    """Connects what the *Style* card says of painter, model, LoRAs and memory. See ``BuildingDesk``."""

    def __init__(self, show: Show, picker: FilePicker, fetches: FetchDesk, ask: Ask) -> None:
        super().__init__(show, picker, fetches, ask)
        self._panel = show.window.painting
        self._panel.painter_chosen.connect(self._set_painter)
        self._panel.model_chosen.connect(self._set_model)
        self._panel.own_model_wanted.connect(self._ask_for_model)
        self._panel.more.memory_chosen.connect(lambda is_small: self._build_with(has_small_memory=is_small))
        loras = self._panel.more.loras
        loras.add_wanted.connect(self.ask_for_lora)
        loras.remove_wanted.connect(self.leave_out)
        loras.scale_chosen.connect(self._set_scale)
        fetches.on_change(self.refresh)

    def refresh(self) -> None:
        """Show what was remembered."""
        preferences = self._show.preferences
        stylise, facts = stylise_from(preferences), painter_facts(preferences)
        value = stylise.style or stylise.model
        entries = [Entry(name, self._title(name), about=self._about(name)) for name in facts.models]
        entries += [Entry(own, Path(own).name, about=own) for own in _own_parts(stylise)]
        about = self._about(value) if value in PUBLISHED_MODELS else _about_own(stylise)
        self._panel.show_painter(stylise.painter)
        self._panel.show_models(entries, value, about)
        self._panel.more.memory.choose(preferences.has_small_memory)
        self._panel.more.show_loras(preferences.style_loras)

    def needed_model(self) -> Fetchable | None:
        """Return the published model that the painting needs, or None where it is the user's own."""
        preferences = self._show.preferences
        return self._fetches.named(painter_facts(preferences).own_model or stylise_from(preferences).model)

    def is_model_here(self) -> bool:
        """Return whether what paints lies on this computer."""
        stylise = stylise_from(self._show.preferences)
        needed, own = self.needed_model(), _own_parts(stylise)
        if needed is not None:
            # What a published model needs may be the user's own, but never the model itself.
            parts = needed.parts[:1] if stylise.model in own else needed.parts
            if not all(part.is_here for part in parts):
                return False
        return all(Path(path).expanduser().exists() for path in own)

    def lora_at_fault(self, error: UnderstudyError) -> str | None:
        """Return the path of the LoRA that an error speaks of, or None."""
        named = [path for path, _scale in self._show.preferences.style_loras if path in error.message]
        return max(named, key=len, default=None)

    def ask_for_lora(self) -> None:
        """Ask for a LoRA's file, and paint with it, too."""
        path = self._picker.model_file("Choose a LoRA")
        loras = self._show.preferences.style_loras
        if path is None:
            return
        if str(path) in dict(loras):
            self._show.tell(
                News(Tone.INFO, f"{path.stem} is among the LoRAs already.", "Change its weight there.")
            )
            return
        self._set_loras((*loras, (str(path), 1.0)))

    def leave_out(self, path: str) -> None:
        """Paint without the LoRA of this path."""
        self._set_loras(tuple(lora for lora in self._show.preferences.style_loras if lora[0] != path))

    def _set_scale(self, path: str, scale: float) -> None:
        loras = self._show.preferences.style_loras
        self._set_loras(tuple((each, scale if each == path else kept) for each, kept in loras))

    def _set_loras(self, loras: Loras) -> None:
        self._change_style(style_loras=loras)

    def _set_painter(self, painter: Painter) -> None:
        model = self._show.preferences.style_model
        if model in PUBLISHED_MODELS and model not in PAINTERS[painter].models:
            model = ""
        self._build_with(painter=painter.value, style_model=model)

    def _set_model(self, model: str) -> None:
        self._change_style(style_model=model, style_base="")

    def _ask_for_model(self, kind: str) -> None:
        if kind == CHOOSE_FILE:
            path = self._picker.model_file("Choose a Stable Diffusion model")
            base = stylise_from(self._show.preferences).model
            style_base = base if Path(base).expanduser().is_dir() else ""
        else:
            path, style_base = self._picker.folder("Choose a model's folder"), ""
        if path is not None:
            self._change_style(style_model=str(path), style_base=style_base)

    def _change_style(self, **changes: object) -> None:
        """Paint in another style or with other LoRAs: while it paints where that is possible, else anew."""
        before = self._show.preferences
        after = replace(before, **changes)  # type: ignore[arg-type]  # by the callers
        if after == before:
            return
        if not self._can_change_to(after):
            self._build_with(**changes)
            return
        stylise = stylise_from(after)
        self._show.remember_all(after)
        self.refresh()
        self._show.tell(_READING)
        self._show.restyle(
            lambda styling: styling.set_style(stylise.style, stylise.loras),
            then=lambda _: self._on_style_read(),
            failed=lambda error: self._on_refused(error, before, changes),
            key="style",
        )

    def _can_change_to(self, after: Preferences) -> bool:
        is_same = stylise_from(after).model == stylise_from(self._show.preferences).model
        is_painting = self._show.session is not None and self._show.status().state is not SessionState.ERROR
        return painter_facts(after).changes_style and is_same and is_painting

    def _on_style_read(self) -> None:
        self._show.withdraw(_READING)
        self._show.tell(News(Tone.GOOD, "The other style is here."))

    def _on_refused(self, error: UnderstudyError, before: Preferences, changes: Mapping[str, object]) -> None:
        if all(getattr(self._show.preferences, name) == value for name, value in changes.items()):
            # Else the user has changed their mind meanwhile, and that is under way.
            self._show.remember(**{name: getattr(before, name) for name in changes})
        self.refresh()
        self._show.withdraw(_READING)
        if isinstance(error, MemoryTooSmallError):
            again = Offer("Begin anew with it", lambda: self._build_with(**changes))
            self._show.tell(news_of(error, again))
        else:
            self._show.tell(news_of(error, hint=_GOES_ON))

    def _title(self, name: str) -> str:
        model = self._fetches.named(name)
        return model.title if model is not None else name.rpartition("/")[2]

    def _about(self, name: str) -> str:
        published, model = PUBLISHED_MODELS[name], self._fetches.named(name)
        if model is None:
            return f"{published.gigabytes:g} GB, licence {published.licence}"
        place = "On this computer" if model.is_here else "Not on this computer"
        return f"{place}, {model.gigabytes:.1f} GB, licence {published.licence}"


def _own_parts(stylise: StyliseSettings) -> list[str]:
    """Return what the user gave: the model, and the style that is painted over it."""
    model = "" if stylise.model in PUBLISHED_MODELS else stylise.model
    return [path for path in (model, stylise.style) if path]


def _about_own(stylise: StyliseSettings) -> str:
    own = _own_parts(stylise)
    return f"Your own, over {Path(own[0]).name}" if len(own) > 1 else "Your own"
