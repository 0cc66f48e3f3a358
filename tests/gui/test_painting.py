"""Painting: no copies, no lost references, no camera pixels."""

import gc
import sys
import warnings

import numpy as np
import pytest
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage

from app.window.panels import avatar_view, performance_view
from app.window.panels.avatar_view import AvatarView, image_of
from app.window.panels.performance_view import PerformanceView
from app.window.panels.time_plot import NUM_SAMPLES, TimePlot, nice_ceiling
from engine.types import Origin, Performance, Picture, TrackState
from tests.gui.fakes import make_performance, make_picture
from tests.gui.placeholder import to_array


def address_of(image: QImage) -> int:
    return np.frombuffer(image.constBits(), np.uint8).__array_interface__["data"][0]


def test_an_image_is_the_array_itself() -> None:
    rgb = np.zeros((90, 161, 3), np.uint8)
    assert address_of(image_of(rgb)) == rgb.__array_interface__["data"][0]


def test_strange_layouts_are_copied_right() -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (8, 9, 3), np.uint8)
    for strange in (rgb[:, ::-1], rgb[::2], rgb[2:7, 1:5]):
        assert np.array_equal(to_array(image_of(strange)), strange)


@pytest.mark.parametrize("widget_type", [AvatarView, PerformanceView, TimePlot])
def test_painting_keeps_its_references_to_none(widget_type: type) -> None:
    # PySide6 6.12 on Python 3.11 loses one reference to None per void call and aborts after some seconds.
    widget = widget_type()
    widget.resize(640, 400)
    fill(widget)
    widget.grab()
    gc.collect()
    gc.disable()  # garbage of other tests refers to None, too
    before = sys.getrefcount(None)
    for _ in range(100):
        widget.grab()
    after = sys.getrefcount(None)
    gc.enable()
    assert abs(after - before) < 50


def fill(widget) -> None:
    match widget:
        case AvatarView():
            widget.show_picture(make_picture())
        case PerformanceView():
            widget.show_performance(make_performance())
        case TimePlot():
            for k in range(NUM_SAMPLES):
                widget.add({"track": 5.0 + k % 3, "denoise": 12.0})


def test_the_view_shows_the_picture_inside_its_frame() -> None:
    view = AvatarView()
    view.resize(800, 600)
    rgb = np.full((90, 160, 3), (10, 200, 30), np.uint8)
    view.show_picture(Picture(rgb=rgb, origin=Origin.AVATAR))
    image = view.grab().toImage()
    assert view.frame_rect() == QRectF(0, 75, 800, 450)
    assert image.pixelColor(400, 300).getRgb()[:3] == (10, 200, 30)
    assert image.pixelColor(400, 20) != image.pixelColor(400, 300)


def test_a_square_picture_is_not_stretched() -> None:
    view = AvatarView()
    view.resize(640, 360)
    view.show_picture(Picture(rgb=np.full((64, 64, 3), 255, np.uint8), origin=Origin.AVATAR))
    image = view.grab().toImage()
    assert image.pixelColor(320, 180).lightness() > 250
    assert image.pixelColor(100, 180).lightness() < 30


def test_the_tracked_points_come_from_a_performance_that_holds_no_pixels() -> None:
    # The view's modules never see a Frame: there is no way for a camera pixel to get here.
    for module in (avatar_view, performance_view):
        assert "Frame" not in vars(module)
    view = PerformanceView()
    view.resize(270, 104)
    view.show_performance(make_performance())
    image = view.grab().toImage()
    lit = sum(image.pixelColor(x, y).lightness() > 60 for x in range(270) for y in range(104))
    assert 100 < lit < 270 * 104 / 4  # lines on black


def test_mirroring_turns_the_points_over() -> None:
    view = PerformanceView()
    view.resize(270, 104)
    view.show_performance(make_performance(index=14))  # turned to one side: not symmetric
    plain = view.grab().toImage()
    view.show_mirrored(True)
    turned = view.grab().toImage()
    assert plain != turned


def test_a_performance_of_nobody_is_drawn_as_words() -> None:
    view = PerformanceView()
    view.resize(270, 104)
    view.show_performance(Performance(frame_index=0, captured_at_s=0.0, state=TrackState.SEARCHING))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not view.grab().isNull()


def test_a_degenerate_face_does_not_divide_by_zero() -> None:
    performance = Performance(frame_index=0, captured_at_s=0.0, state=TrackState.FOUND)
    view = PerformanceView()
    view.resize(270, 104)
    view.show_performance(performance)
    assert not view.grab().isNull()


def test_the_plot_keeps_the_newest_and_takes_late_stages() -> None:
    plot = TimePlot()
    plot.resize(220, 200)
    for k in range(NUM_SAMPLES + 5):
        plot.add({"track": float(k)})
    plot.add({"track": 1.0, "decode": 2.0})
    assert len(plot.samples) == NUM_SAMPLES
    assert plot.samples[-1] == (1.0, 2.0)
    assert plot.samples[0] == (6.0, 0.0)
    plot.add({"capture": 3.0, "track": 1.0})  # a stage that came late takes its place in the order
    assert plot.names == ("capture", "track", "decode")
    assert plot.samples[-2] == (0.0, 1.0, 2.0)
    assert "capture 3 milliseconds" in plot.accessibleDescription()
    assert not plot.grab().isNull()


CEILINGS = [(0, 10), (10, 10), (10.1, 20), (33, 50), (101, 200), (4000, 5000)]


@pytest.mark.parametrize(("value", "ceiling"), CEILINGS)
def test_nice_ceilings(value: float, ceiling: float) -> None:
    assert nice_ceiling(value) == ceiling
