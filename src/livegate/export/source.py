"""The network that is exported, with pixels and what torch says of them: what every file must agree with."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.capture import whole
from livegate.configuration import Configuration
from livegate.data.generated import generated_set
from livegate.data.index import Index
from livegate.decision import Task
from livegate.errors import ArtifactError
from livegate.export import parity
from livegate.models.checkpoint import Checkpoint
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer
from livegate.pictures import read
from livegate.preprocessing import Pixels, Preprocessing, to_input
from livegate.runtime.artifact import Artifact
from livegate.runtime.golden import GoldenVectors
from livegate.runtime.manifest import OUTPUT_NAMES
from livegate.sample import Sample

PARITY_PICTURES = 64
GOLDEN_PICTURES = 4


class Source:
    """A network, with pixels and the outputs that torch gives for them.

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
        self._outputs: dict[Configuration, NDArray[Any]] = {}

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All that the network has."""
        return self.scorer.configurations

    @property
    def task(self) -> Task:
        """What the network is for."""
        return self.checkpoint.task

    @property
    def output(self) -> str:
        """What its output is called."""
        return OUTPUT_NAMES[self.task]

    def outputs(self, configurations: Sequence[Configuration]) -> dict[Configuration, NDArray[Any]]:
        """What torch gives for ``images`` (N, 3, size, size): (N, D) by configuration."""
        for configuration in configurations:
            if configuration not in self._outputs:
                self._outputs[configuration] = self.scorer.run(self.images, configuration)
        return {configuration: self._outputs[configuration] for configuration in configurations}

    def write_golden(self, path: Path) -> None:
        """``images`` uint8 (n, 3, size, size), ``configurations`` text (m,), ``logits`` or ``embedding`` float32 (m, n, D) as torch computes them."""
        images = self.images[:GOLDEN_PICTURES]
        outputs = np.stack([self.scorer.run(images, configuration) for configuration in self.configurations])
        names = np.array([str(configuration) for configuration in self.configurations], dtype=np.str_)
        arrays = {"images": images.astype(np.uint8), "configurations": names, self.output: outputs}
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type] # mypy takes the arrays for its option


def require_same(scorer: TorchScorer, artifact: Artifact) -> None:
    """Check that an artifact was made of this network.

    Raises:
        ArtifactError: if its preprocessing or its golden vectors are others.
    """
    golden = GoldenVectors.of(artifact)
    same = artifact.manifest.preprocessing == scorer.preprocessing and set(golden.outputs) == set(scorer.configurations)
    if same:
        differences = [np.abs(scorer.run(golden.images, c) - outputs).max() for c, outputs in golden.outputs.items()]
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
        crops = [_face(preprocessing, sample) for sample in chosen if sample.box and sample.landmarks]
    return to_input(crops)


def _face(preprocessing: Preprocessing, sample: Sample) -> Pixels:
    picture = read(sample.path)
    if preprocessing.shape == "aligned":
        return preprocessing.align(picture, sample.landmarks or ())
    return preprocessing.crop(picture, sample.box or whole(picture))
