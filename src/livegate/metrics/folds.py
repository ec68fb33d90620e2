"""Cross-validation over the folds of a pair list: the literature's accuracy, and rates at thresholds from the other folds.

**The k-fold accuracy of the literature** (LFW view 2, and the code that every paper on packs uses): the squared Euclidean distance of unit
embeddings, thresholds from 0 to 4 in steps of 0.01, on each fold the accuracy of the lowest threshold that is best on all other folds, and the
mean. It depends on how many pairs are mated, and **the deviation over folds is no confidence interval**: folds share their thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.codes import Codes, factorise
from livegate.metrics.rate import Rate
from livegate.metrics.similarities import Similarities
from livegate.metrics.verification import at_fmr, match_rates

THRESHOLDS = np.arange(0, 4, 0.01)
"""On the squared distance; a pair is taken for one person when its distance is below."""


@dataclass(frozen=True, slots=True)
class FoldAccuracy:
    """k-fold accuracy (literature).

    Attributes:
        folds: the wrong decisions of each fold at the threshold from the others.
        thresholds: those thresholds, on the squared distance.
    """

    folds: tuple[Rate, ...]
    thresholds: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the folds' accuracies, which is what papers print."""
        return float(np.mean([1 - fold.value for fold in self.folds]))

    @property
    def deviation(self) -> float:
        """Their standard deviation, with n as papers have it. No confidence interval."""
        return float(np.std([1 - fold.value for fold in self.folds]))

    @property
    def wrong(self) -> Rate:
        """All folds in one pot; its exact interval takes the pairs to be independent."""
        return Rate(sum(fold.errors for fold in self.folds), sum(fold.trials for fold in self.folds))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Rates of all folds in one pot, each measured at the threshold that the other folds set.

    Attributes:
        target: the FMR that the thresholds were set for.
        fmr: what it came to be.
        fnmr: beside it.
    """

    target: float
    fmr: Rate
    fnmr: Rate


def given(similarities: Similarities) -> Codes:
    """The fold of each comparison as its list tells, (N,) int64 from 0, in order of first appearance.

    Raises:
        MetricError: if the list does not tell, or tells of one fold only.
    """
    names, codes = factorise(similarities.fold)
    if "" in names or len(names) < 2:
        raise MetricError("the comparisons have no folds, or one only; give at least 2 or ask for contiguous ones")
    return codes


def contiguous(similarities: Similarities, count: int) -> Codes:
    """Folds of comparisons in their order, (N,) int64 from 0: packs are ordered so. The first ones are longer by one where it does not come out even.

    Raises:
        MetricError: on fewer than 2 folds, or more than comparisons.
    """
    if not 2 <= count <= len(similarities):
        raise MetricError(f"{count} folds of {len(similarities)} comparisons; give from 2 to {len(similarities)}")
    size, longer = divmod(len(similarities), count)
    return np.repeat(np.arange(count), size + (np.arange(count) < longer))


def accuracy(similarities: Similarities, folds: Codes) -> FoldAccuracy:
    """The k-fold accuracy of the literature for folds (N,) int64 from 0, each with at least one comparison."""
    tally = Tally(similarities, folds)
    wrong, trials, chosen = tally.held_out(np.ones(len(similarities), np.int64))
    rates = tuple(Rate(errors, size) for errors, size in zip(wrong.tolist(), trials.tolist(), strict=True))
    return FoldAccuracy(rates, tuple(THRESHOLDS[chosen].tolist()))


class Tally:
    """Which decisions are wrong at which threshold, counted once and weighed often.

    Args:
        similarities: the comparisons.
        folds: (N,) int64 from 0.
    """

    def __init__(self, similarities: Similarities, folds: Codes) -> None:
        distance = 2 - 2 * similarities.compared
        self._cells = THRESHOLDS.size + 1
        self._count = int(folds.max()) + 1
        # At this threshold and those after it the pair is taken for one person.
        from_here = np.searchsorted(THRESHOLDS, distance, side="right")
        self._cell = (similarities.mated * self._count + folds) * self._cells + from_here

    def held_out(self, weights: Codes) -> tuple[Codes, Codes, Codes]:
        """Weights (N,) of the comparisons → wrong decisions of each fold (k,), comparisons of each (k,), and the threshold's place (k,)."""
        counted = np.bincount(self._cell, weights, minlength=2 * self._count * self._cells).astype(np.int64)
        other, mated = np.cumsum(counted.reshape(2, self._count, self._cells), axis=2)
        wrong = mated[:, -1:] - mated[:, :-1] + other[:, :-1]
        chosen = np.argmin(wrong.sum(axis=0) - wrong, axis=1)
        return wrong[np.arange(self._count), chosen], mated[:, -1] + other[:, -1], chosen


def held_out(similarities: Similarities, folds: Codes, target: float) -> HeldOut:
    """Rates at an FMR whose threshold was never set on the fold that it is measured on.

    Args:
        similarities: the comparisons.
        folds: (N,) int64 from 0; each has mated and non-mated ones.
        target: the FMR, between 0 and 1.

    Raises:
        MetricError: if the other folds have too few non-mated comparisons for ``target``, or a fold lacks a kind.
    """
    points = [
        match_rates(similarities.where(folds == fold), at_fmr(similarities.where(folds != fold), target, "the other folds"))
        for fold in range(int(folds.max()) + 1)
    ]
    fmr, fnmr = ([getattr(point, name) for point in points] for name in ("fmr", "fnmr"))
    return HeldOut(target, Rate.pooled(fmr), Rate.pooled(fnmr))
