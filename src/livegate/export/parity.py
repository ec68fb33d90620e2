"""Does a file compute what the network computes? Asked of the real runtime, on the same pixels, for every configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.decision import Task
from livegate.errors import ParityError
from livegate.runtime.backends.base import Backend

TOLERANCE = 1e-4
"""Largest difference of an output, a logit or a number of an embedding, between torch and a runtime in fp32."""
TOLERANCES: Mapping[str, float] = {
    "onnx-fp16": 0.03,  # kernels of 11 bits: 0.002 was seen for the default model
    "ncnn-fp16": 0.1,  # the same, and on a processor that can, half precision all the way
    "onnx-int8": 1.0,  # 0.34 was seen for the default model; whether it errs more often is for --dev to tell
    "openvino-int8": 1.0,  # the same file
    "executorch-int8": 1.0,  # 0.20
}
"""The same where a target needs another one, with the reason."""
EMBEDDED: Mapping[str, float] = {"onnx-fp16": 0.005}
"""The same for embeddings, whose numbers are small, 0.04 where there are 512 of them: 0.0006 was seen."""


def tolerance(target: str, task: Task = "liveness") -> float:
    """The largest difference of an output that a target may show with a network of a task."""
    return (TOLERANCES if task == "liveness" else EMBEDDED).get(target, TOLERANCE)


def largest_difference(expected: Mapping[Configuration, NDArray[Any]], backend: Backend, images: NDArray[np.float32]) -> float:
    """The largest absolute difference of an output over all pictures and configurations.

    Args:
        expected: the outputs (N, D) of the network by configuration.
        backend: what is asked.
        images: (N, 3, size, size) float32, RGB, 0..255.

    Raises:
        ParityError: if there is nothing to compare, or an output is not finite.
    """
    if not expected or not len(images):
        raise ParityError("parity needs at least one picture and one configuration")
    differences = []
    for configuration, outputs in expected.items():
        got = backend.run(images, configuration)
        if not (np.isfinite(outputs).all() and np.isfinite(got).all()):
            raise ParityError(f"configuration {str(configuration)!r} gives outputs that are not finite")
        differences.append(float(np.abs(outputs - got).max()))
    return max(differences)


def require(difference: float, limit: float, what: str) -> None:
    """Check a difference against its tolerance.

    Raises:
        ParityError: if it is larger.
    """
    if not difference <= limit:
        raise ParityError(
            f"{what} differs from the network by {difference:.3g} on its outputs, more than {limit:g}; do not use it"
        )
