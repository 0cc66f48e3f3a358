"""What is painted: prompt, closeness, guidance, alike frames, seed. All of it changes while it paints."""

import secrets

from app.preferences import LARGEST_SEED
from app.window.desks.show import Show
from app.window.wishes import prompt_from, stylise_from
from engine.errors import UnderstudyError
from engine.stylise.settings import Closeness


class StyleDesk:
    """Connects the *Style* card, but for what the painting is made with (``StyleModelDesk``).

    Args:
        show: The session and its surroundings.
    """

    def __init__(self, show: Show) -> None:
        self._show = show
        self._panel = show.window.painting
        more = self._panel.more
        self._panel.prompt.settled.connect(self.take_prompt)
        self._panel.prompt.left.connect(self._show_prompt)
        self._panel.closeness_chosen.connect(self._set_closeness)
        more.skipping_chosen.connect(self._set_skipping)
        more.guidance_chosen.connect(self._set_guidance)
        more.unfolded.connect(lambda is_unfolded: show.remember(is_style_unfolded=is_unfolded))
        self._panel.seed_chosen.connect(self._set_seed)
        self._panel.new_seed_wanted.connect(lambda: self._set_seed(secrets.randbelow(LARGEST_SEED + 1)))

    def open(self) -> None:
        """Show what was remembered."""
        preferences = self._show.preferences
        stylise = stylise_from(preferences)
        self._panel.prompt.show_prompt(stylise.prompt)
        self._panel.show_closeness(stylise.closeness)
        self._panel.more.show_skipping(preferences.is_skipping_alike)
        self._panel.more.guidance.show_number(preferences.style_guidance)
        self._panel.more.show_unfolded(preferences.is_style_unfolded)
        self._panel.show_seed(preferences.style_seed)

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

    def _set_guidance(self, guidance: float) -> None:
        self._show.remember(style_guidance=guidance)
        self._show.restyle(lambda styling: styling.set_guidance_scale(guidance), key="guidance")

    def _set_seed(self, seed: int) -> None:
        self._panel.show_seed(seed)
        self._show.remember(style_seed=seed)
        self._show.restyle(lambda styling: styling.set_seed(seed), key="seed")

    def _set_skipping(self, is_skipping: bool) -> None:
        self._show.remember(is_skipping_alike=is_skipping)
        similarity = stylise_from(self._show.preferences).similarity
        self._show.restyle(lambda styling: styling.set_similarity(similarity), key="similarity")
