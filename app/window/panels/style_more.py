"""What is chosen less often for the painting: guidance or memory, LoRAs, frames that are alike."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Signal

from app.preferences import STYLE_GUIDANCE_RANGE
from app.window.painters import PainterFacts
from app.window.panels.lora_list import LoraList
from app.window.widgets.controls import Named, Segment, Segments, make_button
from app.window.widgets.fold import Fold
from app.window.widgets.sliders import NumberSlider

_GUIDANCE_TIP = "How far the painting goes towards the prompt, 1 to 5. Costs nothing."
_MEMORY = (
    Segment(False, "16-bit", "Remembers frames as the model computes them"),
    Segment(True, "8-bit", "Half the memory, with pictures that are off by about 1 %"),
)


class StyleMore(Fold):
    """The fold of the *Style* card. It shows only what the painter has.

    Signals:
        guidance_chosen(float): How far towards the prompt.
        memory_chosen(bool): Whether frames are remembered in 8 bits.
        skipping_chosen(bool): Skip frames that are alike, or not.
    """

    guidance_chosen = Signal(float)
    memory_chosen = Signal(object)
    skipping_chosen = Signal(bool)

    def __init__(self) -> None:
        super().__init__("M&ore", "Guidance, memory, LoRAs, frames that are alike")
        self.guidance = NumberSlider("Guidance", STYLE_GUIDANCE_RANGE, 10, _GUIDANCE_TIP)
        self.memory = Segments("Memory of frames", _MEMORY)
        self.loras = LoraList()
        self.skip = make_button("S&kip frames that are alike", "skip")
        self.skip.setToolTip("Frames like the one before are not painted anew: saves power on a still scene")
        self.skip.setCheckable(True)
        self._memory_line = Named("Memory", self.memory)
        for widget in (self.guidance, self._memory_line, self.loras, self.skip):
            self.body.addWidget(widget)
        self.guidance.chosen.connect(self.guidance_chosen)
        self.memory.chosen.connect(self.memory_chosen)
        self.skip.toggled.connect(self.skipping_chosen)

    def show_painter(self, painter: PainterFacts) -> None:
        """Show what this painter has, and nothing else."""
        self.guidance.setVisible(painter.has_guidance)
        self._memory_line.setVisible(painter.has_memory)

    def show_loras(self, loras: Sequence[tuple[str, float]]) -> None:
        """Show the LoRAs; how many there are is to be seen when folded, too."""
        self.loras.show_loras(loras)
        count = len(loras)
        self.show_note("" if count == 0 else "1 LoRA" if count == 1 else f"{count} LoRAs")

    def show_skipping(self, is_skipping: bool) -> None:
        """Show the switch without telling anybody."""
        with QSignalBlocker(self.skip):
            self.skip.setChecked(is_skipping)
