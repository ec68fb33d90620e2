"""A folder of depth maps of the generated set, and a teacher that fails when it is told to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livegate.data.depth import DepthMaps, Map, Square
from livegate.data.depth.teachers import FivePoints
from livegate.data.depth.writing import Plan, write
from livegate.data.index import Index
from livegate.errors import PictureError
from livegate.preprocessing import Pixels
from livegate.sample import Landmarks


class Numbered:
    """A teacher whose n-th map is n everywhere; it sees no face in every third, and is stopped where it is told to be."""

    name, sha256 = "numbered", "ab" * 32

    def __init__(self, begin: int = 0, stop: int | None = None) -> None:
        self.calls, self.stop = begin, stop

    def draw(self, picture: Pixels, landmarks: Landmarks, frame: Square) -> Map:  # noqa: ARG002 - as every teacher
        """See `Teacher`."""
        if self.calls == self.stop:
            raise KeyboardInterrupt
        self.calls += 1
        if self.calls % 3 == 0:
            raise PictureError(f'face {self.calls} is hidden,\nat least\r"half"')
        return np.full((64, 64), self.calls, np.uint8)


@pytest.fixture
def numbered() -> type[Numbered]:
    """The teacher that counts."""
    return Numbered


@pytest.fixture(scope="session")
def maps(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> DepthMaps:
    """Of all 16 bona fide pictures, from five points; only to read."""
    teacher = FivePoints()
    return write(Plan.of(Index.read(generated), tmp_path_factory.mktemp("maps") / "depth", teacher), teacher)
