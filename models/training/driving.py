"""A drawn character as a performer: what a tracker would say about it, for training and for tests of quality.

The truth of the drawing takes the tracker's place, but it is put in the tracker's units: the expression is
measured from the face seen from the front, and the points are those of the picture.
"""

from dataclasses import replace

import numpy as np

from engine.track.measure import measure_expression
from engine.types import HeadPose, Performance, Points, TrackState, control_indices
from models.training.characters.posing import Posed, pose
from models.training.characters.spec import Act, Character

_PUPILS = control_indices(("pupil_left", "pupil_right"))
_SHOULDERS = control_indices(("shoulder_left", "shoulder_right"))
_ELBOWS = control_indices(("elbow_left", "elbow_right"))
_WRISTS = control_indices(("wrist_left", "wrist_right"))
_ARMS = np.concatenate([_ELBOWS, _WRISTS])
_CORNERS = (36, 45)  # outer eye corners


def performance_of(
    character: Character,
    act: Act,
    frame_index: int = 0,
    captured_at_s: float = 0.0,
    posed: Posed | None = None,
) -> Performance:
    """Return what a perfect tracker would read from the picture of a character that acts.

    Args:
        character: Who performs.
        act: What it does.
        frame_index: Handed through.
        captured_at_s: Handed through.
        posed: ``pose(character, act)`` where the caller has it already.
    """
    seen = pose(character, act) if posed is None else posed
    front = pose(character, replace(act, yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0))
    return Performance(
        frame_index=frame_index,
        captured_at_s=captured_at_s,
        state=TrackState.FOUND,
        head=_head_pose(act, seen.face_68, front.face_68),
        expression=measure_expression(front.face_68, front.points[_PUPILS]),
        face=seen.face_68,
        pupils=seen.points[_PUPILS],
        shoulders=seen.points[_SHOULDERS],
        elbows=seen.points[_ELBOWS],
        wrists=seen.points[_WRISTS],
        face_score=1.0,
        body_score=1.0,
        arm_scores=seen.scores[_ARMS],
    )


def _head_pose(act: Act, seen: Points, front: Points) -> HeadPose:
    x, y = seen[list(_CORNERS)].mean(axis=0)
    return HeadPose(
        yaw_deg=act.yaw_deg,
        pitch_deg=act.pitch_deg,
        roll_deg=act.roll_deg,
        x=float(x),
        y=float(y),
        scale=float(np.linalg.norm(front[_CORNERS[1]] - front[_CORNERS[0]])),
    )
