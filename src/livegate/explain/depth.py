"""The depth that a generator sees in a face: a bona fide face rises, an attack stays flat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Branch, Configuration
from livegate.errors import CheckpointError
from livegate.models.checkpoint import Checkpoint
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, to_input
from livegate.sample import Box

DepthMap = NDArray[np.float64]
"""(M, M), 0 far or no face, 1 nearest."""


class DepthEye:
    """A trained generator of depth maps.

    Args:
        path: its checkpoint, or the folder of its training.

    Raises:
        CheckpointError: if it cannot be read, or is for something else.
    """

    def __init__(self, path: str | Path) -> None:
        checkpoint = Checkpoint.load(path)
        checkpoint.require("depth", path)
        self._path = path
        self._scorer = TorchScorer(checkpoint.network(), checkpoint.preprocessing)
        self._configuration = Configuration.uniform(Branch.HEAVY, self._scorer.network.adaptive_blocks)

    def see(self, picture: Pixels, box: Box) -> tuple[Pixels, DepthMap]:
        """What the generator is given of a face, and how deep it takes it to be.

        Args:
            picture: (height, width, 3) uint8, RGB.
            box: the face as its detector found it.

        Returns:
            The crop (size, size, 3) uint8, RGB, and the map of it, (size / 2, size / 2).

        Raises:
            CheckpointError: if the map has values that are no numbers.
        """
        crop = self._scorer.preprocessing.crop(picture, self._scorer.preprocessing.detection.cut(box))
        depth = self._scorer.run(to_input([crop]), self._configuration)[0, 0].astype(np.float64)
        if not np.isfinite(depth).all():
            raise CheckpointError(self._path, ["gives depths that are no finite numbers; its weights are damaged"])
        return crop, depth
