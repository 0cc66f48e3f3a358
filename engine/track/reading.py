"""What a tracker has read, as a performance: the same for every tracker."""

import numpy as np
from numpy.typing import NDArray

from engine.track.body import BodyReading
from engine.track.face import FaceReading
from engine.types import Expression, Frame, HeadPose, Performance, TrackState

_NOBODY = FaceReading(
    head=HeadPose(),
    expression=Expression(),
    face=np.zeros((68, 2), np.float32),
    pupils=np.zeros((2, 2), np.float32),
    score=0.0,
)


def performance_of(
    frame: Frame,
    state: TrackState,
    face: FaceReading | None,
    body: BodyReading,
    aspect: float,
    matte: NDArray[np.float32] | None = None,
) -> Performance:
    """Return the readings of one frame as what the stages hand on; it holds no pixels.

    Args:
        frame: Gives number and time.
        state: Whether the person is there.
        face: The newest face; None before the first one.
        body: Shoulders and arms.
        aspect: Width over height of the picture.
        matte: ``(h, w)`` 0..1, where the person is; None without one.
    """
    face = face or _NOBODY
    return Performance(
        frame_index=frame.index,
        captured_at_s=frame.captured_at_s,
        state=state,
        head=face.head,
        expression=face.expression,
        face=face.face,
        pupils=face.pupils,
        face_score=face.score if state is TrackState.FOUND else 0.0,
        shoulders=body.shoulders,
        elbows=body.elbows,
        wrists=body.wrists,
        body_score=body.body_score,
        arm_scores=body.arm_scores,
        aspect=aspect,
        matte=matte,
    )
