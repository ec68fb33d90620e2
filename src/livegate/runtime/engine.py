"""Runs an artifact, one configuration at a time, any configuration next."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.decision import score_from_logits
from livegate.metrics.pad import Threshold
from livegate.preprocessing import Pixels, Preprocessing, to_input
from livegate.runtime.artifact import Artifact, Manifest
from livegate.runtime.backends.onnx import OnnxBackend


class Engine:
    """A network that is loaded once and switches configurations from one call to the next.

    Args:
        artifact: an artifact, or the path of its folder.
        threads: how many threads one call uses.

    Raises:
        ArtifactError: if the artifact has faults.
    """

    def __init__(self, artifact: Artifact | str | Path, *, threads: int = 1) -> None:
        self.artifact = artifact if isinstance(artifact, Artifact) else Artifact.open(artifact)
        self._backend = OnnxBackend(self.artifact.read("onnx"), threads)

    @property
    def manifest(self) -> Manifest:
        """The facts about what is run."""
        return self.artifact.manifest

    @property
    def preprocessing(self) -> Preprocessing:
        """What its input goes through."""
        return self.manifest.preprocessing

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All configurations of the artifact, in the order of its manifest."""
        return tuple(Configuration.parse(text) for text in self.manifest.configurations)

    def threshold(self, configuration: Configuration) -> Threshold:
        """From which score a face counts as bona fide under a configuration.

        Raises:
            ConfigurationError: if the artifact does not have it.
        """
        return self.manifest.configurations[str(self.manifest.choose(str(configuration)))].threshold

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """Run the network.

        Args:
            images: (N, 3, size, size) float32, RGB, 0..255.
            configuration: one of `configurations`.

        Returns:
            (N, 2) float32: 0 bona fide, 1 attack.

        Raises:
            ConfigurationError: if it has another length than the network has adaptive blocks.
        """
        configuration.require(self.manifest.adaptive_blocks)
        return self._backend.logits(images, configuration)

    def scores(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float64]:
        """The score of each crop (size, size, 3) uint8 RGB: (N,) float64, 0..1, higher = more bona fide."""
        return score_from_logits(self.logits(to_input(crops), configuration))
