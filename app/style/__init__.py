"""How the window looks, as data: colours, spacing and the style sheet made from them. No Qt here."""

from app.style.palette import DARK, Palette, contrast_ratio
from app.style.stylesheet import build_stylesheet

__all__ = ["DARK", "Palette", "build_stylesheet", "contrast_ratio"]
