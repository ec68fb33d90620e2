"""Runs an artifact, one configuration at a time, any configuration next."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.decision import Task, score_from_logits
from livegate.errors import ArtifactError, LivegateError, PictureError
from livegate.metrics.pad import Threshold
from livegate.preprocessing import Pixels, Preprocessing, to_input
from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import RUNTIMES, Options, load
from livegate.runtime.calibration import Calibration
from livegate.runtime.foreign import opened
from livegate.runtime.manifest import OUTPUTS, Manifest


class EngineOptions(TypedDict, total=False):
    """How a network is run.

    Attributes:
        runtime: what runs it: ``onnx``, ``openvino``, ``litert``, ``executorch`` or ``ncnn``, where the artifact has a file for it; None
            for ``onnx``, or what a file of another maker is for.
        precision: ``fp32``, or another that the artifact has for this runtime; None for ``fp32``, or the first that it has.
        threads: how many threads one call uses.
        cache: whether a form of the model that is made for this machine may be kept in the user's cache folder: the first load is slower,
            every later one and every call faster.
        calibration: the thresholds of a camera of one's own, as `livegate calibrate` writes them; None for those of the artifact.
    """

    runtime: str | None
    precision: str | None
    threads: int
    cache: bool
    calibration: str | Path | None


class Engine:
    """A network that is loaded once and switches configurations from one call to the next. Threads may share one; they take turns.

    Args:
        artifact: an artifact, the path of its folder, or that of a file of another maker that is known by its SHA-256.
        runtime: see `EngineOptions`.
        precision: see `EngineOptions`.
        threads: see `EngineOptions`.
        cache: see `EngineOptions`.
        calibration: see `EngineOptions`.

    Raises:
        ArtifactError: if the artifact has faults, or nothing for this runtime and precision.
        CalibrationError: if the calibration has faults, or is not of this network.
        MissingExtraError: if the runtime is not installed.
    """

    def __init__(  # noqa: PLR0913 - options by name, each with a default
        self,
        artifact: Artifact | str | Path,
        *,
        runtime: str | None = None,
        precision: str | None = None,
        threads: int = 1,
        cache: bool = False,
        calibration: str | Path | None = None,
    ) -> None:
        self.artifact = artifact if isinstance(artifact, Artifact) else opened(artifact)
        self.variant = self.artifact.variant(runtime, precision)
        if calibration is not None:
            self.manifest.require("liveness", self.artifact.folder)
            self.variant = Calibration.read(calibration).applied(self.manifest, self.variant, calibration)
        self._turn = Lock()  # not every runtime lets two threads call one model
        self._held = frozenset(self.variant.configurations)
        self._backend = load(self.variant.runtime, self.artifact.read(self.variant), Options(threads, cache))

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
        """All configurations that it can run."""
        return self.variant.configurations

    def choose(self, text: str | Configuration | None) -> Configuration:
        """The configuration that a user's words mean: letters such as HLH, ``heaviest``, ``lightest``, or None for the default one.

        Raises:
            ConfigurationError: if the file does not hold it.
        """
        return self.manifest.choose(text, self.variant.entry.configurations)

    def threshold(self, configuration: Configuration) -> Threshold:
        """From which score a face counts as bona fide under a configuration, or from which cosine two are of one person.

        Raises:
            ConfigurationError: if the file does not hold it.
        """
        text = str(self.choose(str(configuration)))
        return self.manifest.threshold(text, self.variant)

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """Run the network.

        Args:
            images: (N, 3, size, size) float32, RGB, 0..255, at least one.
            configuration: one of `configurations`.

        Returns:
            (N, D) float32: two logits, 0 bona fide, 1 attack, or an embedding of unit length.

        Raises:
            ConfigurationError: if the file does not hold it.
            PictureError: if the array has another shape, type or range.
            ArtifactError: if the runtime cannot run the file, or what comes out has another shape or is not finite.
        """
        _check(images, self.preprocessing.size)
        if configuration not in self._held:
            self.choose(str(configuration))  # says why
        try:
            with self._turn:
                output = np.asarray(self._backend.run(images, configuration))
        except LivegateError:
            raise
        except Exception as error:  # noqa: BLE001 - the runtimes' exceptions share no base but Exception
            raise self._fault(f"cannot be run ({' '.join(str(error).split())})") from None
        if not _fits(output.shape, len(images), self.manifest.task):
            raise self._fault(f"gives an output of shape {output.shape} for {len(images)} pictures")
        if not np.isfinite(output).all():
            raise self._fault("gives outputs that are not finite")
        return output

    def _fault(self, what: str) -> ArtifactError:
        label = RUNTIMES[self.variant.runtime].label
        return ArtifactError(self.artifact.folder, [f"its file for {label} {what}; get the artifact again"])

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """`run` of a network for liveness: (N, 2) float32, 0 bona fide, 1 attack.

        Raises:
            ArtifactError: if it is for something else, and what `run` raises.
        """
        self.manifest.require("liveness", self.artifact.folder)
        return self.run(images, configuration)

    def embeddings(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float32]:
        """The embedding of each aligned face (size, size, 3) uint8 RGB: (N, D) float32 of unit length.

        Raises:
            ArtifactError: if it is not for verification.
            ConfigurationError: if the file does not hold the configuration.
        """
        self.manifest.require("verification", self.artifact.folder)
        return np.asarray(self.run(to_input(crops), configuration), np.float32)

    def scores(self, crops: list[Pixels], configuration: Configuration) -> NDArray[np.float64]:
        """The score of each crop (size, size, 3) uint8 RGB: (N,) float64, 0..1, higher = more bona fide."""
        return score_from_logits(self.logits(to_input(crops), configuration))


def _fits(shape: tuple[int, ...], pictures: int, task: Task) -> bool:
    """Whether an output is one row a picture, for liveness of two logits; the manifest does not say how long an embedding is."""
    if len(shape) != 2 or shape[0] != pictures:
        return False
    return shape[1] == len(OUTPUTS[task]) if task == "liveness" else shape[1] > 0


def _check(images: NDArray[np.float32], size: int) -> None:
    expected = f"expected (N, 3, {size}, {size}) float32, RGB, 0..255, N at least 1"
    if not isinstance(images, np.ndarray):
        raise PictureError(f"the input is a {type(images).__name__}; {expected}")
    if images.dtype != np.float32 or images.ndim != 4 or images.shape[1:] != (3, size, size) or not len(images):
        raise PictureError(f"the input has shape {images.shape} and type {images.dtype}; {expected}")
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255):  # also when one of them is no number
        raise PictureError(f"the input has values from {low:g} to {high:g}; {expected}")
