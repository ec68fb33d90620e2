"""Intervals over subjects: what is drawn is measured as if its rows had been copied, and people who share pairs widen them."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.errors import MetricError
from livegate.metrics.codes import Codes
from livegate.metrics.folds import accuracy, contiguous
from livegate.metrics.similarities import Dyads, Similarities, every_pair, numbered_pairs
from livegate.metrics.thresholds import Threshold
from livegate.metrics.verification import equal_error, match_rates, supported
from livegate.metrics.verification_bootstrap import _Weighed, match_intervals, rate_intervals


def people(seed: int, subjects: int = 40, spread: float = 0.0) -> Similarities:
    """Each subject has three mated pairs, and non-mated ones with three others; some subjects are easier by ``spread``."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(0, spread, subjects)
    rows = [(one, (one + step) % subjects) for one in range(subjects) for step in (0, 0, 0, 1, 2, 5)]
    values = [
        (0.5 + ease[one] if one == other else 0.1 - (ease[one] + ease[other]) / 2) + rng.normal(0, 0.15) for one, other in rows
    ]
    names = [[f"s{number}" for number in column] for column in zip(*rows, strict=True)]
    mated = [one == other for one, other in rows]
    return Similarities.build(np.clip(values, -1, 1).round(3), mated, reference_subject=names[0], probe_subject=names[1])


def copied(similarities: Similarities, weights: Codes) -> Similarities:
    """The drawn set with its rows copied out."""
    return similarities.where(np.repeat(np.arange(len(similarities)), weights))


@pytest.mark.parametrize("seed", range(5))
def test_weighing_equals_copying(seed: int) -> None:
    """Equal error rate and TAR of a drawn set, to the rounding of a division."""
    similarities = people(seed)
    weights = Dyads(similarities.reference_subject, similarities.probe_subject).weights(np.random.default_rng(seed))
    weighed, rows = _Weighed(similarities), copied(similarities, weights)
    cumulated = weighed.cumulated(weights)
    assert weighed.equal_error(cumulated) == pytest.approx(equal_error(rows))
    point = supported(rows, [0.1])[0.1]
    assert point is not None
    assert weighed.tar(cumulated, 0.1) == pytest.approx(point.tar)


def test_a_pair_is_drawn_as_its_two_people_are() -> None:
    """A mated pair as often as its subject, a non-mated one as often as the copies of both multiply."""
    similarities = people(0, 6)
    dyads = Dyads(similarities.reference_subject, similarities.probe_subject)
    weights = dyads.weights(np.random.default_rng(2))
    copies = {name: weights[rows][0] for name in dict.fromkeys(similarities.reference_subject.tolist())
              if (rows := (similarities.reference_subject == name) & similarities.mated).any()}  # fmt: skip
    assert sum(copies.values()) == 6
    pairs = zip(similarities.reference_subject.tolist(), similarities.probe_subject.tolist(), strict=True)
    expected = [copies[one] if one == other else copies[one] * copies[other] for one, other in pairs]
    assert weights.tolist() == expected


def test_points_and_counts() -> None:
    """The values are those of the whole set; what it does not support has no interval; the same seed gives the same."""
    similarities = people(1)
    folds = contiguous(similarities, 4)
    found = match_intervals(similarities, folds, replicates=60)
    assert found.equal_error.value == equal_error(similarities)
    assert found.accuracy is not None
    assert found.accuracy.value == accuracy(similarities, folds).mean
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high
    assert found.tar[0.01] is not None
    assert found.tar[0.01].low <= found.tar[0.01].high
    assert (found.tar[0.001], found.subjects) == (None, 40)
    assert found == match_intervals(similarities, folds, replicates=60)
    assert match_intervals(similarities, replicates=5).accuracy is None


def test_people_who_differ_widen_the_interval() -> None:
    """With as many pairs, subjects that are hard or easy make more doubt than subjects that are alike."""
    widths = []
    for spread in (0.0, 0.2):
        found = [match_intervals(people(seed, spread=spread), replicates=100).tar[0.1] for seed in range(4)]
        widths.append(np.mean([one.high - one.low for one in found if one]))
    assert widths[1] > 1.2 * widths[0]


def test_subjects_are_covered_where_single_pairs_are_not() -> None:
    """Of 60 sets whose true TAR at FMR 10 % is known, intervals over subjects hold it in nearly all; those that count pairs in far fewer."""
    truth = 0.781  # of 60,000 people
    held = exact = 0
    for seed in range(60):
        similarities = people(seed, spread=0.15)
        drawn, point = (
            match_intervals(similarities, targets=[0.1], replicates=100, seed=seed).tar[0.1],
            supported(similarities, [0.1])[0.1],
        )
        assert drawn is not None
        assert point is not None
        low, high = point.fnmr.interval()
        held += drawn.low <= truth <= drawn.high
        exact += low <= 1 - truth <= high
    assert held >= 0.88 * 60
    assert exact <= 0.75 * 60


def test_rates_of_a_threshold_that_is_held() -> None:
    """The values are its rates; with people who differ the interval of FNMR is wider than the exact one."""
    similarities, threshold = people(3, 60, spread=0.2), Threshold(0.3, "fixed=0.3", "")
    point = match_rates(similarities, threshold)
    found = rate_intervals(similarities, threshold, replicates=200)
    assert (found.fmr.value, found.fnmr.value) == (point.fmr.value, point.fnmr.value)
    low, high = point.fnmr.interval()
    assert found.fnmr.low < low < high < found.fnmr.high
    assert found == rate_intervals(similarities, threshold, replicates=200)
    with pytest.raises(ValueError, match="0 replicates"):
        rate_intervals(similarities, threshold, replicates=0)


def test_every_pair_of_pictures_is_compared_once() -> None:
    """Three pictures of two people: one mated pair and two others."""
    vectors = np.array([[1, 0], [0.6, 0.8], [0, 1]], np.float32)
    found = every_pair(vectors, ["ann", "ann", "bob"])
    assert found.values.tolist() == pytest.approx([0.6, 0.0, 0.8])
    assert found.mated.tolist() == [True, False, False]
    assert found.with_subjects
    with pytest.raises(MetricError, match="no mated"):
        every_pair(vectors, ["ann", "bob", "cy"])
    numbered = numbered_pairs(vectors, np.array([9, 9, 4], np.int32))
    assert (numbered.values.tolist(), numbered.mated.tolist()) == (found.values.tolist(), found.mated.tolist())
    assert not numbered.with_subjects


def test_unknown_subjects_cannot_be_drawn() -> None:
    """A missing name, one person alone, no replicates."""
    with pytest.raises(MetricError, match="do not tell their subjects"):
        match_intervals(Similarities.build([0.1, 0.2], [True, False]))
    lone = Similarities.build([0.1, 0.2], [True, False], reference_subject=["a", "a"], probe_subject=["a", "a"])
    with pytest.raises(MetricError, match="one subject"):
        match_intervals(lone)
    with pytest.raises(ValueError, match="0 replicates"):
        match_intervals(people(0), replicates=0)
