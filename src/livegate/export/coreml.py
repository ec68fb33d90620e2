"""One Core ML package that holds a function for each configuration; what they share is stored once. It needs iOS 18 or macOS 15.

A function is named as its configuration; it takes ``image`` float32 (1, 3, size, size), RGB, 0..255, and gives ``logits`` (1, 2). Core ML
runs on Apple's systems alone: elsewhere the package is written and looked at, never run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from livegate.configuration import Configuration
from livegate.export.plain import plain, quiet
from livegate.export.written import Written
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.runtime.entry import NamedEntry

PACKAGE, PACKAGE_FP16 = "model.mlpackage", "model.fp16.mlpackage"


def write(network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path) -> Written:
    """Write ``model.mlpackage``, which computes in float32: on the CPU and the GPU."""
    return _write(network, preprocessing, configurations, folder / PACKAGE, "FLOAT32")


def write_fp16(
    network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], folder: Path
) -> Written:
    """Write ``model.fp16.mlpackage``, which computes in float16: on the Neural Engine, too. Input and output stay float32."""
    return _write(network, preprocessing, configurations, folder / PACKAGE_FP16, "FLOAT16")


def _write(
    network: Network, preprocessing: Preprocessing, configurations: Sequence[Configuration], package: Path, precision: str
) -> Written:
    names = {str(configuration): str(configuration) or "main" for configuration in configurations}
    with quiet(), tempfile.TemporaryDirectory() as scratch:
        import coremltools

        functions = coremltools.utils.MultiFunctionDescriptor()
        for configuration in configurations:
            module, image = plain(network, preprocessing, configuration)
            single = coremltools.convert(
                torch.export.export(module, (image,)).run_decompositions({}),
                inputs=[coremltools.TensorType(name="image", shape=image.shape, dtype=np.float32)],
                outputs=[coremltools.TensorType(name="logits", dtype=np.float32)],
                minimum_deployment_target=coremltools.target.iOS18,
                compute_precision=coremltools.precision[precision],
            )
            name = names[str(configuration)]
            path = str(Path(scratch) / f"{name}.mlpackage")
            single.save(path)
            functions.add_function(path, "main", name)
        functions.default_function_name = names[str(configurations[0])]
        coremltools.utils.save_multifunction(functions, str(package))
    files = sorted(path.relative_to(package.parent).as_posix() for path in package.rglob("*") if path.is_file())
    return Written(tuple(files), NamedEntry(kind="function", names=names), ("coremltools", "torch"))
