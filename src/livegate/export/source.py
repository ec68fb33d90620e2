"""The network that is exported, with pixels and what torch says of them: what every file must agree with."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.data.generated import generated_set
from livegate.data.index import Index
from livegate.errors import ArtifactError
from livegate.export import parity
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.pictures import read
from livegate.preprocessing import Preprocessing, to_input
from livegate.runtime.artifact import Artifact
from livegate.runtime.golden import GoldenVectors

PARITY_PICTURES = 64
GOLDEN_PICTURES = 4


class Source:
    """A network, with pixels and the logits that torch gives for them.

    Args:
        checkpoint: the network.
        fixed: its only configuration, as a network that cannot switch; None for the network as it is.
    """

    def __init__(self, checkpoint: Checkpoint, fixed: Configuration | None = None) -> None:
        self.checkpoint = checkpoint
        network = checkpoint.network()
        self.network = network if fixed is None else Network(network.fixed(fixed)).eval()
        self.preprocessing = checkpoint.preprocessing
        self.scorer = TorchScorer(self.network, self.preprocessing)
        self.images = _pictures(self.preprocessing)
        self._logits: dict[Configuration, NDArray[Any]] = {}

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All that the network has."""
        return self.scorer.configurations

    def logits(self, configurations: Sequence[Configuration]) -> dict[Configuration, NDArray[Any]]:
        """What torch gives for ``images`` (N, 3, size, size): (N, 2) by configuration."""
        for configuration in configurations:
            if configuration not in self._logits:
                self._logits[configuration] = self.scorer.logits(self.images, configuration)
        return {configuration: self._logits[configuration] for configuration in configurations}

    def write_golden(self, path: Path) -> None:
        """``images`` uint8 (n, 3, size, size), ``configurations`` text (m,), ``logits`` float32 (m, n, 2) as torch computes them."""
        images = self.images[:GOLDEN_PICTURES]
        logits = np.stack([self.scorer.logits(images, configuration) for configuration in self.configurations])
        names = np.array([str(configuration) for configuration in self.configurations], dtype=np.str_)
        np.savez_compressed(path, images=images.astype(np.uint8), configurations=names, logits=logits)


def require_same(scorer: TorchScorer, artifact: Artifact) -> None:
    """Check that an artifact was made of this network.

    Raises:
        ArtifactError: if its preprocessing or its golden vectors are others.
    """
    golden = GoldenVectors.of(artifact)
    same = artifact.manifest.preprocessing == scorer.preprocessing and set(golden.logits) == set(scorer.configurations)
    if same:
        differences = [np.abs(scorer.logits(golden.images, c) - logits).max() for c, logits in golden.logits.items()]
        same = bool(max(differences) <= parity.TOLERANCE)
    if not same:
        raise ArtifactError(
            artifact.folder, ["was made of another network: its golden vectors differ; export into a folder of its own"]
        )


def _pictures(preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Generated faces, bona fide and attacks, as input of the network."""
    with tempfile.TemporaryDirectory() as folder:
        index = Index.read(generated_set(Path(folder), subjects=6, pictures=12))
        chosen = index.samples[:: max(1, len(index.samples) // PARITY_PICTURES)][:PARITY_PICTURES]
        crops = [preprocessing.crop(read(sample.path), sample.box) for sample in chosen if sample.box]
    return to_input(crops)
