"""Presentation attack detection figures after ISO/IEC 30107-3, as pure functions on arrays.

Scores: higher = more bona fide, accepted when score >= threshold (see ``scores``). No response, NaN, counts as an error in
every rate: a bona fide presentation without one is rejected at every threshold, an attack accepted at every threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.codes import Text
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Floats, Mask, Scores
from livegate.metrics.thresholds import (
    REJECT_ALL,
    Rule,
    Threshold,
    at_apcer,
    at_bpcer,
    at_equal_error,
    attack_scores,
    bona_fide_scores,
    crossing,
    steps,
)

__all__ = [
    "REJECT_ALL",
    "OperatingPoint",
    "PadReport",
    "Rates",
    "Rule",
    "Threshold",
    "Unit",
    "at_apcer",
    "at_bpcer",
    "at_equal_error",
    "auc",
    "d_eer",
    "measure",
    "operate",
    "worst",
    "wrong_at",
]

Unit: TypeAlias = Literal["picture", "presentation"]

FIXED_BPCER = (0.01, 0.005, 0.001)
"""The shares of bona fide rejected at which papers give the APCER."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """The errors at one threshold. Rates keep their counts; no response is an error in each.

    Attributes:
        threshold: where the rates hold.
        apcer: attack presentation classification error rate of each PAI species, names sorted.
        bpcer: bona fide presentation classification error rate.
    """

    threshold: Threshold
    apcer: Mapping[str, Rate]
    bpcer: Rate

    @property
    def worst_apcer(self) -> tuple[str, Rate]:
        """The species with the highest APCER, the headline of ISO/IEC 30107-3; of equals as ``worst`` says."""
        return worst(self.apcer)

    @property
    def tied_worst(self) -> tuple[str, ...]:
        """The other species whose APCER is as high."""
        name, rate = self.worst_apcer
        return tuple(other for other, one in self.apcer.items() if one.value == rate.value and other != name)

    @property
    def apcer_pooled(self) -> Rate:
        """All attacks in one pot. Not the ISO figure: a frequent, easy species hides the worst."""
        return Rate.pooled(self.apcer.values())

    @property
    def mean_apcer(self) -> float:
        """The mean over species. Not the ISO figure: easy species hide the worst."""
        return sum(rate.value for rate in self.apcer.values()) / len(self.apcer)

    @property
    def acer(self) -> float:
        """(worst APCER + BPCER) / 2. From the literature, not in the current ISO standard."""
        return (self.worst_apcer[1].value + self.bpcer.value) / 2

    @property
    def acer_pooled(self) -> float:
        """(pooled APCER + BPCER) / 2. From the literature, where it is also called HTER; not ISO."""
        return (self.apcer_pooled.value + self.bpcer.value) / 2

    @property
    def accuracy(self) -> float:
        """The share of all trials that were right. It depends on how many attacks there are for one bona fide; not ISO."""
        pooled = self.apcer_pooled
        return 1 - (pooled.errors + self.bpcer.errors) / (pooled.trials + self.bpcer.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint(Rates):
    """A threshold and the rates there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PadReport(Rates):
    """What one configuration does at one threshold, and what it could do at others.

    **An oracle** is found on the very scores it is measured on: it ranks systems and is no operating point.

    Attributes:
        configuration: such as HLH; empty for a network without adaptive blocks.
        unit: what a trial is; the presentation is the headline, pictures of one clip are not independent.
        apnrr: attacks without a response.
        bpnrr: bona fide presentations without a response.
        auc: P(bona fide score > attack score) + P(equal) / 2, all species pooled.
        d_eer: oracle; detection equal error rate, all species pooled.
        d_eer_worst: oracle; the largest D-EER of one species against all bona fide.
        bpcer10: oracle; the smallest BPCER at which the worst species' APCER is at most 10 %. None when no threshold reaches
            that, since too many attacks of a species gave no response.
        bpcer20: oracle; the same at 5 %.
        bpcer100: oracle; the same at 1 %.
        at_bpcer: oracles; target → the rates at the largest threshold at which no larger share of all bona fide is rejected, for
            1 %, 0.5 % and 0.1 %. None when too many bona fide gave no response.
    """

    configuration: str
    unit: Unit
    apnrr: Rate
    bpnrr: Rate
    auc: float
    d_eer: float
    d_eer_worst: float
    bpcer10: OperatingPoint | None
    bpcer20: OperatingPoint | None
    bpcer100: OperatingPoint | None
    at_bpcer: Mapping[float, OperatingPoint | None]


def measure(  # noqa: PLR0913 - keyword-only facts that the report keeps
    values: Floats, species: Text, threshold: Threshold, *, configuration: str = "", unit: Unit = "picture", split: str = "test"
) -> PadReport:
    """All figures of one configuration at a threshold that was set elsewhere.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        threshold: where the rates are taken.
        configuration: kept in the report.
        unit: what a row is; kept in the report.
        split: what these scores are called; the thresholds of the oracles remember it.

    Raises:
        MetricError: when one class is missing.
        ValueError: on arrays of unequal shape or scores outside 0..1.
    """
    bona_fide, attacks = bona_fide_scores(values, species), attack_scores(values, species)
    pooled = np.concatenate(list(attacks.values()))
    at = _rates(bona_fide, attacks, threshold)

    def oracle(rule: str) -> OperatingPoint | None:
        try:
            return _rates(bona_fide, attacks, Rule.parse(rule).threshold(values, species, np.full(values.shape, ""), split))
        except MetricError:  # too many gave no response
            return None

    return PadReport(
        threshold=threshold,
        configuration=configuration,
        unit=unit,
        apcer=at.apcer,
        bpcer=at.bpcer,
        apnrr=_share(np.isinf(pooled)),
        bpnrr=_share(np.isinf(bona_fide)),
        auc=auc(bona_fide, pooled),
        d_eer=d_eer(bona_fide, pooled),
        d_eer_worst=max(d_eer(bona_fide, attack) for attack in attacks.values()),
        bpcer10=oracle("apcer=0.1"),
        bpcer20=oracle("apcer=0.05"),
        bpcer100=oracle("apcer=0.01"),
        at_bpcer={share: oracle(f"bpcer={share},pooled") for share in FIXED_BPCER},
    )


def operate(values: Floats, species: Text, threshold: Threshold) -> OperatingPoint:
    """The rates at a threshold that was set elsewhere; arguments and errors as in ``measure``."""
    return _rates(bona_fide_scores(values, species), attack_scores(values, species), threshold)


def worst(apcer: Mapping[str, Rate]) -> tuple[str, Rate]:
    """The species with the highest rate, of one or more.

    Of equals the one with the fewest trials: the upper end of its interval lies highest. Of those the first in order.
    """
    return max(apcer.items(), key=lambda item: (item[1].value, -item[1].trials))


def auc(bona_fide: Floats, attack: Floats) -> float:
    """P(bona fide > attack) + P(equal) / 2, as midranks give it, counted in integers.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        attack: (M,) scores of all species, +inf = no response.
    """
    ordered = np.sort(attack)
    doubled = np.searchsorted(ordered, bona_fide, "left").sum() + np.searchsorted(ordered, bona_fide, "right").sum()
    return float(doubled) / (2 * bona_fide.size * attack.size)


def d_eer(bona_fide: Floats, attack: Floats) -> float:
    """Detection equal error rate: interpolated on a line between the two ROC steps where APCER - BPCER changes sign.

    On test scores it is an oracle: its threshold is found on the scores it is measured on.

    Args:
        bona_fide: (N,) scores, -inf = no response.
        attack: (M,) scores, +inf = no response.
    """
    _, accepted, rejected = steps(bona_fide, attack)
    return crossing(accepted / attack.size, rejected / bona_fide.size)


def wrong_at(scores: Scores, threshold: Threshold) -> Mask:
    """(N,) bool: which decisions are wrong at a threshold; no response is."""
    accepted = threshold.accepts(scores.values)
    return np.where(scores.bona_fide, ~accepted, accepted | ~scores.responded)


def _rates(bona_fide: Floats, attacks: Mapping[str, Floats], threshold: Threshold) -> OperatingPoint:
    return OperatingPoint(
        threshold=threshold,
        apcer={name: _share(threshold.accepts(attack)) for name, attack in attacks.items()},
        bpcer=_share(~threshold.accepts(bona_fide)),
    )


def _share(errors: Mask) -> Rate:
    return Rate(int(errors.sum()), errors.size)
