"""Intervals for comparisons that share people: subjects are drawn, and every threshold is set anew (see ``similarities.Dyads``).

Limits are percentiles of the drawn sets. A rate without errors keeps [0, 0], where the exact bound of ``Rate`` is the one to read, and an FMR
that hangs on a handful of comparisons has limits that are rough at best: say how many there were.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import NamedTuple

import numpy as np

from livegate.metrics.codes import Codes
from livegate.metrics.folds import Tally, accuracy
from livegate.metrics.intervals import Interval, checked_replicates, percentiles
from livegate.metrics.scores import Floats
from livegate.metrics.similarities import Dyads, Similarities
from livegate.metrics.thresholds import ROUNDING, Threshold, crossing
from livegate.metrics.verification import FMR_TARGETS, above, equal_error, match_rates, supported


@dataclass(frozen=True, slots=True)
class MatchIntervals:
    """95 % intervals over subjects.

    Attributes:
        equal_error: of the equal error rate.
        tar: FMR target → of 1 - FNMR there, the threshold set anew in each drawn set; None where the comparisons do not support it.
        accuracy: of the k-fold accuracy (literature); None without folds.
        subjects: how many were drawn.
        replicates: how many sets were drawn.
        seed: of the draws.
    """

    equal_error: Interval
    tar: Mapping[float, Interval | None]
    accuracy: Interval | None
    subjects: int
    replicates: int
    seed: int


def match_intervals(  # noqa: PLR0913 - how to draw is the caller's to say
    similarities: Similarities,
    folds: Codes | None = None,
    targets: Sequence[float] = FMR_TARGETS,
    *,
    replicates: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> MatchIntervals:
    """Draw subjects with replacement and measure each drawn set. The same seed gives the same intervals.

    Args:
        similarities: comparisons whose subjects are all known.
        folds: (N,) int64 from 0, for the k-fold accuracy; a subject stays in its folds.
        targets: FMRs.
        replicates: how many sets, at least 1.
        seed: of the draws.
        confidence: two-sided, strictly between 0 and 1.

    Raises:
        MetricError: if a subject is unknown, or there is one alone.
        ValueError: on replicates or a confidence outside their limits.
    """
    wanted = checked_replicates(replicates)
    dyads = Dyads(similarities.reference_subject, similarities.probe_subject)
    weighed, tally = _Weighed(similarities), None if folds is None else Tally(similarities, folds)
    points = supported(similarities, targets)
    reached = [target for target, point in points.items() if point]
    generator = np.random.default_rng(seed)
    rows: list[list[float]] = []
    while len(rows) < wanted:
        weights = dyads.weights(generator)
        if not weighed.complete(weights):  # a set without one kind has no error rates: draw again
            continue
        cumulated = weighed.cumulated(weights)
        shares = [weighed.tar(cumulated, target) for target in reached]
        rows.append([weighed.equal_error(cumulated), *shares, *([] if tally is None else [_mean(tally, weights)])])
    columns = np.array(rows).T
    values = [equal_error(similarities), *(point.tar for point in points.values() if point)]
    values += [] if folds is None else [accuracy(similarities, folds).mean]
    found = [percentiles(value, column, confidence) for value, column in zip(values, columns, strict=True)]
    tar = dict(zip(reached, found[1:], strict=False))
    return MatchIntervals(
        found[0],
        {target: tar.get(target) for target in targets},
        None if folds is None else found[-1],
        dyads.subjects,
        replicates,
        seed,
    )


class RateIntervals(NamedTuple):
    """Of the errors at one threshold, over subjects."""

    fmr: Interval
    fnmr: Interval


def rate_intervals(
    similarities: Similarities, threshold: Threshold, *, replicates: int = 2000, seed: int = 0, confidence: float = 0.95
) -> RateIntervals:
    """What a threshold that stays where it is errs on people such as these.

    Args:
        similarities: comparisons whose subjects are all known.
        threshold: held in every drawn set.
        replicates: how many sets, at least 1.
        seed: of the draws.
        confidence: two-sided, strictly between 0 and 1.

    Raises:
        MetricError: if a subject is unknown, or there is one alone.
        ValueError: on replicates or a confidence outside their limits.
    """
    wanted = checked_replicates(replicates)
    dyads = Dyads(similarities.reference_subject, similarities.probe_subject)
    accepted, mated = threshold.accepts(similarities.values), similarities.mated
    kinds = [(~mated, accepted & ~mated), (mated, ~accepted & mated)]
    generator, rows = np.random.default_rng(seed), list[list[float]]()
    while len(rows) < wanted:
        weights = dyads.weights(generator)
        totals = [int(weights[kind].sum()) for kind, _ in kinds]
        if all(totals):
            rows.append([int(weights[wrong].sum()) / total for (_, wrong), total in zip(kinds, totals, strict=True)])
    point = match_rates(similarities, threshold)
    fmr, fnmr = (
        percentiles(rate.value, column, confidence)
        for rate, column in zip((point.fmr, point.fnmr), np.array(rows).T, strict=True)
    )
    return RateIntervals(fmr, fnmr)


def _mean(tally: Tally, weights: Codes) -> float:
    """The mean accuracy of the folds that occur in a drawn set."""
    wrong, trials, _ = tally.held_out(weights)
    return float(np.mean(1 - wrong[trials > 0] / trials[trials > 0]))


_Cumulated = tuple[Codes, Codes]
"""(n + 1,) of mated and (m + 1,) of non-mated comparisons: at k the weight of the k least alike."""


class _Weighed:
    """Similarities sorted once; what the weights of a drawn set make of them equals what copied rows would give."""

    def __init__(self, similarities: Similarities) -> None:
        compared = similarities.compared
        rows = [np.flatnonzero(kind) for kind in (similarities.mated, ~similarities.mated)]
        self._rows = [kind[np.argsort(compared[kind])] for kind in rows]
        self._mated, self._other = (compared[kind] for kind in self._rows)
        grid = np.unique(compared[np.isfinite(compared)])
        # Just above the highest, where everything is rejected, the two curves end.
        self._grid = np.append(grid, above(grid[-1])) if grid.size else np.array([0.0])
        self._below_mated, self._below_other = (np.searchsorted(kind, self._grid) for kind in (self._mated, self._other))

    def complete(self, weights: Codes) -> bool:
        return all(bool(weights[rows].any()) for rows in self._rows)

    def cumulated(self, weights: Codes) -> _Cumulated:
        mated, other = (np.concatenate(([0], np.cumsum(weights[rows]))) for rows in self._rows)
        return mated, other

    def tar(self, cumulated: _Cumulated, target: float) -> float:
        mated, other = cumulated
        rejected = other[-1] - floor(target * other[-1] + ROUNDING)
        place = np.searchsorted(other[1:], rejected - 1, side="right")
        threshold = max(0.0, above(float(self._other[place])))
        return float(1 - mated[np.searchsorted(self._mated, threshold)] / mated[-1])

    def equal_error(self, cumulated: _Cumulated) -> float:
        mated, other = cumulated
        accepted: Floats = (other[-1] - other[self._below_other]) / other[-1]
        return crossing(accepted, mated[self._below_mated] / mated[-1])
