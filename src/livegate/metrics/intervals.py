"""Figures of resampled sets, and the intervals that these make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

import numpy as np

from livegate.metrics.rate import checked_confidence
from livegate.metrics.resampling import Weighed
from livegate.metrics.scores import Floats

T = TypeVar("T")
U = TypeVar("U")

_ORACLES = {"bpcer10": 0.1, "bpcer20": 0.05, "bpcer100": 0.01}
_CELLS = 1_000_000
"""Rows times replicates that are weighed at a time: 8 MB an array."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and its limits, low <= high. Of a bootstrap the value may lie outside them: percentiles keep its bias."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures(Generic[T]):
    """The figures that are resampled, each as a ``T``.

    Attributes:
        apcer: of each species, names sorted.
        worst_apcer: the largest of them.
        apcer_pooled: all attacks in one pot; not ISO.
        bpcer: bona fide presentation classification error rate.
        acer: (worst APCER + BPCER) / 2; from the literature, not ISO.
        acer_pooled: (pooled APCER + BPCER) / 2; from the literature, not ISO.
        d_eer: detection equal error rate; an oracle, found on the scores it is measured on.
        auc: P(bona fide score > attack score) + P(equal) / 2.
        bpcer10: BPCER where the worst APCER is at most 10 %; an oracle, None when no threshold reaches that. A replicate that
            does not reach it counts as 1.
        bpcer20: the same at 5 %.
        bpcer100: the same at 1 %.
    """

    apcer: Mapping[str, T]
    worst_apcer: T
    apcer_pooled: T
    bpcer: T
    acer: T
    acer_pooled: T
    d_eer: T
    auc: T
    bpcer10: T | None
    bpcer20: T | None
    bpcer100: T | None


def figures(weighed: Weighed, species: Sequence[str], thresholds: Floats) -> Figures[Floats]:
    """All figures (R,) of R replicates, each at its own threshold (R,); NaN for the APCER of a species that does not occur."""
    apcer, bpcer = weighed.apcer(thresholds), weighed.bpcer(thresholds)
    worst, pooled = np.fmax.reduce(apcer), weighed.apcer_pooled(thresholds)

    def oracle(target: float) -> Floats:
        reached = weighed.at_apcer(target)
        return np.where(np.isnan(reached), 1.0, weighed.bpcer(reached))

    return Figures(
        apcer=dict(zip(species, apcer, strict=True)),
        worst_apcer=worst,
        apcer_pooled=pooled,
        bpcer=bpcer,
        acer=(worst + bpcer) / 2,
        acer_pooled=(pooled + bpcer) / 2,
        d_eer=weighed.d_eer(),
        auc=weighed.auc(),
        **{name: oracle(target) for name, target in _ORACLES.items()},
    )


def point_figures(weighed: Weighed, species: Sequence[str], threshold: float) -> Figures[Floats]:
    """The figures (1,) of the set as it is, one replicate with weights of 1; None for an oracle that no threshold reaches."""
    found = figures(weighed, species, np.array([threshold]))
    unreached: dict[str, Any] = {name: None for name, target in _ORACLES.items() if np.isnan(weighed.at_apcer(target)).any()}
    return replace(found, **unreached)


def each(function: Callable[..., U], *given: Figures[T]) -> dict[str, Any]:
    """The fields of new ``Figures``: a function of each figure of all given, None where one of them has none."""

    def applied(values: Sequence[Any]) -> Any:  # noqa: ANN401 U, or U by species
        if any(value is None for value in values):
            return None
        if isinstance(values[0], Mapping):
            return {name: function(*(value[name] for value in values)) for name in values[0]}
        return function(*values)

    return {field.name: applied([getattr(one, field.name) for one in given]) for field in fields(Figures)}


def percentiles(value: float, drawn: Floats, confidence: float) -> Interval:
    """The interval between the percentiles of the replicates (R,), those left out that are NaN; 0 to 1 if all are.

    Raises:
        ValueError: unless ``confidence`` lies strictly between 0 and 1.
    """
    tail = (1 - checked_confidence(confidence)) / 2
    there = drawn[~np.isnan(drawn)]
    low, high = np.quantile(there, (tail, 1 - tail)) if there.size else (0.0, 1.0)
    return Interval(value, float(low), float(high))


def checked_replicates(replicates: int) -> int:
    """How many sets are drawn, itself.

    Raises:
        ValueError: on fewer than one.
    """
    if replicates < 1:
        raise ValueError(f"{replicates} replicates make no interval; give at least 1, such as 2000")
    return replicates


def chunks(replicates: int, rows: int) -> Iterator[int]:
    """Replicates in parts that fit into little memory.

    Raises:
        ValueError: on fewer than one replicate.
    """
    checked_replicates(replicates)
    largest = max(1, _CELLS // rows)
    for start in range(0, replicates, largest):
        yield min(largest, replicates - start)
