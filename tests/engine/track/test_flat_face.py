"""A head from flat points: the template's own turns come back, and missing points are filled in."""

import numpy as np
import pytest

from engine.track.flat_face import face_template, fit_flat_head, lifted
from engine.track.measure import angles_from_rotation, measure_expression, rotation_from_angles

SURE = np.ones(68, np.bool_)


def seen(yaw: float, pitch: float, roll: float, scale: float = 0.2) -> np.ndarray:
    rotation = rotation_from_angles(yaw, pitch, roll)
    return scale * face_template() @ rotation.T + (0.6, 0.4, 0.0)


@pytest.mark.parametrize("angles", [(0, 0, 0), (25, 0, 0), (-30, 10, 0), (0, -20, 15), (15, 12, -25)])
def test_the_turn_comes_back(angles: tuple[float, float, float]) -> None:
    points = seen(*angles)
    fit = fit_flat_head(points[:, :2], SURE)
    assert fit is not None
    assert angles_from_rotation(fit.rotation) == pytest.approx(angles, abs=0.01)
    assert fit.scale == pytest.approx(0.2)
    assert fit.residual == pytest.approx(0.0, abs=1e-9)
    np.testing.assert_allclose(fit.translation[:2], (0.6, 0.4), atol=1e-9)
    np.testing.assert_allclose(lifted(points[:, :2], SURE, fit)[:68], points, atol=1e-9)


def test_missing_points_are_where_the_head_at_rest_has_them() -> None:
    points = seen(20, 5, 0)
    sure = SURE.copy()
    sure[[8, 33, 45, 60]] = False
    noisy = points[:, :2].copy()
    noisy[~sure] = -1.0
    fit = fit_flat_head(noisy, sure)
    assert fit is not None
    np.testing.assert_allclose(lifted(noisy, sure, fit)[:68], points, atol=1e-9)


def test_too_few_rigid_points_tell_nothing() -> None:
    sure = np.zeros(68, np.bool_)
    sure[48:] = True
    assert fit_flat_head(seen(0, 0, 0)[:, :2], sure) is None


def test_the_template_is_a_face_at_rest() -> None:
    face = face_template()
    assert face.shape == (68, 3)
    np.testing.assert_allclose(face[36, :2], -face[45, :2] * (1, -1), atol=1e-3)
    pupils = np.stack([face[36:42].mean(axis=0), face[42:48].mean(axis=0)])[:, :2]
    expression = measure_expression(face[:, :2], pupils)
    assert expression.eye_open_left == pytest.approx(0.3, abs=0.12)
    assert abs(expression.gaze_x) < 0.05
    assert expression.mouth_width == pytest.approx(0.62, abs=0.1)
