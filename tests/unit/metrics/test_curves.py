"""What is drawn: curves, histograms, reliability."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import det_curve, roc_curve

from livegate.errors import MetricError
from livegate.metrics import REJECT_ALL
from livegate.metrics.curves import Curve, curves, histogram, reliability
from livegate.metrics.scores import Floats, Text, logit

score = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))


@st.composite
def rows(draw: st.DrawFn) -> tuple[Floats, Text]:
    """Scores and species with both classes, ties and missing responses."""
    species = ["", "A", *draw(st.lists(st.sampled_from(["", "A", "B"]), max_size=30))]
    return np.array(draw(st.lists(score, min_size=len(species), max_size=len(species)))), np.array(species)


def corners(curve: Curve) -> set[tuple[float, float]]:
    """The (APCER, BPCER) of each kept point."""
    return set(zip(curve.apcer.tolist(), curve.bpcer.tolist(), strict=True))


def on_a_line(point: tuple[float, float], curve: Curve) -> bool:
    """Whether a point lies between two neighbours: the way over it is no longer than the way past it."""
    kept = list(zip(curve.apcer.tolist(), curve.bpcer.tolist(), strict=True))
    return any(math.dist(one, point) + math.dist(point, two) < math.dist(one, two) + 1e-9 for one, two in pairwise(kept))


def large(count: int = 20_000) -> tuple[Floats, Text]:
    """Overlapping classes, in which bona fide reach up to 1 and attacks down to 0."""
    random = np.random.default_rng(1)
    species = np.where(random.random(count) < 0.4, "", "A")
    return 1 / (1 + np.exp(-random.normal(np.where(species == "", 2, -2), 2))), species


def height(curve: Curve, apcer: Floats) -> Floats:
    """The BPCER of the staircase at these APCER, on straight lines between its points."""
    return np.interp(apcer, curve.apcer[::-1], curve.bpcer[::-1])


def test_staircase_counted_by_hand() -> None:
    """Two bona fide at 0.9 and 0.6, two attacks at 0.7 and 0.1: the corners are those that a pencil would draw."""
    found = curves(np.array([0.9, 0.6, 0.7, 0.1]), np.array(["", "", "A", "A"])).pooled
    assert found.thresholds.tolist() == [0, 0.6, 0.7, 0.9, REJECT_ALL]
    assert found.apcer.tolist() == [1, 0.5, 0.5, 0, 0]
    assert found.bpcer.tolist() == [0, 0, 0.5, 0.5, 1]


@settings(deadline=None)
@given(rows())
def test_curves_agree_with_scikit_learn(data: tuple[Floats, Text]) -> None:
    """With a response to each, ours are points of its full ROC curve, and all of its DET curve lies on our lines."""
    values, species = np.nan_to_num(data[0], nan=0.5), data[1]
    found = curves(values, species).pooled
    apcer, detected, _ = roc_curve(species == "", values, drop_intermediate=False)
    every = list(zip(apcer.tolist(), (1 - detected).tolist(), strict=True))
    assert all(any(math.dist(one, two) < 1e-12 for two in every) for one in corners(found))
    apcer, bpcer, _ = det_curve(species == "", values)
    assert all(on_a_line(point, found) for point in zip(apcer.tolist(), bpcer.tolist(), strict=True))


@settings(deadline=None)
@given(rows())
def test_curves_are_monotone_from_end_to_end(data: tuple[Floats, Text]) -> None:
    """Thresholds rise from 0 to where nothing is accepted, APCER falls, BPCER rises, for each species and all together."""
    found = curves(*data)
    assert list(found.species) == sorted(set(data[1].tolist()) - {""})
    for curve in (found.pooled, *found.species.values()):
        assert (np.diff(curve.thresholds) > 0).all()
        assert (np.diff(curve.apcer) <= 0).all()
        assert (np.diff(curve.bpcer) >= 0).all()
        assert (curve.thresholds[0], curve.thresholds[-1]) == (0, REJECT_ALL)


def test_few_points_draw_the_same_curve() -> None:
    """Of thousands of corners at most 400 are kept, each exact, and nowhere is the curve further off than a line is thick."""
    values, species = large()
    full, kept = curves(values, species, 1_000_000).pooled, curves(values, species, 400).pooled
    assert full.apcer.size > 2000
    assert kept.apcer.size <= 400
    assert corners(kept) <= corners(full)
    inside = np.linspace(0.001, 0.999, 2000)
    assert np.abs(height(full, inside) - height(kept, inside)).max() < 0.004
    low = np.geomspace(2e-4, 0.5, 500)
    assert np.abs(logit(height(full, low)) - logit(height(kept, low))).max() < 0.15


def test_long_steps_keep_both_ends() -> None:
    """A hundred attacks on one score among thousands of corners: the cliff is drawn as a cliff."""
    values, species = large()
    values, species = np.append(values, np.full(3000, 0.7)), np.append(species, np.full(3000, "A"))
    found = curves(values, species, 100).pooled
    place = int(np.argmax(-np.diff(found.apcer)))
    attacks = values[species == "A"]
    assert found.apcer[place] == (attacks >= 0.7).mean()
    assert found.apcer[place + 1] == (attacks > 0.7).mean()


def test_histogram_counted_by_hand() -> None:
    """Odds of 1 to 3, 1 to 1 and 3 to 1 fall into three bins; the silent fall into none."""
    values = np.array([0.75, 0.75, 0.5, 0.25, 0.5, math.nan])
    found = histogram(values, np.array(["", "", "", "A", "B", "A"]), 3)
    assert found.edges == pytest.approx(np.linspace(-math.log(3), math.log(3), 4))
    assert found.bona_fide.tolist() == [0, 1, 2]
    assert {name: counts.tolist() for name, counts in found.attacks.items()} == {"A": [1, 0, 0], "B": [0, 1, 0]}
    assert found.silent == 1


@settings(deadline=None)
@given(rows(), st.integers(1, 80))
def test_histogram_counts_each_row_once(data: tuple[Floats, Text], bins: int) -> None:
    """Saturated scores of 0 and 1 included, which lie beyond the outermost bins."""
    found = histogram(*data, bins)
    counted = {"": found.bona_fide, **found.attacks}
    for name, counts in counted.items():
        assert counts.sum() == (~np.isnan(data[0][data[1] == name])).sum()
    assert found.edges.size == bins + 1
    assert np.abs(found.edges).max() <= 20 + 0.5
    assert found.silent == np.isnan(data[0]).sum()


def test_reliability_counted_by_hand() -> None:
    """In the upper bin a mean score of 0.8 and two of three bona fide, in the lower 0.2 and none: 3/4 of 2/15 and 1/4 of 0.2."""
    found = reliability(np.array([0.9, 0.8, 0.7, 0.2, math.nan]), np.array(["", "", "A", "A", ""]), 2)
    assert found.score == pytest.approx([0.2, 0.8])
    assert found.share == pytest.approx([0, 2 / 3])
    assert found.count.tolist() == [1, 3]
    assert (found.prior, found.silent) == (0.5, 1)
    assert found.error == pytest.approx(0.75 * (0.8 - 2 / 3) + 0.25 * 0.2)


@settings(deadline=None)
@given(rows(), st.integers(1, 20))
def test_reliability_agrees_with_scikit_learn(data: tuple[Floats, Text], bins: int) -> None:
    """Mean score and share of bona fide of each bin; a score on an edge may fall to either side, so such rows are left out."""
    values, species = data
    inside = ~np.isnan(values) & (np.abs(values * bins - np.round(values * bins)) > 1e-9)
    if not inside.any():
        return
    found = reliability(values[inside], species[inside], bins)
    share, score = calibration_curve(species[inside] == "", values[inside], n_bins=bins)
    assert found.share == pytest.approx(share)
    assert found.score == pytest.approx(score)


@given(rows())
def test_reliability_adds_up(data: tuple[Floats, Text]) -> None:
    """Bins together hold each row once and its label, in whatever order rows stand."""
    heard = ~np.isnan(data[0])
    if heard.any():
        found = reliability(*data)
        assert found.count.sum() == heard.sum()
        assert found.count @ found.share == pytest.approx((data[1][heard] == "").sum())
        assert 0 <= found.error <= 1
        assert reliability(data[0][::-1], data[1][::-1]).score.tolist() == found.score.tolist()


def test_what_cannot_be_drawn() -> None:
    """One class, no response at all, or no bins."""
    with pytest.raises(MetricError, match="no bona fide"):
        curves(np.array([0.5]), np.array(["A"]))
    with pytest.raises(MetricError, match="no presentation attacks"):
        histogram(np.array([0.5]), np.array([""]))
    with pytest.raises(MetricError, match="no presentation gave a response"):
        reliability(np.array([math.nan]), np.array([""]))
    for call in (lambda: curves(*large(10), 3), lambda: histogram(*large(10), 0), lambda: reliability(*large(10), 0)):
        with pytest.raises(ValueError, match="give at least"):
            call()
