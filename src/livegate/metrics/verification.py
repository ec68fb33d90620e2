"""Verification figures after ISO/IEC 19795-1, as pure functions on similarities.

FNMR is the share of mated comparisons that are rejected, FMR the share of non-mated ones that are accepted; no response is a rejection
(see ``similarities``). "TAR at FAR x" of the literature is 1 - FNMR where FMR is at most x.

**How low an FMR a set can show.** Of N non-mated comparisons one alone makes 1/N; without a single one the true rate may still be 3/N (rule
of 3, 95 %); within 30 % of its value a rate is known from 30 errors (rule of 30). Below 1/N nothing is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.curves import curve
from livegate.metrics.pad import auc
from livegate.metrics.rate import Rate
from livegate.metrics.samples import shown
from livegate.metrics.scores import Floats
from livegate.metrics.similarities import Similarities
from livegate.metrics.thresholds import REJECT_ALL, ROUNDING, Threshold, crossing, steps

FMR_TARGETS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
ENOUGH = 30
"""So many errors tell a rate within 30 % of its value, at 90 % confidence (Doddington's rule of 30)."""


@dataclass(frozen=True, slots=True)
class MatchRates:
    """The errors at one threshold.

    Attributes:
        threshold: on the similarity.
        fmr: false match rate: non-mated comparisons accepted.
        fnmr: false non-match rate: mated comparisons rejected.
    """

    threshold: Threshold
    fmr: Rate
    fnmr: Rate

    @property
    def tar(self) -> float:
        """The share of mated comparisons accepted, 1 - FNMR."""
        return 1 - self.fnmr.value


@dataclass(frozen=True, slots=True)
class Support:
    """What so many non-mated comparisons, were they independent, can show of an FMR.

    Attributes:
        comparisons: how many non-mated there are, at least 1.
    """

    comparisons: int

    @property
    def step(self) -> float:
        """The smallest FMR above 0 that can be measured: one error."""
        return 1 / self.comparisons

    @property
    def shown(self) -> float:
        """The FMR that is shown, at 95 %, when there is no error: about 3 / comparisons."""
        return shown(self.comparisons)

    @property
    def firm(self) -> float:
        """The smallest FMR that rests on 30 errors, and can be above 1 where there are fewer comparisons."""
        return ENOUGH / self.comparisons

    def of(self, target: float) -> str:
        """In words what a figure at this FMR is worth here."""
        errors = floor(target * self.comparisons + ROUNDING)
        if errors < 1:
            return f"not shown: {self.comparisons:,} non-mated comparisons resolve no FMR below {self.step:.2g}"
        if errors < ENOUGH:
            return f"thin: rests on at most {errors} of {self.comparisons:,} non-mated comparisons; 30 errors would be needed"
        return f"rests on at most {errors:,} of {self.comparisons:,} non-mated comparisons"


@dataclass(frozen=True, slots=True)
class MatchCurve:
    """FNMR against FMR over thresholds: a DET curve, or as 1 - FNMR against FMR a ROC curve; a staircase of exact corners.

    Attributes:
        thresholds: (n,) rising.
        fmr: (n,) falling.
        fnmr: (n,) rising.
    """

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


def match_rates(similarities: Similarities, threshold: Threshold) -> MatchRates:
    """The errors at a threshold that was set elsewhere."""
    accepted = threshold.accepts(similarities.values)
    mated, other = accepted[similarities.mated], accepted[~similarities.mated]
    return MatchRates(threshold, Rate(int(other.sum()), other.size), Rate(int((~mated).sum()), mated.size))


def at_fmr(similarities: Similarities, target: float, split: str) -> Threshold:
    """The smallest threshold, 0 or above, at which FMR is at most ``target``; a step above the similarity that must be rejected.

    Args:
        similarities: what it is set on.
        target: 0 < target < 1.
        split: what these are called, remembered by the threshold.

    Raises:
        MetricError: if ``target`` is below one in the number of non-mated comparisons: then no threshold can be told from another.
        ValueError: on a target outside its limits.
    """
    if not 0 < target < 1:
        raise ValueError(f"FMR {target} must lie between 0 and 1, such as 0.001")
    other = np.sort(similarities.compared[~similarities.mated])
    allowed = floor(target * other.size + ROUNDING)
    if allowed < 1:
        needed = f"needs at least {round(1 / target):,} non-mated comparisons, there are {other.size:,}"
        raise MetricError(f"FMR {target:g} {needed}; take a higher FMR or more comparisons")
    return Threshold(float(max(0.0, above(other[other.size - 1 - allowed]))), f"fmr={target:g}", split)


def above(similarity: float) -> float:
    """The lowest threshold that rejects this similarity."""
    return float(np.nextafter(similarity, REJECT_ALL))


def supported(similarities: Similarities, targets: Sequence[float] = FMR_TARGETS) -> dict[float, MatchRates | None]:
    """Target → the rates at the threshold that these very comparisons set for it; None where they are too few.

    **Oracles**: the threshold has seen what it is measured on. They rank systems and are no operating points; see `folds.held_out`.
    """
    non_mated = int((~similarities.mated).sum())
    return {
        target: match_rates(similarities, at_fmr(similarities, target, "these comparisons"))
        if floor(target * non_mated + ROUNDING)
        else None
        for target in targets
    }


def equal_error(similarities: Similarities) -> float:
    """Where FMR and FNMR meet, interpolated on a line between the two steps at which their order changes; an oracle."""
    mated, other = _classes(similarities)
    _, accepted, rejected = steps(mated, other)
    return crossing(accepted / other.size, rejected / mated.size)


def area(similarities: Similarities) -> float:
    """P(mated similarity > non-mated) + P(equal) / 2."""
    return auc(*_classes(similarities))


def det(similarities: Similarities, points: int = 400) -> MatchCurve:
    """The error curve in at most so many corners, at least 4."""
    found = curve(*_classes(similarities), points)
    return MatchCurve(found.thresholds, found.apcer, found.bpcer)


def _classes(similarities: Similarities) -> tuple[Floats, Floats]:
    compared = similarities.compared
    return compared[similarities.mated], compared[~similarities.mated]
