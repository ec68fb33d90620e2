"""How many presentations a claim needs: without an error, few trials show little."""

from __future__ import annotations

from math import ceil, expm1, log, log1p
from typing import Literal, TypeAlias

from livegate.metrics.rate import checked_confidence

Sided: TypeAlias = Literal[1, 2]


def needed(rate: float, confidence: float = 0.95, sided: Sided = 1) -> int:
    """The fewest presentations that, without a single error, show that the error rate is at most ``rate``.

    The exact (Clopper-Pearson) bound. At 95 %, 7 % needs 42 by the one-sided bound and 51 by the two-sided interval: say which.
    For APCER they are needed of each species.

    Args:
        rate: what is claimed, strictly between 0 and 1.
        confidence: strictly between 0 and 1.
        sided: 1 for a bound, 2 for the upper end of an interval.

    Raises:
        ValueError: on a rate or confidence outside these limits.
    """
    if not 0 < rate < 1:
        raise ValueError(f"rate {rate} must lie between 0 and 1, such as 0.07")
    trials = ceil(log(_tail(confidence, sided)) / log1p(-rate) - 1e-9)  # a whole number may come out a hair above itself
    return max(trials, 1)


def shown(trials: int, confidence: float = 0.95, sided: Sided = 1) -> float:
    """The lowest error rate that so many presentations can show: the bound when none of them is an error.

    Args:
        trials: how many independent presentations there are, at least 1.
        confidence: strictly between 0 and 1.
        sided: 1 for a bound, 2 for the upper end of an interval.

    Raises:
        ValueError: on no trials or a confidence outside its limits.
    """
    if trials < 1:
        raise ValueError(f"{trials} trials show nothing; give at least 1")
    return -expm1(log(_tail(confidence, sided)) / trials)


def _tail(confidence: float, sided: Sided) -> float:
    return (1 - checked_confidence(confidence)) / sided
