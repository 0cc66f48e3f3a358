"""Characters that a program draws, and what they do: the data of the built-in network.

``sample_character`` and ``sample_performance`` invent; ``pose`` places (cheap); ``draw`` draws (cv2, no Qt).
Seed training with ``training_rng``: ``held_out_character`` and ``held_out_performance`` never meet it.
"""

from models.training.characters.drawing import Drawing, avatar, draw
from models.training.characters.performing import sample_performance
from models.training.characters.posing import Posed, pose
from models.training.characters.sampling import sample_character
from models.training.characters.seeds import held_out_character, held_out_performance, training_rng
from models.training.characters.spec import NEUTRAL, Act, Character

__all__ = [
    "NEUTRAL",
    "Act",
    "Character",
    "Drawing",
    "Posed",
    "avatar",
    "draw",
    "held_out_character",
    "held_out_performance",
    "pose",
    "sample_character",
    "sample_performance",
    "training_rng",
]
