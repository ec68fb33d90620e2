"""The rate and its exact interval."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from livegate.errors import MetricError
from livegate.metrics import Rate


def counts(largest: int) -> st.SearchStrategy[tuple[int, int]]:
    """(errors, trials) with at most ``largest`` trials."""
    return st.integers(1, largest).flatmap(lambda trials: st.tuples(st.integers(0, trials), st.just(trials)))


@settings(max_examples=150, deadline=None)
@given(counts(1_000_000), st.sampled_from([0.5, 0.9, 0.95, 0.999]))
def test_interval_agrees_with_scipy(count: tuple[int, int], confidence: float) -> None:
    """The limits are the beta quantiles of Clopper and Pearson, for few trials and for a million."""
    errors, trials = count
    low, high = Rate(errors, trials).interval(confidence)
    tail = (1 - confidence) / 2
    assert low == pytest.approx(beta.ppf(tail, errors, trials - errors + 1) if errors else 0, rel=1e-7, abs=0)
    assert high == pytest.approx(beta.ppf(1 - tail, errors + 1, trials - errors) if errors < trials else 1, rel=1e-7, abs=0)


@given(counts(5_000))
def test_interval_holds_the_value(count: tuple[int, int]) -> None:
    """Low <= value <= high, and the one-sided bound lies below the two-sided one."""
    rate = Rate(*count)
    low, high = rate.interval()
    assert 0 <= low <= rate.value <= high <= 1
    assert rate.upper_bound() <= high


@pytest.mark.parametrize("trials", [1, 3, 300, 1_000_000])
def test_no_error_and_only_errors_are_exact(trials: int) -> None:
    """At both ends the limits have a closed form, and the other limit is exactly 0 or 1."""
    (low, high), (low_of_all, high_of_all) = Rate(0, trials).interval(), Rate(trials, trials).interval()
    assert (low, high_of_all) == (0.0, 1.0)
    assert high == pytest.approx(1 - 0.025 ** (1 / trials), rel=1e-9)
    assert low_of_all == pytest.approx(0.025 ** (1 / trials), rel=1e-12)
    assert Rate(0, trials).upper_bound() == pytest.approx(1 - 0.05 ** (1 / trials), rel=1e-9)
    assert Rate(trials, trials).upper_bound() == 1.0


def test_rule_of_three() -> None:
    """300 attacks without an error show less than 1 % at 95 %, and no better."""
    assert 0.009 < Rate(0, 300).upper_bound() < 0.01


def test_prints_counts_and_interval() -> None:
    """A rate in words never goes without its counts."""
    assert str(Rate(3, 120)) == "3/120 = 2.50 % [0.52, 7.13]"


def test_no_trials_is_no_rate() -> None:
    """Without trials there is no rate, not even 0."""
    with pytest.raises(MetricError, match="no trials"):
        Rate(0, 0)


@pytest.mark.parametrize("count", [(-1, 3), (4, 3), (0, -1), (1, 0)])
def test_impossible_counts(count: tuple[int, int]) -> None:
    """Counts that cannot be are the caller's mistake."""
    with pytest.raises(ValueError, match="within 0"):
        Rate(*count)


@pytest.mark.parametrize("confidence", [0, 1, -0.5, 95])
def test_impossible_confidence(confidence: float) -> None:
    """A confidence in percent, or of 0 or 1, is refused."""
    with pytest.raises(ValueError, match="confidence"):
        Rate(1, 3).interval(confidence)


def test_interval_of_a_large_set_is_quick() -> None:
    """An interval over a set like CelebA-Spoof takes milliseconds."""
    start = perf_counter()
    Rate(1_499, 47_247).interval()
    assert perf_counter() - start < 0.5


def test_rates_are_pooled_by_their_counts() -> None:
    """Not by their values: 1 of 2 and 0 of 8 make 1 of 10; of nothing there is no rate."""
    assert Rate.pooled([Rate(1, 2), Rate(0, 8)]) == Rate(1, 10)
    assert Rate.pooled(iter([Rate(3, 4)])) == Rate(3, 4)
    with pytest.raises(MetricError):
        Rate.pooled([])
