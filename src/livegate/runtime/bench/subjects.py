"""What is measured: a model in a runtime, and calls of it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ArtifactError, LivegateError
from livegate.runtime.artifact import Artifact
from livegate.runtime.backends.base import RUNTIMES
from livegate.runtime.bench.timing import Call
from livegate.runtime.engine import Engine
from livegate.runtime.manifest import Variant, target

CACHING = ("onnx", "openvino")
"""The runtimes that can keep a form of the model that is made for this machine."""
LARGEST_INPUT = 64 * 1024 * 1024
"""Numbers in an input of a foreign model."""
TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A model in a runtime.

    Attributes:
        folder: the artifact.
        runtime, precision, threads, cache: as `Engine` takes them.
    """

    folder: Path
    runtime: str
    precision: str
    threads: int
    cache: bool = False

    @property
    def name(self) -> str:
        """Its variant, and whether the form made for this machine is run."""
        return target(self.runtime, self.precision) + (" (cached form)" if self.cache else "")

    def load(self) -> Engine:
        """The model, loaded.

        Raises:
            LivegateError: if another form than the named one would run.
        """
        with _no_fallback(self.name):
            return Engine(self.folder, runtime=self.runtime, precision=self.precision, threads=self.threads, cache=self.cache)


def subjects(artifact: Artifact, runtimes: list[str] | None, threads: int, *, cache: bool) -> list[Subject]:
    """Every variant of an artifact that can run here.

    Args:
        artifact: the model.
        runtimes: only these, which then must be there; None for all that are installed.
        threads: of one call.
        cache: also the forms that are made for this machine.

    Raises:
        ArtifactError: if nothing is left, or a named runtime has no file.
    """
    variants = list(artifact.manifest.variants.values())
    if missing := [name for name in runtimes or () if name not in {variant.runtime for variant in variants}]:
        held = ", ".join(artifact.manifest.variants)
        raise ArtifactError(artifact.folder, [f"has nothing for {missing[0]}; it has {held}"])
    wanted = [variant for variant in variants if _runs(variant, runtimes)]
    if not wanted:
        raise ArtifactError(artifact.folder, [f"has nothing that can run here; it has {', '.join(artifact.manifest.variants)}"])
    return [
        Subject(artifact.folder, variant.runtime, variant.precision, threads, form)
        for variant in wanted
        for form in ((False, True) if cache and variant.runtime in CACHING else (False,))
    ]


def noise(size: int) -> NDArray[np.float32]:
    """One input of a network: (1, 3, size, size), 0..255."""
    return np.random.default_rng(0).uniform(0, 255, (1, 3, size, size)).astype(np.float32)


def call(engine: Engine, configuration: Configuration) -> Call:
    """A call of the network alone."""
    image = noise(engine.preprocessing.size)
    return lambda: engine.run(image, configuration)


def foreign(path: Path, size: int, threads: int) -> Call:
    """A call of any ONNX model in ONNX Runtime, on noise of the shape that it asks for.

    Args:
        path: the file.
        size: height and width where it leaves them open; a batch that is open is one.
        threads: of one call.

    Raises:
        LivegateError: if the file cannot be loaded, or asks for something that is no plain array.
    """
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads, settings.inter_op_num_threads, settings.log_severity_level = threads, 1, 3
    try:
        session = onnxruntime.InferenceSession(str(path), settings, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - the runtime's exceptions share no base but Exception
        raise LivegateError(f"{path}: ONNX Runtime cannot load it ({' '.join(str(error).split())})") from None
    feed = {value.name: _filled(path, value, size) for value in session.get_inputs()}

    def run() -> object:
        return session.run(None, feed)

    try:
        run()
    except Exception as error:  # noqa: BLE001
        raise LivegateError(f"{path}: it does not run on noise ({' '.join(str(error).split())})") from None
    return run


def _filled(path: Path, value: Any, size: int) -> NDArray[Any]:  # noqa: ANN401 - ONNX Runtime's own type
    if value.type not in TYPES:
        raise LivegateError(f"{path}: its input {value.name!r} is a {value.type}; only plain arrays can be made up")
    rank = len(value.shape)
    shape = [
        length if isinstance(length, int) else (size if rank == 4 and place > 1 else 1)
        for place, length in enumerate(value.shape)
    ]
    if np.prod(shape, dtype=np.float64) > LARGEST_INPUT:
        raise LivegateError(f"{path}: its input {value.name!r} of shape {value.shape} is too large")
    if value.type in {"tensor(int32)", "tensor(int64)", "tensor(bool)"}:
        return np.zeros(shape, TYPES[value.type])  # an index or a switch: zero is the one that is always there
    return np.random.default_rng(0).uniform(0, 255, shape).astype(TYPES[value.type])


def _runs(variant: Variant, runtimes: list[str] | None) -> bool:
    return RUNTIMES[variant.runtime].installed if runtimes is None else variant.runtime in runtimes


@contextmanager
def _no_fallback(name: str) -> Iterator[None]:
    """What a backend warns of when it runs another form is an error here."""
    said: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("livegate.runtime.backends")
    logger.addHandler(handler)
    propagate, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
    if said:
        raise LivegateError(f"{name} cannot be measured: {said[0]}")
