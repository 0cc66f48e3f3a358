"""The native graphs: what they give, that they close whatever happened."""

import pytest

from engine.track.graphs import Graph, Graphs
from engine.types import RgbImage


class BrokenTask:
    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        raise RuntimeError("the error of an hour ago")


def test_closing_a_broken_graph_is_quiet_and_done_once() -> None:
    task = BrokenTask()
    graph = Graph(task)
    graph.close()
    graph.close()
    assert task.closed == 1


def test_a_graph_that_raised_can_be_closed_and_built_anew(photo: RgbImage, graphs: Graphs) -> None:
    """MediaPipe's process hangs at exit when a graph that failed is not closed."""
    assert graphs.face(photo, 0.0) is not None
    with pytest.raises((ValueError, RuntimeError)):
        graphs.face(photo[0], 1.0)
    graphs.close()
    assert graphs.face(photo, 2.0) is not None


def test_time_may_stand_still(photo: RgbImage, graphs: Graphs) -> None:
    for at_s in (1.0, 1.0, 0.5):
        assert graphs.face(photo, at_s) is not None


def test_matte_covers_the_person(photo: RgbImage, graphs: Graphs) -> None:
    mask = graphs.matte(photo, 0.0)
    assert mask.shape == (256, 256)
    assert mask.dtype.name == "float32"
    assert 0 <= mask.min() <= mask.max() <= 1
    assert mask[60, 112] > 0.9  # the face
    assert mask[10, 250] < 0.1  # the wall


def test_matte_keeps_the_picture_s_shape(photo: RgbImage) -> None:
    graphs = Graphs(aspect=2.0)
    try:
        assert graphs.matte(photo[:256], 0.0).shape == (128, 256)
    finally:
        graphs.close()


def test_no_hands_give_no_rows(photo: RgbImage, graphs: Graphs) -> None:
    assert graphs.hands(photo, 0.0).shape == (0, 3)


def test_nothing_is_said_on_the_terminal(photo: RgbImage, capfd: pytest.CaptureFixture[str]) -> None:
    graphs = Graphs()
    try:
        for at_s in (0.0, 0.1):
            graphs.face(photo, at_s)
            graphs.pose(photo, at_s)
            graphs.matte(photo, at_s)
    finally:
        graphs.close()
    assert capfd.readouterr().err == ""
