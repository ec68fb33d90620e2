"""What a report tells of its headline configurations alone: curves of species, scores, groups, people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from livegate.metrics import Rate, Scores, Threshold
from livegate.metrics.codes import keys, ranked
from livegate.metrics.curves import Curve, histogram, reliability
from livegate.metrics.groups import Gap, Groups, by_column
from livegate.metrics.pad import wrong_at
from livegate.report import document as doc

WORST_SUBJECTS = 5
BINS = 40


def curve_figure(found: Curve) -> doc.Curve:
    """A curve for drawing."""
    return doc.Curve(apcer=found.apcer.tolist(), bpcer=found.bpcer.tolist())


def detail(test: Scores, threshold: Threshold, species: Mapping[str, Curve], by: Sequence[str]) -> doc.Detail:
    """What is told of a headline configuration alone.

    Args:
        test: its presentations.
        threshold: where rates are taken.
        species: the curve of each species.
        by: columns by whose values rates are told.
    """
    bars = histogram(test.values, test.species, BINS)
    return doc.Detail(
        species={name: curve_figure(curve) for name, curve in species.items()},
        histogram=doc.Histogram(
            edges=bars.edges.tolist(),
            bona_fide=bars.bona_fide.tolist(),
            attacks={name: counts.tolist() for name, counts in bars.attacks.items()},
            silent=bars.silent,
        ),
        reliability=_reliability(test) if test.responded.any() else None,
        groups=tuple(_groups(by_column(test, column, threshold)) for column in by),
        subjects=_subjects(test, threshold),
    )


def _reliability(test: Scores) -> doc.Reliability:
    found = reliability(test.values, test.species)
    rows = zip(found.score.tolist(), found.share.tolist(), found.count.tolist(), strict=True)
    bins = [
        doc.ReliabilityBin(score=score, bona_fide=doc.RateFigure.of(Rate(round(share * count), count)))
        for score, share, count in rows
    ]
    return doc.Reliability(bins=tuple(bins), prior=found.prior, error=found.error)


def _groups(found: Groups) -> doc.Groups:
    groups = (
        doc.Group(
            name=group.name,
            apcer={species: doc.RateFigure.of(rate) for species, rate in group.apcer.items()},
            bpcer=doc.RateFigure.of(group.bpcer) if group.bpcer else None,
        )
        for group in found.groups
    )
    gaps = (_gap(gap) for gap in (found.bpcer_gap, found.apcer_gap) if gap)
    return doc.Groups(column=found.column, groups=tuple(groups), gaps=tuple(gaps))


def _gap(found: Gap) -> doc.Gap:
    low, high = found.interval
    return doc.Gap(
        species=found.species or None,
        lowest=found.low,
        highest=found.high,
        difference=found.value,
        limits=doc.Limits(low=low, high=high),
    )


def _subjects(test: Scores, threshold: Threshold) -> tuple[doc.Subject, ...]:
    """Those with the most errors."""
    known = test.where(test.subject != "")
    key = keys((ranked(known.source), ranked(known.subject)))
    _, first, person = np.unique(key, return_index=True, return_inverse=True)
    wrong, bona = wrong_at(known, threshold), known.bona_fide
    trials, errors = (
        [np.bincount(person[rows & kind], minlength=first.size).tolist() for kind in (bona, ~bona)]
        for rows in (wrong | ~wrong, wrong)
    )
    worst = sorted(range(first.size), key=lambda one: (-errors[0][one] - errors[1][one], one))[:WORST_SUBJECTS]
    rated = [
        [doc.RateFigure.of(Rate(e[one], t[one])) if t[one] else None for e, t in zip(errors, trials, strict=True)]
        for one in worst
    ]
    return tuple(
        doc.Subject(source=known.source[first[one]], subject=known.subject[first[one]], bona_fide=bona_fide, attacks=attacks)
        for one, (bona_fide, attacks) in zip(worst, rated, strict=True)
        if errors[0][one] + errors[1][one]
    )
