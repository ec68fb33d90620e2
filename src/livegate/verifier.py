"""Embeddings of faces, and from which cosine two of them are one person's."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, LivegateError, PictureError
from livegate.metrics.pad import Threshold
from livegate.metrics.similarities import of_unit_length
from livegate.preprocessing import Pixels, aligned
from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import Options
from livegate.runtime.embedders import DLIB, KNOWN, Embedder, open_embedder, unit
from livegate.runtime.engine import Engine, EngineOptions
from livegate.runtime.manifest import Manifest
from livegate.sample import Landmarks
from livegate.weights import VERIFIER, locate

PLAIN = Configuration(())


class Verifier:
    """Makes embeddings: by a network of Livegate, or behind the same face by one of another maker. Threads may share one; they take turns.

    >>> verifier = Verifier("buffalo_s/w600k_mbf.onnx")
    >>> faces = [verifier.align(picture, landmarks)]
    >>> embeddings = verifier.embed(faces, verifier.choose(None))

    Args:
        model: the name of a shipped model, the folder of an artifact, ``dlib``, or an ONNX file of InsightFace's form: one input
            (N, 3, S, S) float32, RGB, (x - 127.5) / 127.5, one output (N, D).
        threshold: the cosine from which two embeddings are one person's; None for the model's own.
        options: how a network of Livegate is run, see `EngineOptions`; one of another maker takes ``threads`` alone.

    Raises:
        LivegateError: if there is no such model, the threshold is no cosine, or a network of another maker is given more options.
        ArtifactError: if the model has faults or is for something else, or nobody has measured a threshold of it and none is given.
        MissingExtraError: if what it needs is not installed.
    """

    def __init__(
        self, model: str | Path = VERIFIER, *, threshold: float | None = None, **options: Unpack[EngineOptions]
    ) -> None:
        if threshold is not None and not 0 <= threshold <= 1:
            raise LivegateError(f"the threshold is a cosine from 0 to 1, got {threshold}")
        self._given = None if threshold is None else Threshold(threshold, f"fixed={threshold}", "")
        path = Path(model) if str(model) == DLIB else locate(str(model))
        own = str(model) != DLIB and path.is_dir()
        self._path = path
        self._made = _Own(path, options) if own else _Others(open_embedder(path, _threads(path, options)))
        self.identity, self.size = self._made.identity, self._made.size
        self.threshold(self.choose(None))  # a model without one is of no use

    @property
    def manifest(self) -> Manifest | None:
        """The facts about a network of Livegate; None for one of another maker."""
        return self._made.manifest

    @property
    def configurations(self) -> tuple[Configuration, ...]:
        """All configurations that it can run; those of one model give embeddings that can be compared with one another."""
        return self._made.configurations

    @property
    def side(self) -> int:
        """Of the aligned faces that it takes, in pixels."""
        return self._made.preprocessing.size

    def choose(self, text: str | None) -> Configuration:
        """The configuration that a user's words mean: letters such as HLH, ``heaviest``, ``lightest``, or None for the default one.

        Raises:
            ConfigurationError: if the model does not hold it.
        """
        return self._made.choose(text)

    def threshold(self, configuration: Configuration) -> Threshold:
        """From which cosine two embeddings are one person's.

        Raises:
            ArtifactError: if nobody has measured one, and none was given.
        """
        if self._given:
            return self._given
        found = self._made.threshold(configuration)
        # One that was set on no split is a guess, by which nobody may be let in.
        if found is None or not found.split:
            raise ArtifactError(self._path, ["no threshold of it is known; give one with --threshold"])
        return found

    def align(self, picture: Pixels, landmarks: Landmarks) -> Pixels:
        """The face, brought to where the network wants its five points: (side, side, 3) uint8, RGB.

        Raises:
            PictureError: if the points are not five, or fall together.
        """
        return self._made.preprocessing.align(picture, landmarks)

    def embed(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float32]:
        """Embeddings of aligned faces.

        Args:
            crops: (side, side, 3) uint8, RGB, at least one.
            configuration: one of `configurations`.

        Returns:
            (N, size) float32, of unit length.

        Raises:
            PictureError: if the network gives no embedding of unit length.
            LivegateError: if there is no crop, or one has another shape or type.
            ConfigurationError: if the model does not hold the configuration.
        """
        if not crops:
            raise LivegateError("there is no face to embed; give at least one")
        shape = self.side, self.side, 3
        if wrong := [crop for crop in crops if crop.shape != shape or crop.dtype != np.uint8]:
            got = f"{wrong[0].shape} {wrong[0].dtype}"
            raise LivegateError(f"an aligned face is an array {shape} uint8, got {got}; use align")
        found = self._made.embed(crops, configuration)
        # What is longer would be alike to everybody, what is shorter or no number to nobody.
        if not of_unit_length(found).all():
            raise PictureError("the network gives no embedding of unit length for this face; take another picture")
        return unit(found)  # to the last digit, so that products are cosines


class _Own:
    """A network of Livegate."""

    def __init__(self, folder: Path, options: EngineOptions) -> None:
        artifact = Artifact.open(folder)
        artifact.manifest.require("verification", folder)
        if artifact.manifest.golden is None:
            raise ArtifactError(folder, ["has no golden vectors, by which templates know their network"])
        self.manifest = artifact.manifest
        self.identity = artifact.manifest.golden.sha256  # the same in every format of one network
        self._engine = Engine(artifact, **options)
        self.preprocessing, self.configurations = self._engine.preprocessing, self._engine.configurations
        self.choose, self.threshold, self.embed = self._engine.choose, self._engine.threshold, self._engine.embeddings
        side = self.preprocessing.size
        self.size = self.embed([np.zeros((side, side, 3), np.uint8)], self.choose(None)).shape[1]


class _Others:
    """A network of another maker, which has no configurations."""

    configurations = (PLAIN,)
    manifest = None

    def __init__(self, embedder: Embedder) -> None:
        self._embedder, self._turn = embedder, Lock()
        self.identity, self.size, self.preprocessing = embedder.identity, embedder.size, aligned()

    def choose(self, text: str | None) -> Configuration:
        return Configuration.chosen(text, 0)

    def threshold(self, configuration: Configuration) -> Threshold | None:
        configuration.require(0)
        return KNOWN.get(self.identity)

    def embed(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float32]:
        configuration.require(0)
        with self._turn:
            return unit(np.stack([self._embedder.embed(crop) for crop in crops]))


def _threads(path: Path, options: EngineOptions) -> int:
    """The only option that a network of another maker takes."""
    asked = {
        "runtime": options.get("runtime") is not None,
        "precision": options.get("precision") not in {None, "fp32"},
        "cache": options.get("cache", False),
        "calibration": options.get("calibration") is not None,
    }
    if ignored := [name for name, given in asked.items() if given]:
        raise LivegateError(f"{path} is of another maker and takes no {' and no '.join(ignored)}; leave it out")
    return Options(options.get("threads", 1)).threads
