"""Occlusion: how the evidence changes when a part of the face is hidden (Zeiler and Fergus 2014, arXiv 1311.2901, section 4.2)."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.errors import LivegateError
from livegate.explain.heat import HeatMap, evidence, spread
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Pixels, to_input

PATCHES_ACROSS = 8
FINEST, COARSEST = 32, 2
"""Patches side by side: without a size, at most and at least. Twice as many across are four times as many runs of the network."""
PIXELS_AT_ONCE = 32 * 128 * 128
"""Copies of a crop that are run together have at most so many pixels."""


def occlusion(scorer: TorchScorer, crop: Pixels, configuration: Configuration, patch: int | None = None) -> HeatMap:
    """How much the evidence falls when a patch of the crop is blurred, for patches that overlap by half.

    Zeiler and Fergus put a grey square there; here it is a strongly blurred copy of the crop, which takes away detail and keeps the colours
    around, so that no square that no camera has seen is itself taken for a sign of an attack.

    Args:
        scorer: the network.
        crop: (size, size, 3) uint8, RGB.
        configuration: one branch for each adaptive block.
        patch: its side in pixels; an eighth of the crop without it.

    Raises:
        LivegateError: if a patch is not between a thirty-second and half of the crop.
    """
    size = len(crop)
    patch = patch_side(size, patch)
    corners = _corners(size, patch)
    (seen,) = evidence(scorer, to_input([crop]), configuration)
    hidden = [evidence(scorer, batch, configuration) for batch in _hidden(crop, corners, patch)]
    falls = (seen - np.concatenate(hidden)).reshape(len(corners), len(corners))
    return HeatMap(
        values=spread(falls, corners + patch / 2, size),
        whole=float(seen),
        method="occlusion",
        meaning=f"its fall when a patch of {patch} x {patch} pixels is blurred",
        grain=patch,
    )


def patch_side(size: int, patch: int | None = None) -> int:
    """The side of a patch, in pixels, for a crop of that many: as it is given, else an eighth of the crop.

    Raises:
        LivegateError: if it is not between a thirty-second and half of the crop.
    """
    patch = size // PATCHES_ACROSS if patch is None else patch
    if not size // FINEST <= patch <= size // COARSEST:
        raise LivegateError(
            f"a patch of {patch} pixels cannot be slid over a crop of {size}; give {size // FINEST} to {size // COARSEST}"
        )
    return patch


def _corners(size: int, patch: int) -> NDArray[np.int64]:
    """Where patches begin, down as across: every half patch or a little less, the first and the last flush with the border."""
    steps = -(-(size - patch) // max(1, patch // 2))
    return np.linspace(0, size - patch, steps + 1).round().astype(np.int64)


def _hidden(crop: Pixels, corners: NDArray[np.int64], patch: int) -> Iterator[NDArray[np.float32]]:
    """Batches of the crop as input of the network, another patch of it hidden in each; row after row of patches."""
    blurred = cv2.GaussianBlur(crop, (0, 0), patch / 2)
    places = [(y, x) for y in corners for x in corners]
    count = max(1, PIXELS_AT_ONCE // (crop.shape[0] * crop.shape[1]))
    for start in range(0, len(places), count):
        copies = []
        for y, x in places[start : start + count]:
            copies.append(crop.copy())
            copies[-1][y : y + patch, x : x + patch] = blurred[y : y + patch, x : x + patch]
        yield to_input(copies)
