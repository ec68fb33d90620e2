"""How many presentations a claim needs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.metrics import Rate
from livegate.metrics.samples import Sided, needed, shown


@pytest.mark.parametrize(
    ("rate", "sided", "trials"), [(0.07, 1, 42), (0.07, 2, 51), (0.01, 1, 299), (0.05, 1, 59), (0.05, 2, 72), (0.975, 2, 1)]
)
def test_needed_as_known(rate: float, sided: Sided, trials: int) -> None:
    """7 % needs 42 presentations by the one-sided bound and 51 by the two-sided interval; 1 % needs 299, by the rule of three."""
    assert needed(rate, sided=sided) == trials


@given(st.floats(1e-5, 0.99), st.sampled_from([0.9, 0.95, 0.99]), st.sampled_from([1, 2]))
def test_needed_is_enough_and_one_fewer_is_not(rate: float, confidence: float, sided: Sided) -> None:
    """So many presentations without an error show the rate, one fewer do not."""
    trials = needed(rate, confidence, sided)
    assert shown(trials, confidence, sided) <= rate * (1 + 1e-9)
    assert trials == 1 or shown(trials - 1, confidence, sided) > rate * (1 - 1e-9)


@given(st.integers(1, 10_000), st.sampled_from([0.9, 0.95, 0.99]))
def test_shown_is_the_exact_bound_without_errors(trials: int, confidence: float) -> None:
    """What trials can show is what ``Rate`` says of no errors among them, one-sided and two-sided."""
    assert shown(trials, confidence) == pytest.approx(Rate(0, trials).upper_bound(confidence), rel=1e-9)
    assert shown(trials, confidence, 2) == pytest.approx(Rate(0, trials).interval(confidence)[1], rel=1e-9)


def test_impossible_claims() -> None:
    """A rate of 0 or in percent, a confidence of 1, no trials: each is refused."""
    for rate in (0, 1, 7, -0.1):
        with pytest.raises(ValueError, match="rate"):
            needed(rate)
    with pytest.raises(ValueError, match="confidence"):
        needed(0.07, 1)
    with pytest.raises(ValueError, match="0 trials"):
        shown(0)
