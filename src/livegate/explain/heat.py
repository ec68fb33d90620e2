"""What a heat map is, whichever method makes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.decision import ATTACK_LOGIT, BONA_FIDE_LOGIT
from livegate.errors import LivegateError
from livegate.models.scorer import TorchScorer


@dataclass(frozen=True, slots=True)
class HeatMap:
    """How much each pixel of a crop speaks for bona fide.

    Attributes:
        values: (size, size) float64, in logits: above 0 speaks for bona fide, below 0 for an attack.
        whole: the logit difference of the whole crop, see `evidence`.
        method: how it was made.
        meaning: what a value says of that difference, in words.
        grain: the smallest thing that the map can show, in pixels of the crop.

    Raises:
        LivegateError: if a value is no finite number.
    """

    values: NDArray[np.float64]
    whole: float
    method: str
    meaning: str
    grain: int

    def __post_init__(self) -> None:
        if not (np.isfinite(self.values).all() and np.isfinite(self.whole)):
            raise LivegateError(
                f"{self.method} gives values that are no finite numbers; the weights of the network are damaged"
            )


def evidence(scorer: TorchScorer, images: NDArray[np.float32], configuration: Configuration) -> NDArray[np.float64]:
    """The logit of bona fide minus that of an attack, of which the score is the logistic function.

    Args:
        scorer: the network.
        images: (N, 3, size, size) float32, RGB, 0..255.
        configuration: one branch for each adaptive block.

    Returns:
        (N,) float64; above 0 where the score is above a half.
    """
    logits = scorer.logits(images, configuration).astype(np.float64)
    return np.asarray(logits[:, BONA_FIDE_LOGIT] - logits[:, ATTACK_LOGIT])


def spread(grid: NDArray[Any], centres: NDArray[Any], size: int) -> NDArray[np.float64]:
    """A value for each pixel from values at a few places: linear in between, beyond the outermost places theirs.

    Args:
        grid: (n, n), one value a place.
        centres: (n,) where the places lie, down as across, ascending; the middle of the first pixel lies at 0.5.
        size: height and width of the result.

    Returns:
        (size, size) float64.
    """
    pixels = np.arange(size) + 0.5
    rows = np.stack([np.interp(pixels, centres, column) for column in grid.T], axis=1)
    return np.stack([np.interp(pixels, centres, row) for row in rows])
