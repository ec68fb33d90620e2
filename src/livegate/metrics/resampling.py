"""Resampling whole clusters, and measuring every resampled set exactly: scores are sorted once, weights are summed along them.

A replicate is a number of copies for each cluster. Nothing is copied: the copies are weights of the rows, and since no weight
moves a score, one sort serves all replicates. Every figure equals, to the rounding of its last division, what ``pad`` and
``thresholds`` would find on the copied rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from livegate.metrics.clusters import By, cluster_codes
from livegate.metrics.codes import Codes, ranked
from livegate.metrics.scores import Floats, Mask, Scores
from livegate.metrics.thresholds import REJECT_ALL, ROUNDING, Rule, attack_scores, bona_fide_scores

_ENOUGH = 64
"""Of so many clusters nearly every replicate has one, and the others need not be looked at."""


class Resampling:
    """Clusters of rows, drawn with replacement within each source.

    From a source as many clusters are drawn as it has. So a subject moves with all its rows, bona fide and attacks alike, and every
    source keeps its size in clusters; a source of one cluster does not vary. What a cluster holds decides nothing: how many people
    show what is chance, too, and intervals that keep it fixed hold the truth less often (``benchmarks/interval_coverage.py``).

    A replicate without bona fide or without attacks is drawn again. A species may be missing from one; it has no rate there.

    Attributes:
        clusters: (N,) int64; the cluster of each row.
        count: how many clusters there are.
    """

    def __init__(self, scores: Scores, by: By) -> None:
        self.clusters = cluster_codes(scores, by)
        _, first = np.unique(self.clusters, return_index=True)
        # Clusters are numbered by source first.
        _, start, size = np.unique(ranked(scores.source)[first], return_index=True, return_counts=True)
        self.count = first.size
        self._start, self._size = np.repeat(start, size), np.repeat(size, size)
        holders = (np.unique(self.clusters[rows]) for rows in (scores.bona_fide, ~scores.bona_fide))
        self._holders = [clusters for clusters in holders if clusters.size]

    def draw(self, generator: np.random.Generator, replicates: int) -> Codes:
        """How often each cluster occurs in each replicate, (replicates, count) int64; replicates is at least 1."""
        kept: list[Codes] = []
        while missing := replicates - sum(map(len, kept)):  # never more than are missing: drawing by parts gives the same
            counts = self._drawn(generator, missing)
            kept.append(counts[self._complete(counts)])
        return np.concatenate(kept)

    def once(self) -> Codes:
        """The set as it is: one replicate in which each cluster occurs once, (1, count) int64."""
        return np.ones((1, self.count), np.int64)

    def _drawn(self, generator: np.random.Generator, replicates: int) -> Codes:
        picked = (generator.random((replicates, self.count)) * self._size).astype(np.int64) + self._start
        picked += np.arange(replicates)[:, np.newaxis] * self.count
        return np.bincount(picked.ravel(), minlength=picked.size).reshape(picked.shape)

    def _complete(self, counts: Codes) -> Mask:
        """Which replicates have every class that there is."""
        return np.asarray(np.logical_and.reduce([_occurs(counts, clusters) for clusters in self._holders]))


def _occurs(counts: Codes, clusters: Codes) -> Mask:
    """(R,) in which replicates one of these clusters was drawn."""
    some: Mask = np.any(counts[:, clusters[:_ENOUGH]], axis=1)
    return some if some.all() else np.any(counts[:, clusters], axis=1)


@dataclass(frozen=True, slots=True)
class Block:
    """Scores (n,) of one class, rising, and the cluster of each (n,) int64."""

    scores: Floats
    clusters: Codes

    @classmethod
    def of(cls, scores: Floats, clusters: Codes) -> Self:
        """The block of unsorted scores."""
        order = np.argsort(scores)
        return cls(scores[order], clusters[order])

    def cumulated(self, counts: Codes) -> Codes:
        """(replicates, n + 1) int64: at k the weight of the k lowest scores, for the weights of the clusters."""
        weights = np.zeros((len(counts), self.scores.size + 1), np.int64)
        np.cumsum(np.take(counts, self.clusters, axis=1), axis=1, out=weights[:, 1:])
        return weights

    def below(self, thresholds: Floats) -> Codes:
        """How many scores, weighing one each, lie below each threshold."""
        return np.searchsorted(self.scores, thresholds, "left")


class Ordered:
    """One set of scores, sorted once, class by class.

    Attributes:
        bona_fide: bona fide scores, -inf = no response.
        sources: the same for each source.
        attacks: species → scores, +inf = no response; names sorted.
        grid: (K,) every score, 0 and ``REJECT_ALL``, rising: no rate changes between two of them.
        overtaken: two (n,) int64 for each species: how many bona fide scores lie below each of its own, and how many not above;
            one and the same array where no two are equal.

    Raises:
        MetricError: when one class is missing.
    """

    def __init__(self, scores: Scores, clusters: Codes) -> None:
        bona, values = scores.bona_fide, bona_fide_scores(scores.values, scores.species)
        source = ranked(scores.source[bona])
        owner = clusters[bona]
        self.bona_fide = Block.of(values, owner)
        self.sources = [Block.of(values[source == one], owner[source == one]) for one in range(int(source.max()) + 1)]
        attacks = attack_scores(scores.values, scores.species)
        self.attacks = {name: Block.of(attack, clusters[scores.species == name]) for name, attack in attacks.items()}
        heard = scores.values[scores.responded]
        self.grid: Floats = np.unique(np.concatenate((heard, (0.0, REJECT_ALL))))
        self.overtaken = [self._overtaken(block.scores) for block in self.attacks.values()]

    def _overtaken(self, attack: Floats) -> tuple[Codes, Codes]:
        low, high = (np.searchsorted(self.bona_fide.scores, attack, side) for side in ("left", "right"))
        return low, low if np.array_equal(low, high) else high


class Weighed:
    """One set in R replicates: its figures for the weights that each replicate gives to the clusters.

    Args:
        ordered: the set.
        counts: (R, clusters) int64.
    """

    def __init__(self, ordered: Ordered, counts: Codes) -> None:
        self._set, self._counts, self._replicates = ordered, counts, np.arange(len(counts))

    @cached_property
    def _bona_fide(self) -> Codes:
        return self._set.bona_fide.cumulated(self._counts)

    @cached_property
    def _attacks(self) -> list[Codes]:
        return [block.cumulated(self._counts) for block in self._set.attacks.values()]

    def bpcer(self, thresholds: Floats) -> Floats:
        """(R,) BPCER of each replicate at its own threshold (R,)."""
        return np.asarray(self._rejected(thresholds) / self._trials[1])

    def apcer(self, thresholds: Floats) -> Floats:
        """(species, R) APCER of each replicate at its own threshold (R,); NaN where a species does not occur."""
        with np.errstate(invalid="ignore"):
            return np.stack([accepted / total for accepted, total in self._accepted(thresholds)])

    def apcer_pooled(self, thresholds: Floats) -> Floats:
        """(R,) pooled APCER of each replicate at its own threshold (R,)."""
        return np.asarray(self._accepted_pooled(thresholds) / self._trials[0])

    def auc(self) -> Floats:
        """(R,) P(bona fide score > attack score) + P(equal) / 2."""
        worse = np.zeros(self._replicates.size, np.int64)  # twice the weight of bona fide below an attack
        for (low, high), weights in zip(self._set.overtaken, self._attacks, strict=True):
            below = np.take(self._bona_fide, low, axis=1)
            below += below if low is high else np.take(self._bona_fide, high, axis=1)
            worse += np.einsum("ij,ij->i", np.diff(weights, axis=1), below)
        attacks, bona_fide = self._trials
        return np.asarray(1 - worse / (2 * attacks * bona_fide))

    def d_eer(self) -> Floats:
        """(R,) detection equal error rate, interpolated as ``pad.d_eer`` does."""
        after = self._first(lambda place: self._gap(place) <= 0, self._set.grid.size)
        before = np.maximum(after - 1, 0)
        here, there = self._set.grid[after], self._set.grid[before]
        apcer, apcer_before = self.apcer_pooled(here), self.apcer_pooled(there)
        gap, gap_before = apcer - self.bpcer(here), apcer_before - self.bpcer(there)
        along = np.divide(gap_before, gap_before - gap, out=np.ones_like(gap), where=gap_before > gap)
        return apcer_before + along * (apcer - apcer_before)

    def threshold(self, rule: Rule) -> Floats:
        """(R,) the threshold that a rule sets on each replicate.

        Where no threshold meets the rule, since too many gave no response, it is the one that comes nearest: 0 for a limit of
        BPCER, ``REJECT_ALL`` for one of APCER.
        """
        if rule.name == "fixed":
            return np.full(self._replicates.size, rule.target)
        if rule.name == "bpcer":
            return self._at_bpcer(rule.target, [self._set.bona_fide] if rule.pooled else self._set.sources)
        return np.nan_to_num(self.at_apcer(rule.target), nan=REJECT_ALL) if rule.name == "apcer" else self._at_equal_error()

    def at_apcer(self, target: float) -> Floats:
        """(R,) the smallest threshold at which each species that occurs has APCER <= ``target``; NaN where there is none."""
        value = np.zeros(self._replicates.size)
        for block, weights in zip(self._set.attacks.values(), self._attacks, strict=True):
            value = np.maximum(value, self._above(block, weights, target))
        return np.where(value > REJECT_ALL, np.nan, value)

    def _above(self, block: Block, weights: Codes, target: float) -> Floats:
        """The float64 step above the highest score of one species that must be rejected; 0 where it does not occur."""
        total = weights[:, -1]
        rejected = total - np.floor(target * total + ROUNDING).astype(np.int64)
        place = self._first(lambda at: weights[self._replicates, at + 1] >= rejected, block.scores.size)
        return np.where(total > 0, np.nextafter(block.scores[place], np.inf), 0.0)

    def _at_bpcer(self, target: float, blocks: Sequence[Block]) -> Floats:
        scores = self._set.bona_fide.scores
        grid = np.unique(np.append(scores[np.isfinite(scores)], 0.0))
        parts = [(block.below(grid), block.cumulated(self._counts)) for block in blocks]

        def missed(place: Codes) -> Mask:
            with np.errstate(invalid="ignore"):  # a source without bona fide in this replicate has no share
                shares = [weights[self._replicates, below[place]] / weights[:, -1] for below, weights in parts]
            return np.asarray(np.nanmean(shares, axis=0) > target + ROUNDING)

        last = self._first(missed, grid.size) - 1  # never a score of weight 0: where it fits, the next one up fits too
        return grid[np.maximum(last, 0)]

    def _at_equal_error(self) -> Floats:
        """As ``thresholds.at_equal_error``; where the errors stay the same over scores of weight 0 the highest one counts."""
        crossed = self._first(lambda place: self._gap(place) <= 0, self._set.grid.size)
        lowest = self._gap(crossed)
        after = self._first(lambda place: self._gap(place) < lowest, self._set.grid.size) - 1
        before = np.maximum(crossed - 1, 0)
        gap, gap_before, both, both_before = -lowest, self._gap(before), self._sum(after), self._sum(before)
        nearer = (gap_before < gap) | ((gap_before == gap) & (both_before < both))
        return self._set.grid[np.where((crossed > 0) & nearer, before, after)]

    def _gap(self, place: Codes) -> Codes:
        """APCER - BPCER at these places of the grid (R,), over one denominator: exact in integers."""
        apcer, bpcer = self._over_one_denominator(place)
        return apcer - bpcer

    def _sum(self, place: Codes) -> Codes:
        apcer, bpcer = self._over_one_denominator(place)
        return apcer + bpcer

    def _over_one_denominator(self, place: Codes) -> tuple[Codes, Codes]:
        thresholds, (attacks, bona_fide) = self._set.grid[place], self._trials
        return self._accepted_pooled(thresholds) * bona_fide, self._rejected(thresholds) * attacks

    @cached_property
    def _trials(self) -> tuple[Codes, Codes]:
        """The weight of all attacks and of all bona fide."""
        return np.sum([weights[:, -1] for weights in self._attacks], axis=0), self._bona_fide[:, -1]

    def _accepted(self, thresholds: Floats) -> Iterator[tuple[Codes, Codes]]:
        """The weight of the attacks accepted, and of all attacks, of each species."""
        for block, weights in zip(self._set.attacks.values(), self._attacks, strict=True):
            yield weights[:, -1] - weights[self._replicates, block.below(thresholds)], weights[:, -1]

    def _accepted_pooled(self, thresholds: Floats) -> Codes:
        return np.asarray(np.sum([accepted for accepted, _ in self._accepted(thresholds)], axis=0))

    def _rejected(self, thresholds: Floats) -> Codes:
        """The weight of the bona fide rejected."""
        return self._bona_fide[self._replicates, self._set.bona_fide.below(thresholds)]

    def _first(self, holds: Callable[[Codes], Mask], size: int) -> Codes:
        """(R,) the first place of 0..size - 1 at which a condition holds that never ends once it holds; size where it never does.

        All replicates are searched at once, each by halves.
        """
        low, high = np.zeros_like(self._replicates), np.full_like(self._replicates, size)
        while (unsettled := low < high).any():
            middle = np.minimum((low + high) // 2, size - 1)
            found = holds(middle)
            high = np.where(unsettled & found, middle, high)
            low = np.where(unsettled & ~found, middle + 1, low)
        return low
