"""Intervals for presentations that are not independent: the cluster bootstrap, threshold and all.

The threshold is set on dev, so dev is resampled too, independently of test, and the rule sets its threshold anew in each
replicate. ``resampling.Resampling`` tells how clusters are drawn. Intervals are percentiles of the replicates. What they cannot
show:

- What did not occur: a rate without errors has the interval [0, 0]. There the exact bound of ``Rate`` is the one to read.
- More than the clusters hold: with few of them intervals are too narrow (``benchmarks/interval_coverage.py``). A class held by one cluster alone gets [0, 1].
- The worst APCER without bias: the maximum over species is taken anew in each replicate, and chance raises a maximum more often
  than it lowers it. **Its interval is biased upward**, and so is that of the ACER made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.clusters import By
from livegate.metrics.codes import Codes
from livegate.metrics.intervals import Figures, Interval, chunks, each, figures, percentiles, point_figures
from livegate.metrics.resampling import Ordered, Resampling, Weighed
from livegate.metrics.scores import Floats, Scores
from livegate.metrics.thresholds import Rule
from livegate.sample import BONA_FIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals(Figures[Interval]):
    """Bootstrap intervals of one configuration's figures on test, at the threshold from dev.

    Attributes:
        threshold: its limits show how much it hangs on dev's clusters.
        by: what a cluster is.
        clusters: how many clusters of test hold each class: each species, and bona fide under the name ``BONA_FIDE``.
        replicates: how many sets were drawn.
        seed: of the draws.
        confidence: of each interval, two-sided.
    """

    threshold: Interval
    by: By
    clusters: Mapping[str, int]
    replicates: int
    seed: int
    confidence: float


def bootstrap(  # noqa: PLR0913 - how to draw is the caller's to say
    dev: Scores,
    test: Scores,
    rule: Rule,
    *,
    by: By = "subject",
    replicates: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    advance: Callable[[int], None] = lambda _: None,
) -> Intervals:
    """Percentile intervals of one configuration, from resampled clusters of dev and of test.

    Rows are the trials: give presentations (``Scores.by_clip``) for the headline. The same seed gives the same intervals,
    whatever the order of rows.

    Args:
        dev: what the rule sets its threshold on.
        test: what is measured.
        rule: set anew on each replicate of dev. Where a replicate cannot meet it, since too many gave no response, the threshold
            is the one that comes nearest (``resampling.Weighed.threshold``).
        by: what is drawn: subjects with all their rows, or clips.
        replicates: how many sets are drawn, at least 1.
        seed: of the draws, at least 0.
        confidence: of each interval, two-sided, strictly between 0 and 1.
        advance: called with the number of replicates done since the last call.

    Raises:
        MetricError: on rows of several configurations, a missing class, or a rule that dev cannot meet.
        ValueError: on replicates, a seed or a confidence outside their limits.
    """
    require_one_configuration(dev, test)
    threshold = rule.threshold(dev.values, dev.species, dev.source, "dev").value
    draws, dev_draws = Resampling(test, by), Resampling(dev, by)
    ordered, dev_ordered = Ordered(test, draws.clusters), Ordered(dev, dev_draws.clusters)
    species = tuple(ordered.attacks)
    chance, dev_chance = np.random.default_rng(seed).spawn(2)
    thresholds: list[Floats] = []
    drawn: list[Figures[Floats]] = []
    for count in chunks(replicates, len(dev) + len(test)):
        thresholds.append(Weighed(dev_ordered, dev_draws.draw(dev_chance, count)).threshold(rule))
        drawn.append(figures(Weighed(ordered, draws.draw(chance, count)), species, thresholds[-1]))
        advance(count)

    def interval(value: Floats, *parts: Floats) -> Interval:
        return percentiles(float(value[0]), np.concatenate(parts), confidence)

    clusters = _holding(test, draws.clusters)
    found = each(interval, point_figures(Weighed(ordered, draws.once()), species, threshold), *drawn)
    found["apcer"] = {name: _known(rate, clusters[name]) for name, rate in found["apcer"].items()}
    bona_fide, attacks = clusters[BONA_FIDE], np.unique(draws.clusters[~test.bona_fide]).size
    fewest = min(number for name, number in clusters.items() if name != BONA_FIDE)
    held_by = {"bpcer": bona_fide, "apcer_pooled": attacks, "worst_apcer": fewest, "acer": min(fewest, bona_fide)}
    held_by |= dict.fromkeys(("acer_pooled", "d_eer", "auc"), min(attacks, bona_fide))
    held_by |= dict.fromkeys(("bpcer10", "bpcer20", "bpcer100"), min(fewest, bona_fide))
    for name, number in held_by.items():
        found[name] = found[name] and _known(found[name], number)
    return Intervals(
        **found,
        threshold=interval(np.array([threshold]), *thresholds),
        by=by,
        clusters=clusters,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    )


def require_one_configuration(*parts: Scores) -> None:
    """Check that all rows are of one and the same configuration.

    Raises:
        MetricError: naming those found.
    """
    found = sorted({repr(name) for part in parts for name in part.configurations})
    if len(found) > 1:
        raise MetricError(f"the scores hold the configurations {', '.join(found)}; pick the rows of one, the same in each set")


def _holding(scores: Scores, clusters: Codes) -> dict[str, int]:
    """How many clusters hold each class."""
    names = sorted(set(scores.species.tolist()))
    return {name or BONA_FIDE: np.unique(clusters[scores.species == name]).size for name in names}


def _known(rate: Interval, clusters: int) -> Interval:
    """What one cluster alone shows of a rate is nothing."""
    return rate if clusters > 1 else replace(rate, low=0.0, high=1.0)
