"""Rates of every group that a column makes: sources, subjects, or a fact such as age, where a set has one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import hypot, sqrt
from statistics import NormalDist
from typing import cast

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.bootstrap import require_one_configuration
from livegate.metrics.codes import Text, factorise
from livegate.metrics.pad import worst, wrong_at
from livegate.metrics.rate import Rate, checked_confidence
from livegate.metrics.scores import Scores
from livegate.metrics.thresholds import Threshold

UNKNOWN = "(unknown)"
"""The group of the rows whose cell is empty."""

_COLUMNS = ("source", "subject", "split")
_TOLD = {
    "species": "the APCER of each species is told anyway",
    "configuration": "each configuration is told by itself anyway",
}


@dataclass(frozen=True, slots=True)
class Group:
    """The rates of one group; a class that it lacks has none.

    Attributes:
        name: the value of the column, or ``UNKNOWN``.
        apcer: of each species that the group holds, names sorted.
        bpcer: None without bona fide presentations.
        apnrr: attacks without a response; None without attacks.
        bpnrr: bona fide presentations without a response.
    """

    name: str
    apcer: Mapping[str, Rate]
    bpcer: Rate | None
    apnrr: Rate | None
    bpnrr: Rate | None

    @property
    def worst_apcer(self) -> tuple[str, Rate] | None:
        """The species with the highest APCER, of equals as ``pad.worst`` says; None without attacks."""
        return worst(self.apcer) if self.apcer else None


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference of one rate between two groups.

    Attributes:
        species: whose APCER it is; empty for BPCER.
        low: the group with the lowest rate.
        high: the group with the highest rate.
        low_rate: of that group.
        high_rate: of that group.
        interval: of the difference, by Newcombe's hybrid score method. It does not allow for the two groups having been picked
            as the furthest apart, nor for trials that are not independent.
    """

    species: str
    low: str
    high: str
    low_rate: Rate
    high_rate: Rate
    interval: tuple[float, float]

    @property
    def value(self) -> float:
        """The difference, 0 to 1."""
        return self.high_rate.value - self.low_rate.value


@dataclass(frozen=True, slots=True)
class Groups:
    """What ``by_column`` found.

    Attributes:
        column: what makes the groups.
        threshold: where the rates hold.
        groups: sorted by name, the unknown last.
        bpcer_gap: None with fewer than two groups that have bona fide presentations.
        apcer_gap: the largest over all species, like compared with like; None where no two groups share a species.
    """

    column: str
    threshold: Threshold
    groups: tuple[Group, ...]
    bpcer_gap: Gap | None
    apcer_gap: Gap | None


def by_column(scores: Scores, column: str, threshold: Threshold, confidence: float = 0.95) -> Groups:
    """The rates of every value of a column at one threshold, and the largest gaps between them.

    Args:
        scores: rows of one configuration; rows are the trials, so give presentations for the headline.
        column: source, subject, split or a fact. Rows with an empty cell are a group of their own, ``UNKNOWN``.
        threshold: set elsewhere.
        confidence: of the intervals of the gaps.

    Raises:
        MetricError: on a column that the scores do not have, rows of several configurations, or unlabelled scores.
        ValueError: unless ``confidence`` lies strictly between 0 and 1.
    """
    require_one_configuration(scores)
    text = _column(scores, column)
    if not scores.labelled:
        raise MetricError("the scores have no labels; add the column species (empty = bona fide) to the index")
    names, group = factorise(np.where(text == "", UNKNOWN, text))
    kinds, kind = factorise(scores.species)
    there, cell = np.unique(group * len(kinds) + kind, return_inverse=True)
    trials, wrong, silent = (
        np.bincount(cell[rows], minlength=there.size).tolist()
        for rows in (slice(None), wrong_at(scores, threshold), ~scores.responded)
    )
    errors: dict[str, dict[str, Rate]] = {name: {} for name in names}
    silence: dict[str, dict[str, Rate]] = {name: {} for name in names}
    for place, (one, other) in enumerate(zip(*np.divmod(there, len(kinds)), strict=True)):
        errors[names[one]][kinds[other]] = Rate(wrong[place], trials[place])
        silence[names[one]][kinds[other]] = Rate(silent[place], trials[place])
    order = sorted(names, key=lambda name: (name == UNKNOWN, name))
    groups = tuple(_group(name, errors[name], silence[name]) for name in order)
    gaps = _gaps(groups, confidence)
    bpcer_gap = gaps.pop("", None)
    return Groups(column, threshold, groups, bpcer_gap, max(gaps.values(), key=lambda gap: gap.value, default=None))


def newcombe(one: Rate, two: Rate, confidence: float = 0.95) -> tuple[float, float]:
    """The interval of ``one`` - ``two``, two independent rates: Newcombe's hybrid score method, from their Wilson intervals.

    R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17 (1998),
    method 10.

    Raises:
        ValueError: unless ``confidence`` lies strictly between 0 and 1.
    """
    difference = one.value - two.value
    (low_one, high_one), (low_two, high_two) = _wilson(one, confidence), _wilson(two, confidence)
    return (
        difference - hypot(one.value - low_one, high_two - two.value),
        difference + hypot(high_one - one.value, two.value - low_two),
    )


def _wilson(rate: Rate, confidence: float) -> tuple[float, float]:
    z = NormalDist().inv_cdf((1 + checked_confidence(confidence)) / 2)
    n, middle = rate.trials, rate.errors + z * z / 2
    spread = z * sqrt(rate.errors * (n - rate.errors) / n + z * z / 4)
    return max(0.0, (middle - spread) / (n + z * z)), min(1.0, (middle + spread) / (n + z * z))


def _column(scores: Scores, column: str) -> Text:
    if column in _COLUMNS:
        return cast("Text", getattr(scores, column))
    if column in _TOLD:
        raise MetricError(
            f"there is nothing to group by {column}: {_TOLD[column]}; columns are {', '.join((*_COLUMNS, *scores.facts))}"
        )
    if column not in scores.facts:
        raise MetricError(
            f"the scores have no column {column!r} to group by; columns are {', '.join((*_COLUMNS, *scores.facts))}"
        )
    return scores.facts[column]


def _group(name: str, errors: Mapping[str, Rate], silence: Mapping[str, Rate]) -> Group:
    """One group from its rates by species, bona fide under the empty text."""
    species = sorted(set(errors) - {""})
    attacks = [silence[one] for one in species]
    apnrr = Rate(sum(rate.errors for rate in attacks), sum(rate.trials for rate in attacks)) if attacks else None
    return Group(name, {one: errors[one] for one in species}, errors.get(""), apnrr, silence.get(""))


def _gaps(groups: Sequence[Group], confidence: float) -> dict[str, Gap]:
    """The largest gap of each species, and of bona fide under the empty text, where two groups have a rate."""
    rates: defaultdict[str, list[tuple[str, Rate]]] = defaultdict(list)
    for group in groups:
        for species, rate in group.apcer.items():
            rates[species].append((group.name, rate))
        if group.bpcer:
            rates[""].append((group.name, group.bpcer))
    found = {}
    for species, of_groups in sorted(rates.items()):
        if len(of_groups) > 1:
            (low, low_rate), *_, (high, high_rate) = sorted(of_groups, key=lambda item: item[1].value)
            found[species] = Gap(species, low, high, low_rate, high_rate, newcombe(high_rate, low_rate, confidence))
    return found
