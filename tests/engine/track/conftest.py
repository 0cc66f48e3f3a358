"""The photograph that every tracker finds, and its mesh, read once."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from engine.track.graphs import Graphs
from engine.types import RgbImage


@pytest.fixture(scope="session")
def photo() -> RgbImage:
    """The astronaut, 512x512."""
    return np.ascontiguousarray(astronaut())


@pytest.fixture
def graphs() -> Iterator[Graphs]:
    built = Graphs()
    yield built
    built.close()


@pytest.fixture(scope="session")
def mesh(photo: RgbImage) -> NDArray[np.float64]:
    """The photograph's 478 points."""
    built = Graphs()
    try:
        found = built.face(photo, 0.0)
    finally:
        built.close()
    assert found is not None
    return found
