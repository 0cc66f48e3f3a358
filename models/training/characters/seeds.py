"""Two seed spaces that never meet: one for training, one for characters that are kept for measuring.

Both are ``numpy.random.SeedSequence`` with the same entropy; the first element of the spawn key tells them
apart, so no training key, however long, equals a held-out key.
"""

import numpy as np

from models.training.characters.performing import sample_performance
from models.training.characters.sampling import sample_character
from models.training.characters.spec import Act, Character

_ENTROPY = 20_240_817
TRAINING_SPACE, HELD_OUT_SPACE = 1, 2
_CHARACTERS, _PERFORMANCES = 0, 1


def training_rng(*key: int) -> np.random.Generator:
    """Return a generator for training; ``key`` is any tuple of non-negative numbers (run, worker, item)."""
    return np.random.default_rng(np.random.SeedSequence(_ENTROPY, spawn_key=(TRAINING_SPACE, *key)))


def held_out_rng(*key: int) -> np.random.Generator:
    """Return a generator for measuring; training must not use it."""
    return np.random.default_rng(np.random.SeedSequence(_ENTROPY, spawn_key=(HELD_OUT_SPACE, *key)))


def held_out_character(index: int) -> Character:
    """Return character ``index`` (from 0) of those that training never sees."""
    return sample_character(held_out_rng(_CHARACTERS, index))


def held_out_performance(index: int, num_frames: int) -> list[Act]:
    """Return performance ``index`` (from 0) of those that training never sees, at 25 frames a second."""
    return sample_performance(held_out_rng(_PERFORMANCES, index), num_frames)
