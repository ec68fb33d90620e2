"""What each extra of Livegate brings, as pyproject.toml has it: which line installs a package that is missing."""

from __future__ import annotations

from collections.abc import Mapping

MODULES: Mapping[str, str] = {"dlib-bin": "dlib"}
"""What a package is imported as, where that is not its name with underscores."""

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "train": ("torch", "safetensors", "lightning-fabric", "kornia", "tensorboard"),
    "onnx": ("torch", "safetensors", "onnx", "onnxscript"),
    "report": ("matplotlib",),
    "data": ("h5py",),
    "templates": ("cryptography", "keyring"),
    "openvino": ("openvino",),
    "executorch": ("executorch", "torch"),
    "ncnn": ("ncnn",),
    "litert": ("ai-edge-litert",),
    "litert-torch": ("litert-torch", "ai-edge-litert"),
    "coreml": ("coremltools",),
    "dlib": ("dlib-bin", "face-recognition-models"),
}
"""The packages of each extra."""

PACKAGES = tuple(dict.fromkeys(package for packages in EXTRAS.values() for package in packages))
"""All of them, each once."""


def extra_of(module: str) -> str | None:
    """The first extra that brings what is imported under a name, or None for what no extra brings."""
    return next((extra for extra, packages in EXTRAS.items() if module in map(_module, packages)), None)


def _module(package: str) -> str:
    return MODULES.get(package, package.replace("-", "_"))
