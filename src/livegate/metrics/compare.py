"""Two models on the same presentations: what their differences are worth.

Differences are b - a, so of an error rate negative is in favour of b. Their intervals come from a paired cluster bootstrap: both
models are measured on the same resampled clusters, at thresholds that stay where they were set. McNemar's test asks the same of
the decisions alone, and **assumes independent trials**: where subjects or prints occur several times, believe the bootstrap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from livegate.errors import MetricError
from livegate.metrics.bootstrap import require_one_configuration
from livegate.metrics.clusters import By
from livegate.metrics.intervals import Figures, Interval, chunks, each, figures, percentiles, point_figures
from livegate.metrics.pad import PadReport, measure, wrong_at
from livegate.metrics.rate import beta_cumulative
from livegate.metrics.resampling import Ordered, Resampling, Weighed
from livegate.metrics.scores import Floats, Mask, Scores
from livegate.metrics.thresholds import Threshold
from livegate.sample import BONA_FIDE

SHOWN = 5
"""How many presentations that only one model has an error names."""


@dataclass(frozen=True, slots=True)
class McNemar:
    """How two models fared on the same trials, which the test takes to be independent.

    Attributes:
        both_right: both decided rightly.
        only_a_wrong: a erred, b did not.
        only_b_wrong: b erred, a did not.
        both_wrong: both erred.
    """

    both_right: int
    only_a_wrong: int
    only_b_wrong: int
    both_wrong: int

    @property
    def p_value(self) -> float:
        """Exact and two-sided: the chance of a split of the disagreements at least as uneven, were both equally good."""
        fewer, more = sorted((self.only_a_wrong, self.only_b_wrong))
        # P(X <= k) of n fair coins is the incomplete beta function I_1/2(n - k, k + 1).
        return 1.0 if fewer == more else min(1.0, 2 * beta_cumulative(0.5, more, fewer + 1))


@dataclass(frozen=True, slots=True)
class Comparison:
    """Model b against model a on the same presentations.

    Attributes:
        a: a at its threshold.
        b: b at its threshold.
        differences: b - a, with bootstrap intervals; that of the worst APCER is a difference of two maxima, perhaps of different
            species.
        bona_fide: the decisions on bona fide presentations.
        attacks: the decisions on attacks, all species in one pot.
        by: what was drawn.
        clusters: how many there are.
        replicates: how many sets were drawn.
        seed: of the draws.
        confidence: of each interval, two-sided.
    """

    a: PadReport
    b: PadReport
    differences: Figures[Interval]
    bona_fide: McNemar
    attacks: McNemar
    by: By
    clusters: int
    replicates: int
    seed: int
    confidence: float


def compare(  # noqa: PLR0913 - how to draw is the caller's to say
    a: Scores,
    b: Scores,
    threshold_a: Threshold,
    threshold_b: Threshold,
    *,
    by: By = "subject",
    replicates: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
    advance: Callable[[int], None] = lambda _: None,
) -> Comparison:
    """Compare two models that scored the same presentations, each at a threshold that was set elsewhere.

    Frames are first taken together by clip. A presentation is known by its source, split, species and clip, or by its name where
    it has no clip; the rows may stand in any order. Subjects are those of ``a``.

    Args:
        a: scores of one configuration.
        b: scores of one configuration, of the same model or another.
        threshold_a: where a decides, for presentations.
        threshold_b: where b decides, for presentations.
        by: what is drawn: subjects with all their presentations, or clips.
        replicates: how many sets are drawn, at least 1.
        seed: of the draws, at least 0.
        confidence: of each interval, two-sided, strictly between 0 and 1.
        advance: called with the number of replicates done since the last call.

    Raises:
        MetricError: on presentations that only one of them has (a different label counts as such), rows of several
            configurations, or a missing class.
        ValueError: on replicates, a seed or a confidence outside their limits.
    """
    require_one_configuration(a)
    require_one_configuration(b)
    a, b = _paired(a.by_clip(), b.by_clip())
    draws = Resampling(a, by)
    sets = [(Ordered(one, draws.clusters), at.value) for one, at in ((a, threshold_a), (b, threshold_b))]
    species = tuple(sets[0][0].attacks)

    def differences(one: Figures[Floats], two: Figures[Floats]) -> Figures[Floats]:
        return Figures(**each(lambda first, second: second - first, one, two))

    chance = np.random.default_rng(seed)
    drawn: list[Figures[Floats]] = []
    for count in chunks(replicates, 2 * len(a)):
        counts = draws.draw(chance, count)
        drawn.append(differences(*(figures(Weighed(one, counts), species, np.full(count, at)) for one, at in sets)))
        advance(count)

    def interval(value: Floats, *parts: Floats) -> Interval:
        return percentiles(float(value[0]), np.concatenate(parts), confidence)

    point = differences(*(point_figures(Weighed(one, draws.once()), species, at) for one, at in sets))
    bona, wrong_a, wrong_b = a.bona_fide, wrong_at(a, threshold_a), wrong_at(b, threshold_b)
    return Comparison(
        a=_report(a, threshold_a),
        b=_report(b, threshold_b),
        differences=Figures(**each(interval, point, *drawn)),
        bona_fide=_mcnemar(wrong_a[bona], wrong_b[bona]),
        attacks=_mcnemar(wrong_a[~bona], wrong_b[~bona]),
        by=by,
        clusters=draws.count,
        replicates=replicates,
        seed=seed,
        confidence=confidence,
    )


def _paired(a: Scores, b: Scores) -> tuple[Scores, Scores]:
    """Both with the rows of a presentation at the same place."""
    keys_a, keys_b = _presentations(a), _presentations(b)
    places = {key: row for row, key in enumerate(keys_b)}
    only = {"a": [key for key in keys_a if key not in places], "b": sorted(places.keys() - set(keys_a))}
    if told := [f"only {name} has {len(keys)}: {_listed(keys)}" for name, keys in only.items() if keys]:
        raise MetricError(f"the two did not score the same presentations; {'; '.join(told)}; score one index with both")
    return a, b.where(np.array([places[key] for key in keys_a], np.int64))


def _presentations(scores: Scores) -> list[tuple[str, ...]]:
    name = np.where(scores.clip == "", scores.names, "")
    columns = (scores.clip, name, scores.species, scores.source, scores.split)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _listed(keys: Sequence[tuple[str, ...]]) -> str:
    def told(key: tuple[str, ...]) -> str:
        clip, name, species, *_ = key
        return f"{(clip or name)!r} ({species or BONA_FIDE})"

    more = len(keys) - SHOWN
    return ", ".join(told(key) for key in keys[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _mcnemar(a: Mask, b: Mask) -> McNemar:
    """The table of two masks (N,) of errors."""
    return McNemar(int((~a & ~b).sum()), int((a & ~b).sum()), int((~a & b).sum()), int((a & b).sum()))


def _report(scores: Scores, threshold: Threshold) -> PadReport:
    configuration = scores.configurations[0]
    return measure(scores.values, scores.species, threshold, configuration=configuration, unit="presentation")
