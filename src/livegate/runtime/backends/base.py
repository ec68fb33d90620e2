"""What all runtimes share: their names, what they are given, and how one is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import LivegateError
from livegate.runtime.entry import Entry

MAX_THREADS = 256


@dataclass(frozen=True, slots=True)
class Runtime:
    """A library that runs files.

    Attributes:
        label: its name for people.
        kind: how it chooses a configuration, the ``kind`` of its entries.
        module: what it is imported as; empty where Livegate cannot run it, only write for it.
        package: its distribution.
        extra: the extra of Livegate that brings it; empty for the base install.
    """

    label: str
    kind: str
    module: str
    package: str
    extra: str = ""

    @property
    def installed(self) -> bool:
        """Whether it can run here."""
        return bool(self.module) and find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Its version, or empty where it is not installed."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return ""


RUNTIMES: Mapping[str, Runtime] = {
    "onnx": Runtime("ONNX Runtime", "input", "onnxruntime", "onnxruntime"),
    "openvino": Runtime("OpenVINO", "input", "openvino", "openvino", "openvino"),
    "litert": Runtime("LiteRT", "signature", "ai_edge_litert", "ai-edge-litert", "litert"),
    "executorch": Runtime("ExecuTorch", "method", "executorch", "executorch", "executorch"),
    "coreml": Runtime("Core ML", "function", "", "coremltools", "coreml"),
    "ncnn": Runtime("ncnn", "segments", "ncnn", "ncnn", "ncnn"),
}


@dataclass(frozen=True, slots=True)
class Model:
    """What a backend runs.

    Attributes:
        files: the bytes of each file by its name, checked against their hashes.
        entry: how a configuration is chosen.
        precision: what the runtime computes with.
    """

    files: Mapping[str, bytes]
    entry: Entry
    precision: str = "fp32"

    def only(self) -> bytes:
        """The bytes of the only file."""
        (data,) = self.files.values()
        return data


@dataclass(frozen=True, slots=True)
class Options:
    """How a backend runs it.

    Attributes:
        threads: how many threads one call uses.
        cache: whether the backend may keep a form of the model made for this machine in the user's cache folder.
    """

    threads: int = 1
    cache: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.threads <= MAX_THREADS:
            raise LivegateError(f"threads must lie between 1 and {MAX_THREADS}, got {self.threads}")


class Backend(Protocol):
    """A loaded model."""

    def run(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32, RGB, 0..255 to (N, D) float32: two logits, 0 bona fide, 1 attack, or an embedding."""
        ...


def load(runtime: str, model: Model, options: Options) -> Backend:
    """Load a model into a runtime.

    Raises:
        MissingExtraError: if the runtime is not installed.
        ArtifactError: if the runtime cannot load the model.
        LivegateError: if Livegate cannot run that runtime.
    """
    if model.entry.kind == "contract":
        from livegate.runtime.backends.omz import OmzBackend

        return OmzBackend(model, options)
    match runtime:
        case "onnx":
            from livegate.runtime.backends.onnx import OnnxBackend

            return OnnxBackend(model, options)
        case "openvino":
            from livegate.runtime.backends.openvino import OpenVinoBackend

            return OpenVinoBackend(model, options)
        case "litert":
            from livegate.runtime.backends.litert import LiteRTBackend

            return LiteRTBackend(model, options)
        case "executorch":
            from livegate.runtime.backends.executorch import ExecuTorchBackend

            return ExecuTorchBackend(model, options)
        case "ncnn":
            from livegate.runtime.backends.ncnn import NcnnBackend

            return NcnnBackend(model, options)
    label = RUNTIMES[runtime].label if runtime in RUNTIMES else repr(runtime)
    able = ", ".join(name for name, facts in RUNTIMES.items() if facts.module)
    raise LivegateError(f"Livegate cannot run {label}; it runs {able}")
