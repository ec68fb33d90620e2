"""An error rate that never forgets its counts.

The interval is Clopper-Pearson: exact for independent trials, so count presentations and not frames (ISO/IEC 30107-3).
Its limits are quantiles of the beta distribution; the incomplete beta function is a continued fraction (Lentz's method).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from math import exp, expm1, lgamma, log, log1p
from typing import Self

from livegate.errors import MetricError

_STEPS = 100_000
_TINY = 1e-300
_EXACT = 1e-15


@dataclass(frozen=True, slots=True)
class Rate:
    """``errors`` among ``trials``.

    Attributes:
        errors: how many trials went wrong, 0 to ``trials``.
        trials: how many there were, at least 1.

    Raises:
        MetricError: on construction without trials; there is no rate to tell, not even 0.
        ValueError: on negative counts or more errors than trials.
    """

    errors: int
    trials: int

    def __post_init__(self) -> None:
        if self.trials < 0 or not 0 <= self.errors <= max(self.trials, 0):
            raise ValueError(f"a rate of {self.errors} errors in {self.trials} trials; errors must lie within 0..trials")
        if self.trials == 0:
            raise MetricError("a rate over no trials has no value; give at least one presentation")

    @classmethod
    def pooled(cls, rates: Iterable[Self]) -> Self:
        """Of the trials of all in one pot.

        Raises:
            MetricError: if there are none.
        """
        found = tuple(rates)
        return cls(sum(rate.errors for rate in found), sum(rate.trials for rate in found))

    @property
    def value(self) -> float:
        """The share of errors, 0 to 1."""
        return self.errors / self.trials

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """The two-sided exact (Clopper-Pearson) interval, (low, high) within 0..1.

        Raises:
            ValueError: unless ``confidence`` lies strictly between 0 and 1.
        """
        tail = (1 - checked_confidence(confidence)) / 2
        low = _beta_quantile(tail, self.errors, self.trials - self.errors + 1) if self.errors else 0.0
        return low, self._upper(1 - tail)

    def upper_bound(self, confidence: float = 0.95) -> float:
        """The one-sided exact bound: the rate lies below it; about 3 / trials when there was no error.

        Raises:
            ValueError: unless ``confidence`` lies strictly between 0 and 1.
        """
        return self._upper(checked_confidence(confidence))

    def _upper(self, probability: float) -> float:
        passed = self.trials - self.errors
        return _beta_quantile(probability, self.errors + 1, passed) if passed else 1.0

    def __str__(self) -> str:
        low, high = self.interval()
        return f"{self.errors}/{self.trials} = {100 * self.value:.2f} % [{100 * low:.2f}, {100 * high:.2f}]"


def checked_confidence(confidence: float) -> float:
    """The confidence itself.

    Raises:
        ValueError: unless it lies strictly between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} must lie between 0 and 1, such as 0.95")
    return confidence


@lru_cache(maxsize=4096)
def _beta_quantile(probability: float, a: int, b: int) -> float:
    """The x with I_x(a, b) = ``probability``: Newton's method, kept inside a shrinking bracket."""
    if a == 1:
        return -expm1(log1p(-probability) / b)
    if b == 1:
        return exp(log(probability) / a)
    low, high, x = 0.0, 1.0, a / (a + b)
    for _ in range(200):
        gap = beta_cumulative(x, a, b) - probability
        low, high = (low, x) if gap > 0 else (x, high)
        density = exp(_log_power(x, a, b)) / (x * (1 - x))
        step = x - gap / density if density > _TINY else low
        if not low < step < high:
            step = (low + high) / 2
        if abs(step - x) <= 1e-14 * x:
            return step
        x = step
    return x


def _log_power(x: float, a: int, b: int) -> float:
    """The logarithm of x^a (1 - x)^b / B(a, b)."""
    return lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)


def beta_cumulative(x: float, a: int, b: int) -> float:
    """The regularised incomplete beta function I_x(a, b), 0 < x < 1."""
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast only below this point
        return 1 - beta_cumulative(1 - x, b, a)
    return exp(_log_power(x, a, b)) * _fraction(x, a, b) / a


def _fraction(x: float, a: int, b: int) -> float:
    c = 1.0
    d = value = 1 / _nonzero(1 - (a + b) * x / (a + 1))
    for m in range(1, _STEPS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1 / _nonzero(1 + term * d)
            c = _nonzero(1 + term / c)
            value *= c * d
        if abs(c * d - 1) < _EXACT:
            break
    return value


def _nonzero(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
