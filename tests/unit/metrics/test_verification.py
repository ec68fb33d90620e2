"""Verification figures: counted by hand, and again by scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score, roc_curve

from livegate.errors import MetricError
from livegate.metrics.pad import d_eer
from livegate.metrics.rate import Rate
from livegate.metrics.similarities import Similarities, cosine
from livegate.metrics.thresholds import Threshold, crossing
from livegate.metrics.verification import Support, area, at_fmr, det, equal_error, match_rates, supported

MATED = [0.9, 0.8, 0.7, 0.3]
OTHER = [0.6, 0.3, 0.2, 0.1, 0.0, -0.1, -0.2, -0.3, -0.4, -0.5]
HAND = Similarities.build(MATED + OTHER, [True] * 4 + [False] * 10)


def drawn(seed: int, mated: int = 300, other: int = 700) -> Similarities:
    """Two overlapping clouds, some similarities equal."""
    rng = np.random.default_rng(seed)
    values = np.concatenate((rng.normal(0.45, 0.2, mated), rng.normal(0.05, 0.15, other)))
    return Similarities.build(np.clip(values, -1, 1).round(2), np.arange(mated + other) < mated)


def test_rates_are_those_counted_by_hand() -> None:
    """A similarity at the threshold is accepted."""
    found = match_rates(HAND, Threshold(0.3, "fixed=0.3", ""))
    assert (found.fmr, found.fnmr, found.tar) == (Rate(2, 10), Rate(0, 4), 1.0)
    found = match_rates(HAND, Threshold(0.31, "fixed=0.31", ""))
    assert (found.fmr, found.fnmr, found.tar) == (Rate(1, 10), Rate(1, 4), 0.75)


def test_no_response_is_a_rejection() -> None:
    """An error of a mated comparison, none of a non-mated one, at every threshold."""
    silent = Similarities.build([math.nan, 0.9, math.nan, 0.1], [True, True, False, False])
    found = match_rates(silent, Threshold(0.0, "fixed=0", ""))
    assert (found.fmr, found.fnmr) == (Rate(1, 2), Rate(1, 2))
    assert at_fmr(silent, 0.5, "dev").value == 0.0
    assert area(silent) == pytest.approx((0 + 0.5 + 1 + 1) / 4)


def test_thresholds_are_a_step_above_what_must_be_rejected() -> None:
    """One of ten may be accepted at 10 %, two at 29 %; a threshold is never below 0."""
    assert at_fmr(HAND, 0.1, "dev") == Threshold(float(np.nextafter(0.3, 1)), "fmr=0.1", "dev")
    assert at_fmr(HAND, 0.29, "dev").value == np.nextafter(0.2, 1)
    assert at_fmr(HAND, 0.9, "dev").value == 0.0
    assert match_rates(HAND, at_fmr(HAND, 0.1, "")).fmr == Rate(1, 10)


def test_an_fmr_that_the_comparisons_cannot_resolve_is_refused() -> None:
    """Ten non-mated comparisons give 10 % and nothing below."""
    with pytest.raises(MetricError, match=r"FMR 0\.01 needs at least 100 non-mated comparisons, there are 10"):
        at_fmr(HAND, 0.01, "dev")
    found = supported(HAND)
    assert {target: point is not None for target, point in found.items()} == {
        0.1: True,
        0.01: False,
        0.001: False,
        0.0001: False,
        0.00001: False,
    }
    with pytest.raises(ValueError, match=r"FMR 0\.0 must"):
        at_fmr(HAND, 0.0, "dev")


def test_support_says_what_comparisons_can_show() -> None:
    """Rules of 3 and of 30 for 1,500 non-mated comparisons, five folds of LFW."""
    support = Support(1500)
    assert support.step == 1 / 1500
    assert support.shown == pytest.approx(3 / 1500, rel=0.01)
    assert support.firm == 0.02
    assert support.of(0.02) == "rests on at most 30 of 1,500 non-mated comparisons"
    assert support.of(0.001).startswith("thin: rests on at most 1 of 1,500")
    assert support.of(0.0001).startswith("not shown: 1,500 non-mated comparisons resolve no FMR below 0.00067")


@pytest.mark.parametrize("seed", range(4))
def test_every_corner_is_on_scikit_learns_roc(seed: int) -> None:
    """Thresholds and both rates of each, and the area below."""
    scores = drawn(seed)
    fmr, tar, thresholds = roc_curve(scores.mated, scores.values, drop_intermediate=False)
    there = {float(x): (a, b) for x, a, b in zip(thresholds, fmr, 1 - tar, strict=True)}
    found = det(scores, 10_000)
    shared = [place for place, value in enumerate(found.thresholds) if float(value) in there]
    assert len(shared) > 40
    for place in shared:
        expected = there[float(found.thresholds[place])]
        assert (found.fmr[place], found.fnmr[place]) == pytest.approx(expected)
    assert area(scores) == pytest.approx(roc_auc_score(scores.mated, scores.values))


@pytest.mark.parametrize("target", [0.1, 0.05, 0.01])
def test_tar_is_scikit_learns_best_within_the_target(target: float) -> None:
    """The largest true positive rate at a false positive rate of at most the target."""
    scores = drawn(11)
    fmr, tar, _ = roc_curve(scores.mated, scores.values, drop_intermediate=False)
    point = supported(scores, [target])[target]
    assert point is not None
    assert point.fmr.value <= target
    assert point.tar == pytest.approx(tar[fmr <= target].max())


def test_equal_error_by_hand_and_from_scikit_learn() -> None:
    """Between the steps (FMR 0.1, FNMR 0.25) and (0.2, 0) the lines meet at 1/6 + …; on a large set the nearest step is near."""
    # From threshold 0.3 (FMR 0.2, FNMR 0) to 0.6 (0.1, 0.25): 0.2 - 0.1 t = 0.25 t at t = 4/7.
    assert equal_error(HAND) == pytest.approx(0.2 - 0.1 * 4 / 7)
    scores = drawn(3, 3000, 3000)
    fmr, tar, _ = roc_curve(scores.mated, scores.values, drop_intermediate=False)
    nearest = np.argmin(abs(fmr - (1 - tar)))
    assert equal_error(scores) == pytest.approx((fmr[nearest] + 1 - tar[nearest]) / 2, abs=0.01)


def test_curves_that_meet_at_an_end_or_never() -> None:
    """A perfect system has 0; one that never answers a mated comparison has all of them wrong."""
    perfect = Similarities.build([0.9, 0.1], [True, False])
    assert equal_error(perfect) == 0.0
    dumb = Similarities.build([math.nan, 0.1], [True, False])
    assert equal_error(dumb) == 1.0
    assert crossing(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == 0.5


def test_both_equal_error_rates_are_one_rule() -> None:
    """Mated and non-mated similarities are to one what bona fide and attack scores are to the other."""
    for seed in range(20):
        scores = drawn(seed, 40, 30)
        values, mated = np.clip(scores.values, 0, 1), scores.mated
        assert equal_error(Similarities.build(values, mated)) == d_eer(values[mated], values[~mated])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_higher_threshold_never_accepts_more(seed: int, one: float, other: float) -> None:
    """FMR falls and FNMR rises with the threshold."""
    scores = drawn(seed, 20, 30)
    low, high = (match_rates(scores, Threshold(value, "fixed", "")) for value in sorted((one, other)))
    assert low.fmr.errors >= high.fmr.errors
    assert low.fnmr.errors <= high.fnmr.errors


def test_the_cosine_of_unit_vectors_stays_within_its_limits() -> None:
    """Rounding of float32 vectors carries it no step beyond 1."""
    vectors = np.random.default_rng(0).normal(size=(200, 512)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    assert (cosine(vectors, vectors) == 1.0).all()
    assert np.allclose(cosine(np.float32(0.99) * vectors, vectors), 1.0, rtol=0, atol=1e-7)
    assert cosine(vectors, -vectors).min() >= -1.0
    assert cosine(vectors[:1], vectors[1:2])[0] == pytest.approx(float(vectors[0] @ vectors[1]), abs=1e-6)


def test_what_is_no_similarity_is_refused() -> None:
    """One kind alone, values beyond the cosine's, columns of other lengths."""
    with pytest.raises(MetricError, match="no non-mated"):
        Similarities.build([0.1], [True])
    with pytest.raises(MetricError, match="no mated"):
        Similarities.build([0.1], [False])
    with pytest.raises(ValueError, match="within -1"):
        Similarities.build([0.1, 1.1], [True, False])
    with pytest.raises(ValueError, match="equally long"):
        Similarities.build([0.1, 0.2], [True])
