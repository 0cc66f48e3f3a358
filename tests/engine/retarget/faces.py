"""A plain symmetric avatar and a plain performer, so that tests do not depend on how characters are drawn."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from engine.retarget.motion import BodyMotion, Motion
from engine.types import CONTROL_INDEX, Avatar, Expression, HeadPose, Performance, TrackState

MIRRORED_ROWS = np.array(
    [
        *range(8, -1, -1),
        *range(14, 8, -1),
        15,
        16,
        *[29, 28, 27, 26, 25, 32, 31, 30],
        *[21, 20, 19, 18, 17, 24, 23, 22],
        34,
        33,
        *[39, 38, 37, 36, 35, 42, 41, 40],
        *[47, 46, 45, 44, 43, 50, 49, 48],
        53,
        52,
        51,
        54,
        56,
        55,
        58,
        57,
        60,
        59,
    ]
)
"""Row of the other side's point for each control point."""


def plain_avatar(
    unit: float = 0.2,
    centre: float = 0.5,
    eye_height: float = 0.3,
    mouth_width: float = 0.4,
    tilt: float = 0.0,
) -> Avatar:
    """A symmetric face in head units, turned by ``tilt`` radians, ``unit`` of the picture large."""
    angle = np.linspace(np.pi - 0.06, 0.06, 9)
    contour = np.stack([0.99 * np.cos(angle) / np.cos(0.06), 1.05 * np.sin(angle)], 1)
    brow = np.array([(0.2, -0.2), (0.42, -0.26), (0.62, -0.18)])
    eye_x = np.array([0.2, 0.3, 0.42, 0.54, 0.64])
    bow = 1 - ((eye_x - 0.42) / 0.22) ** 2
    upper = np.stack([eye_x, 0.2 - 0.6 * eye_height * bow], 1)
    lower = np.stack([eye_x, 0.2 + 0.4 * eye_height * bow], 1)
    right_eye = np.concatenate([upper, lower[3:0:-1]])
    left_upper, left_lower = upper[::-1] * (-1, 1), lower[::-1] * (-1, 1)
    left_eye = np.concatenate([left_upper, left_lower[3:0:-1]])
    across = np.array([-1, -0.5, 0, 0.5, 1, 0.5, 0, -0.5])
    inner = np.stack([across * mouth_width / 2, np.full(8, 0.75)], 1)
    lip = np.array([0, -0.03, -0.03, -0.03, 0, 0.04, 0.04, 0.04])
    outer = inner * (1.05, 1) + np.stack([np.zeros(8), lip], 1)
    local = np.concatenate(
        [
            contour,
            brow[::-1] * (-1, 1),
            brow,
            [(0, 0.16), (0, 0.5)],
            left_eye,
            right_eye,
            [(-0.42, 0.2), (0.42, 0.2)],
            outer,
            inner,
            [(-1.1, 0.2), (0, -1.2), (1.1, 0.2)],
            [(0, 1.4), (-1.5, 1.8), (1.5, 1.8), (-1.6, 4.2), (1.6, 4.2), (-1.6, 5.0), (1.6, 5.0)],
        ]
    )
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    depth = 0.5 * np.sqrt(np.maximum(1 - (local[:, 0] / 1.1) ** 2 - (local[:, 1] / 1.3) ** 2, 0))
    depth[16] += 0.2
    depth[51:] = 0.0
    points = local @ turn * unit + (centre, 0.4)
    return Avatar(
        name="plain",
        rgb=np.zeros((256, 256, 3), np.uint8),
        points=points.astype(np.float32),
        depth=(depth * unit).astype(np.float32),
        scores=((points >= 0) & (points <= 1)).all(1).astype(np.float32),
    )


def plain_performer(
    eye_open: float = 0.3, x: float = 0.5, y: float = 0.45, scale: float = 0.16, aspect: float = 1.0
) -> Performance:
    """A person at rest in frame 0 whose face points lie as the head says."""
    jaw_x = np.linspace(-0.75, 0.75, 17)
    face = np.zeros((68, 2))
    face[:17] = np.stack([jaw_x, 1 - (jaw_x / 0.75) ** 2], 1)
    face[36], face[39], face[42], face[45] = (-0.5, 0), (-0.17, 0), (0.17, 0), (0.5, 0)
    shoulders = np.array([(-1.6, 2.6), (1.6, 2.6)])

    def placed(points: np.ndarray) -> np.ndarray:
        return (points * scale / (aspect, 1.0) + (x, y)).astype(np.float32)

    return Performance(
        frame_index=0,
        captured_at_s=0.0,
        state=TrackState.FOUND,
        head=HeadPose(x=x, y=y, scale=scale),
        expression=Expression(eye_open_left=eye_open, eye_open_right=eye_open, mouth_width=0.55),
        face=placed(face),
        pupils=placed(np.array([(-0.33, 0), (0.33, 0)])),
        shoulders=placed(shoulders),
        elbows=placed(shoulders + np.array((0, 1.5))),
        wrists=placed(shoulders + np.array((0, 3.0))),
        face_score=1.0,
        body_score=1.0,
        aspect=aspect,
    )


def at(performance: Performance, index: int, fps: float = 25.0, **changes: object) -> Performance:
    """The performance as frame ``index``; changes of ``Expression`` and ``HeadPose`` fields by name."""
    head = {key: value for key, value in changes.items() if key in HeadPose.__dataclass_fields__}
    expression = {key: value for key, value in changes.items() if key in Expression.__dataclass_fields__}
    rest = {key: value for key, value in changes.items() if key not in head and key not in expression}
    return replace(
        performance,
        frame_index=index,
        captured_at_s=index / fps,
        head=replace(performance.head, **head),
        expression=replace(performance.expression, **expression),
        **rest,
    )


def rows(prefix: str) -> list[int]:
    """Control rows whose name starts with ``prefix``."""
    return [row for name, row in CONTROL_INDEX.items() if name.startswith(prefix)]


def _numbers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


def _sides(limit: float) -> st.SearchStrategy[np.ndarray]:
    flat = st.lists(_numbers(-limit, limit), min_size=4, max_size=4)
    return flat.map(lambda values: np.array(values).reshape(2, 2))


def motions() -> st.SearchStrategy[Motion]:
    """Any motion that a reader can ask for."""
    body = st.builds(
        BodyMotion,
        shoulders=_sides(0.3),
        elbows=_sides(1.0),
        wrists=_sides(1.5),
        arms=st.tuples(_numbers(0, 1), _numbers(0, 1)).map(np.array),
        breath=_numbers(0, 1),
    )
    return st.builds(
        Motion,
        yaw_deg=_numbers(-38, 38),
        pitch_deg=_numbers(-26, 26),
        roll_deg=_numbers(-30, 30),
        x=_numbers(-0.5, 0.5),
        y=_numbers(-0.5, 0.5),
        scale=_numbers(0.8, 1.2),
        eye_open_left=_numbers(0, 1.25),
        eye_open_right=_numbers(0, 1.25),
        gaze_x=_numbers(-0.7, 0.7),
        gaze_y=_numbers(-0.3, 0.3),
        brow_left=_numbers(-0.15, 0.15),
        brow_right=_numbers(-0.15, 0.15),
        mouth_open=_numbers(0, 1.15),
        mouth_width=_numbers(0.45, 1.5),
        mouth_round=_numbers(0, 1),
        smile=_numbers(-1.2, 1.2),
        body=body,
    )


def avatars() -> st.SearchStrategy[Avatar]:
    """Symmetric faces of many sizes and proportions, some tilted at rest."""
    return st.builds(
        plain_avatar,
        unit=_numbers(0.08, 0.3),
        centre=_numbers(0.3, 0.7),
        eye_height=_numbers(0.08, 0.5),
        mouth_width=_numbers(0.2, 0.7),
        tilt=_numbers(-0.3, 0.3),
    )
