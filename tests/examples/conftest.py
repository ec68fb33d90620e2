"""What the programs of examples/ are run on: the pixels of the shipped model's golden vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from livegate.configuration import Configuration
from livegate.runtime.artifact import Artifact
from livegate.runtime.golden import GoldenVectors

CONFIGURATIONS = ("HHH", "LLL", "BBB", "HLB")
TOLERANCE = 1e-4


@pytest.fixture(scope="session")
def examples() -> Path:
    """The folder examples/ of the repository."""
    return Path(__file__).parents[2] / "examples"


class Face:
    """The first golden picture, as a file, and what the model says about it."""

    configurations = CONFIGURATIONS

    def __init__(self, artifact: Path, folder: Path) -> None:
        self._golden = GoldenVectors.of(Artifact.open(artifact))
        self.ppm, self.png = folder / "face.ppm", folder / "face.png"
        for path in (self.ppm, self.png):
            Image.fromarray(self._golden.images[0].transpose(1, 2, 0).astype(np.uint8)).save(path)

    def judged(self, lines: Sequence[str]) -> None:
        """Each line begins with a configuration and its logits, and they are those of torch."""
        rows = [line.split() for line in lines]

        assert [row[0] for row in rows] == list(self.configurations)
        for name, *values in rows:
            expected = self._golden.outputs[Configuration.parse(name)][0]
            assert np.allclose(np.array(values[:2], float), expected, rtol=0, atol=TOLERANCE), name


@pytest.fixture(scope="session")
def face(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Face:
    """A face with known logits."""
    return Face(artifact, tmp_path_factory.mktemp("face"))


@pytest.fixture(scope="session")
def boxes() -> list[tuple[float, ...]]:
    """Face boxes and pictures (x, y, w, h, width, height, margin) of all kinds: inside, over the border, larger than the picture, halves."""
    rng = np.random.default_rng(4)
    drawn = [
        (*rng.uniform(-200, 900, 2), *rng.uniform(1, 1200, 2), *rng.integers(1, 1000, 2), rng.uniform(0.5, 4))
        for _ in range(500)
    ]
    halves = [
        (*rng.integers(-40, 140, 2) / 2, *rng.integers(1, 120, 2) / 2, *rng.integers(1, 90, 2), rng.choice([1, 1.5]))
        for _ in range(500)
    ]
    return [tuple(map(float, values)) for values in drawn + halves]
