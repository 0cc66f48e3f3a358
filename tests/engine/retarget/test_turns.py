import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retarget.turns import angles_from_rotation, rotation_from_angles, soft_limit
from engine.track import measure

angles = st.floats(-60, 60)


@given(yaw=angles, pitch=angles, roll=angles)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_angles_come_back(yaw: float, pitch: float, roll: float):
    assert np.allclose(angles_from_rotation(rotation_from_angles(yaw, pitch, roll)), (yaw, pitch, roll))


@given(yaw=angles, pitch=angles, roll=angles)
@settings(max_examples=50, deadline=None, derandomize=True)
def test_the_tracker_means_the_same_turn(yaw: float, pitch: float, roll: float):
    to_viewer = np.diag([1.0, 1.0, -1.0])  # the tracker's z points away from the viewer
    theirs = to_viewer @ measure.rotation_from_angles(yaw, pitch, roll) @ to_viewer
    assert np.allclose(rotation_from_angles(yaw, pitch, roll), theirs)


@given(value=st.floats(-1e3, 1e3), more=st.floats(0.01, 10), limit=st.floats(0, 50))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_soft_limit_grows_and_holds(value: float, more: float, limit: float):
    assert abs(soft_limit(value, limit)) <= limit
    assert soft_limit(value + more, limit) >= soft_limit(value, limit)
    assert soft_limit(0.8 * limit, limit) == 0.8 * limit
    assert soft_limit(-value, limit) == -soft_limit(value, limit)
