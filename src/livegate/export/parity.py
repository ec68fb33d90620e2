"""Does a file compute what the network computes? Asked of the real runtime, on the same pixels, for every configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import ParityError

TOLERANCE = 1e-4
"""Largest difference of a logit between torch and a runtime in fp32."""


class Network(Protocol):
    """What gives logits: a network in torch or a backend."""

    def logits(self, images: NDArray[np.float32], configuration: Configuration) -> NDArray[Any]:
        """(N, 3, size, size) float32 RGB 0..255 to (N, 2) logits."""
        ...


def largest_difference(
    network: Network, backend: Network, images: NDArray[np.float32], configurations: Sequence[Configuration]
) -> float:
    """The largest absolute difference of a logit over all pictures and configurations.

    Raises:
        ParityError: if there is nothing to compare, or a logit is not finite.
    """
    if not configurations or not len(images):
        raise ParityError("parity needs at least one picture and one configuration")
    differences = []
    for configuration in configurations:
        expected, got = (side.logits(images, configuration) for side in (network, backend))
        if not (np.isfinite(expected).all() and np.isfinite(got).all()):
            raise ParityError(f"configuration {str(configuration)!r} gives logits that are not finite")
        differences.append(float(np.abs(expected - got).max()))
    return max(differences)


def require(difference: float, tolerance: float, what: str) -> None:
    """Check a difference against its tolerance.

    Raises:
        ParityError: if it is larger.
    """
    if not difference <= tolerance:
        raise ParityError(
            f"{what} differs from the network by {difference:.3g} on logits, more than {tolerance:g}; do not use it"
        )
