"""What a report draws: error curves, histograms of the scores, and how far a score may be read as a probability."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.codes import Codes, Text
from livegate.metrics.scores import Floats, Mask, logit
from livegate.metrics.thresholds import attack_scores, bona_fide_scores, steps

_FURTHEST = 20.0
"""Logits beyond this, a score nearer to 0 or 1 than 2e-9, share the outermost bins."""


@dataclass(frozen=True, slots=True)
class Curve:
    """APCER against BPCER over thresholds: a DET curve on probit axes, a ROC curve as 1 - BPCER against APCER.

    The curve is a staircase of exact corners; between two of them nothing lies outside the rectangle that they span.

    Attributes:
        thresholds: (n,) rising, from 0 to ``REJECT_ALL``.
        apcer: (n,) falling.
        bpcer: (n,) rising.
    """

    thresholds: Floats
    apcer: Floats
    bpcer: Floats


@dataclass(frozen=True, slots=True)
class Curves:
    """The curve of all attacks in one pot (not ISO) and of each species, names sorted."""

    pooled: Curve
    species: Mapping[str, Curve]


def curves(values: Floats, species: Text, points: int = 400) -> Curves:
    """The error curves of one configuration.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        points: at most so many corners a curve, at least 4. Where there are more, those are kept that lie evenly along the
            curve, on linear and on logit axes alike, with both ends of every long step.

    Raises:
        MetricError: when one class is missing.
        ValueError: on fewer than 4 points.
    """
    if points < 4:
        raise ValueError(f"{points} points make no curve; give at least 4")
    bona_fide, attacks = bona_fide_scores(values, species), attack_scores(values, species)
    pooled = np.concatenate(list(attacks.values()))
    return Curves(curve(bona_fide, pooled, points), {name: curve(bona_fide, one, points) for name, one in attacks.items()})


def curve(bona_fide: Floats, attack: Floats, points: int) -> Curve:
    """One error curve of scores (N,) that should be accepted, here bona fide, and of those (M,) that should not."""
    thresholds, accepted, rejected = steps(bona_fide, attack)
    corners = np.flatnonzero(_turns(accepted, rejected))
    if corners.size > points:
        rates = [(accepted[corners] / attack.size, attack.size), (rejected[corners] / bona_fide.size, bona_fide.size)]
        along = np.sum([_length(axis) for rate, trials in rates for axis in (rate, _stretched(rate, trials))], axis=0)
        after = np.searchsorted(along, np.linspace(0, along[-1], points // 2))
        corners = corners[np.unique(np.concatenate((np.maximum(after - 1, 0), after)))]
    return Curve(thresholds[corners], accepted[corners] / attack.size, rejected[corners] / bona_fide.size)


def _turns(accepted: Codes, rejected: Codes) -> Mask:
    """Which points are corners: both ends, and wherever the direction changes."""
    falls, rises = np.diff(accepted) != 0, np.diff(rejected) != 0
    straight = (falls[1:] == falls[:-1]) & (rises[1:] == rises[:-1]) & (falls[1:] != rises[1:])
    moved = falls[:-1] | rises[:-1]
    return np.concatenate(([True], moved & ~straight, [True]))


def _stretched(rate: Floats, trials: int) -> Floats:
    """A rate on the logit scale, near enough to the probit one, 0 and 1 as half an error away."""
    return logit(np.clip(rate, 0.5 / trials, 1 - 0.5 / trials))


def _length(axis: Floats) -> Floats:
    """The way along one axis up to each point, 0 to 1."""
    way = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(axis)))))
    return way / way[-1] if way[-1] else way


@dataclass(frozen=True, slots=True)
class Histogram:
    """How often each class got which score, in bins on the logit scale, ln(score / (1 - score)).

    Attributes:
        edges: (bins + 1,) on the logit scale; scores beyond are counted in the outermost bins.
        bona_fide: (bins,) counts.
        attacks: species → (bins,) counts, names sorted.
        silent: how many rows gave no response and are in no bin.
    """

    edges: Floats
    bona_fide: Codes
    attacks: Mapping[str, Codes]
    silent: int


def histogram(values: Floats, species: Text, bins: int = 60) -> Histogram:
    """Count the scores of each class in bins of equal width, over the range that occurs.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        bins: at least 1.

    Raises:
        MetricError: when one class is missing.
        ValueError: on fewer than one bin.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins hold nothing; give at least 1")
    classes = {"": bona_fide_scores(values, species), **attack_scores(values, species)}
    heard = {name: np.clip(logit(one[np.isfinite(one)]), -_FURTHEST, _FURTHEST) for name, one in classes.items()}
    everything = np.concatenate(list(heard.values()))
    # Numpy widens a range of one value by half a unit to each side.
    edges = np.histogram_bin_edges(everything, bins) if everything.size else np.linspace(-_FURTHEST, _FURTHEST, bins + 1)
    counts = {name: np.histogram(one, edges)[0].astype(np.int64) for name, one in heard.items()}
    bona_fide = counts.pop("")
    return Histogram(edges, bona_fide, counts, values.size - everything.size)


@dataclass(frozen=True, slots=True)
class Reliability:
    """Whether a score of 0.8 means that 80 % of such presentations are bona fide.

    **The mix of the set enters**: with fewer attacks for one bona fide every share rises, and the same scores are off by other
    amounts. Read it as a statement about this set, whose share of bona fide is ``prior``.

    Attributes:
        score: (n,) the mean score of each bin that holds rows, rising.
        share: (n,) how many of its rows are bona fide.
        count: (n,) its rows.
        prior: the share of bona fide among all rows that gave a response.
        error: expected calibration error: the mean of |score - share| over bins, weighed by their rows.
        silent: how many rows gave no response and are left out.
    """

    score: Floats
    share: Floats
    count: Codes
    prior: float
    error: float
    silent: int


def reliability(values: Floats, species: Text, bins: int = 10) -> Reliability:
    """Compare scores with what they turned out to be, in bins of equal width over 0..1.

    Args:
        values: (N,) float64 scores within 0..1, NaN = no response.
        species: (N,) text, empty = bona fide.
        bins: at least 1.

    Raises:
        MetricError: when nothing gave a response.
        ValueError: on fewer than one bin.
    """
    if bins < 1:
        raise ValueError(f"{bins} bins hold nothing; give at least 1")
    heard = ~np.isnan(values)
    if not heard.any():
        raise MetricError("no presentation gave a response, so there is no score to compare")
    order = np.argsort(values[heard])  # so that the order of rows cannot change a sum
    scores, bona_fide = values[heard][order], species[heard][order] == ""
    place = np.minimum((scores * bins).astype(np.int64), bins - 1)
    count = np.bincount(place, minlength=bins)
    there = count > 0
    score, share = (np.bincount(place, weights, minlength=bins)[there] / count[there] for weights in (scores, bona_fide))
    error = float(np.average(abs(score - share), weights=count[there]))
    return Reliability(score, share, count[there], float(bona_fide.mean()), error, int((~heard).sum()))
