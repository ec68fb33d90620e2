"""Figures that papers report and the standard does not define, so that a table beside theirs counts as they did.

Papers take the attack as the positive class and p(attack) as the score, higher = more attack. Here scores keep Livegate's
sense, higher = more bona fide; with p = 1 - score an attack is detected (p > t) exactly when its score lies below 1 - t, and

====================  =============================================
true positive rate    1 - pooled APCER
false positive rate   BPCER
FAR, FRR              pooled APCER, BPCER (bona fide as positive)
HTER                  (FAR + FRR) / 2 at a threshold fixed elsewhere
====================  =============================================

No response is an error here too: a bona fide presentation without one is a false positive, an attack without one is missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.codes import Text
from livegate.metrics.pad import OperatingPoint, operate
from livegate.metrics.rate import Rate
from livegate.metrics.scores import Floats, Scores
from livegate.metrics.thresholds import ARGMAX, Rule, attack_scores, bona_fide_scores


@dataclass(frozen=True, slots=True)
class TprAtFpr:
    """True positive rate (attacks detected) at a false positive rate (bona fide called attacks), as CelebA-Spoof counts it.

    Attributes:
        fpr: the rate aimed at.
        below: an attack is detected when its score lies below this one.
        tpr: the attacks detected, among all attacks: for once a rate of successes.
        attained: the bona fide called attacks at that score: (k - 1) / N, not quite ``fpr``.
    """

    fpr: float
    below: float
    tpr: Rate
    attained: Rate


def tpr_at_fpr(values: Floats, species: Text, fpr: float) -> TprAtFpr:
    """The official metric code of CelebA-Spoof, number by number; its "10E-3, 5E-3, 10E-4" are 0.01, 0.005 and 0.001.

    Of N bona fide p(attack) in descending order the k-th, k = max(1, int(fpr N)), is the threshold; an attack is detected when
    its p is strictly greater.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        fpr: 0 < fpr <= 1.

    Raises:
        MetricError: when one class is missing.
        ValueError: on a rate outside its limits.
    """
    if not 0 < fpr <= 1:
        raise ValueError(f"false positive rate {fpr} must lie within 0..1 and above 0, such as 0.01")
    bona_fide = np.sort(bona_fide_scores(values, species))
    attacks = np.concatenate(list(attack_scores(values, species).values()))
    below = float(bona_fide[max(1, int(fpr * bona_fide.size)) - 1])
    detected, rejected = int((attacks < below).sum()), int((bona_fide < below).sum())
    return TprAtFpr(fpr, below, Rate(detected, attacks.size), Rate(rejected, bona_fide.size))


def equal_error_point(dev: Scores, test: Scores) -> OperatingPoint:
    """The rates of test at the threshold where pooled APCER and BPCER of dev meet.

    For a figure across data sets, dev is the development part of the set that the network was trained on.

    Raises:
        MetricError: when one class is missing in either.
    """
    threshold = Rule("d-eer").threshold(dev.values, dev.species, dev.source, "dev")
    return operate(test.values, test.species, threshold)


def hter(dev: Scores, test: Scores) -> float:
    """Half total error rate of test, (pooled APCER + BPCER) / 2, at the equal error threshold of dev.

    Raises:
        MetricError: when one class is missing in either.
    """
    return equal_error_point(dev, test).acer_pooled


def model_zoo(pictures: Scores) -> OperatingPoint:
    """What the Open Model Zoo counts for anti-spoof-mn3, whose ACER it prints as 3.81 %: ``acer_pooled`` of the result.

    Every picture is a trial, the larger output wins, and all attacks are in one pot. The code behind that figure takes the attack as
    the positive class and calls FP / (TN + FP), which is ISO's BPCER, "APCER"; its "BPCER" is the pooled APCER. Their mean is the same
    either way.

    Args:
        pictures: one row a picture, of one configuration.

    Raises:
        MetricError: when one class is missing.
    """
    return operate(pictures.values, pictures.species, ARGMAX)


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean over folds, and the standard deviation with n - 1, which is no interval: folds share their data. 0 for one fold."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Oulu:
    """The figures of an OULU-NPU protocol; protocols 1 and 2 have one fold, 3 and 4 have six.

    Attributes:
        folds: the rates of each fold's test part.
        apcer: of the worst species of each fold (print and replay types), over folds.
        bpcer: over folds.
        acer: (worst APCER + BPCER) / 2 of each fold, over folds.
    """

    folds: tuple[OperatingPoint, ...]
    apcer: Spread
    bpcer: Spread
    acer: Spread


def oulu(folds: Sequence[tuple[Scores, Scores]]) -> Oulu:
    """OULU-NPU's own figures: threshold at the equal error of dev, APCER of the worst species, mean and deviation over folds.

    Args:
        folds: (dev, test) of each fold.

    Raises:
        MetricError: on no folds, or when one class is missing in one of them.
    """
    if not folds:
        raise MetricError("there are no folds to take a mean over; give (dev, test) of at least one")
    points = tuple(equal_error_point(dev, test) for dev, test in folds)
    return Oulu(
        points,
        apcer=_spread([point.worst_apcer[1].value for point in points]),
        bpcer=_spread([point.bpcer.value for point in points]),
        acer=_spread([point.acer for point in points]),
    )


def _spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0)
