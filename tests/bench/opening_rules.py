"""Rules that read eyelids and mouth back from pictures of one character, fitted on drawings made for it.

A performance shows few openings, and each of them in few poses: a rule that is fitted on three performances
correlates with the truth of a fourth at 0.95 only. So the drawings take every opening evenly, in poses, gazes
and shapes of the mouth that chance picks: 0.998 on average over performances of 90 frames, 0.989 at worst.
It falls where there is next to nothing to correlate: to 0.95 while a mouth stays shut, moving by 0.008.
"""

import numpy as np

from models.training.characters import Act, Character, draw, pose
from tests.bench.picture_metrics import EYES, LIPS, OpeningRule

NUM_DRAWINGS = 600
PARTS = {"eye_left": EYES[0], "eye_right": EYES[1], "mouth": LIPS}


def varied_acts(count: int, seed: int = 0) -> list[Act]:
    """Return acts that open eyes and mouth evenly, whatever else happens."""
    rng = np.random.default_rng(seed)

    def around(mean: float, deviation: float, low: float = -1.0, high: float = 1.0) -> float:
        return float(np.clip(rng.normal(mean, deviation), low, high))

    return [
        Act(
            yaw_deg=around(0, 12, -30, 30),
            pitch_deg=around(0, 7, -20, 20),
            roll_deg=around(0, 6, -20, 20),
            x=around(0, 0.02),
            y=around(0, 0.01),
            scale=around(1, 0.03, 0.9, 1.1),
            eye_open_left=rng.uniform(0, 1.25),
            eye_open_right=rng.uniform(0, 1.25),
            gaze_x=around(0, 0.4),
            gaze_y=around(0, 0.3),
            brow_left=around(0, 0.4),
            brow_right=around(0, 0.4),
            mouth_open=max(0.0, rng.uniform(-0.25, 1)),  # a fifth are shut
            mouth_width=around(0, 0.5),
            mouth_round=max(0.0, rng.uniform(-1, 1)),
            smile=around(0.2, 0.35),
        )
        for _ in range(count)
    ]


def opening_rules(
    character: Character, size: int, num_drawings: int = NUM_DRAWINGS
) -> dict[str, OpeningRule]:
    """Return the rules of ``eye_left``, ``eye_right`` and ``mouth``.

    Args:
        character: Whose pictures are to be read.
        size: Side of the pictures in pixels.
        num_drawings: How many are drawn for the fit; about 8 ms of one core each.
    """
    posed = [pose(character, act) for act in varied_acts(num_drawings)]
    pictures = [draw(character, one, size).rgb for one in posed]
    points = [one.points for one in posed]
    return {name: OpeningRule.fit(pictures, points, rows) for name, rows in PARTS.items()}
