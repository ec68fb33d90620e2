"""Two models on the same presentations."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from livegate.errors import MetricError
from livegate.metrics import Scores, Threshold, measure
from livegate.metrics.compare import McNemar, compare
from livegate.metrics.intervals import Interval

HALF = Threshold(0.5, "fixed=0.5", "")


def made(noise: float, seed: int = 1, subjects: int = 30, **columns: Any) -> Scores:
    """The same subjects for every seed: two frames of a bona fide clip, and a clip of each of two species."""
    species = ["", "", "A", "A", "B", "B"] * subjects
    subject = np.repeat(np.arange(subjects), 6)
    middle = np.where(np.array(species) == "", 1.0, -1.0) + np.random.default_rng(0).normal(0, 0.5, subjects)[subject]
    values = 1 / (1 + np.exp(-(middle + np.random.default_rng(seed).normal(0, noise, subject.size))))
    given = {
        "species": species,
        "subject": [f"{one}" for one in subject],
        "clip": [f"c{row // 2}" for row in range(len(species))],
    }
    return Scores.build([f"{row}.png" for row in range(len(species))], values, **(given | columns))


def test_counted_by_hand() -> None:
    """Four bona fide and two attacks; a errs on b2 and x1, b on b2, b3 and b4: the tables hold them, and no response errs."""
    names, species = ["b1", "b2", "b3", "b4", "x1", "x2"], ["", "", "", "", "x", "x"]
    a = Scores.build(names, [0.9, 0.1, 0.5, 0.9, 0.8, 0.1], species=species)
    b = Scores.build(names, [0.9, math.nan, 0.4, 0.4, 0.1, 0.1], species=species)
    found = compare(a, b, HALF, HALF, by="clip", replicates=10)
    assert found.bona_fide == McNemar(both_right=1, only_a_wrong=0, only_b_wrong=2, both_wrong=1)
    assert found.attacks == McNemar(both_right=1, only_a_wrong=1, only_b_wrong=0, both_wrong=0)
    assert [found.bona_fide.p_value, found.attacks.p_value] == pytest.approx([0.5, 1.0])
    assert (found.differences.bpcer.value, found.differences.apcer["x"].value) == (0.5, -0.5)
    assert found.clusters == 6


@given(*[st.integers(0, 60)] * 4)
def test_mcnemar_agrees_with_scipy(right: int, only_a: int, only_b: int, wrong: int) -> None:
    """The p-value is that of the exact two-sided binomial test on the disagreements; agreements do not matter."""
    table = McNemar(right, only_a, only_b, wrong)
    expected = binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    assert table.p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_many_disagreements() -> None:
    """A hundred thousand coins take no longer than ten."""
    assert McNemar(0, 50_400, 49_600, 0).p_value == pytest.approx(binomtest(49_600, 100_000).pvalue, rel=1e-9)
    assert McNemar(0, 100_000, 0, 0).p_value == 0


def test_a_model_against_itself() -> None:
    """No difference, in any replicate."""
    found = compare(made(1), made(1), HALF, HALF, replicates=50)
    assert found.differences.bpcer == found.differences.auc == found.differences.apcer["A"] == Interval(0, 0, 0)
    assert found.bona_fide.p_value == found.attacks.p_value == 1


def test_values_are_differences_of_the_reports() -> None:
    """Each difference is b - a of what ``measure`` tells of presentations, at thresholds of their own; b - a is -(a - b)."""
    a, b, other = made(0.5), made(2, 2), Threshold(0.4, "fixed=0.4", "")
    found, turned = compare(a, b, HALF, other, replicates=80), compare(b, a, other, HALF, replicates=80)
    reports = [measure(one.by_clip().values, one.by_clip().species, at) for one, at in ((a, HALF), (b, other))]
    assert (found.a.bpcer, found.b.bpcer) == (reports[0].bpcer, reports[1].bpcer)
    for name in ("acer", "acer_pooled", "auc", "d_eer"):
        one, two = (getattr(report, name) for report in reports)
        difference, back = getattr(found.differences, name), getattr(turned.differences, name)
        assert difference.value == pytest.approx(two - one)
        assert (difference.low, difference.high) == pytest.approx((-back.high, -back.low))


def test_pairing_shows_a_small_difference() -> None:
    """Two models that err on the same hard subjects differ by less than either is known: pairing sees it."""
    a = made(0.1)
    b = replace(a, values=np.clip(a.values - 0.05, 0, 1))
    found = compare(a, b, HALF, HALF, replicates=300).differences.auc
    assert -0.01 < found.low <= found.value <= found.high < 0.01
    assert compare(a, b, HALF, HALF, replicates=300).differences.bpcer.low >= 0


def test_order_of_rows_and_names_of_frames_do_not_matter() -> None:
    """Presentations find each other by clip; in a clip's first frame one model may have seen no face."""
    a, b = made(1), made(2, 3)
    turned = b.where(np.random.default_rng(1).permutation(len(b)))
    silent = replace(b, values=np.where(np.arange(len(b)) % 2 == 0, math.nan, b.values))
    assert compare(a, b, HALF, HALF, replicates=20) == compare(a, turned, HALF, HALF, replicates=20)
    assert compare(a, silent, HALF, HALF, replicates=20).clusters == 30


def test_presentations_that_only_one_has() -> None:
    """Both sides are named, not more than five each, and another label is another presentation."""
    a, b = made(1), made(1)
    with pytest.raises(MetricError, match=r"only b has 88: .*'c12' \(bona-fide\).* and 83 more; score one index with both"):
        compare(a.where(np.arange(4)), b, HALF, HALF)
    other = replace(b, species=np.where(b.clip == "c1", "Z", b.species))
    with pytest.raises(MetricError, match=r"only a has 1: 'c1' \(A\); only b has 1: 'c1' \(Z\)"):
        compare(a, other, HALF, HALF)


def test_one_configuration_each() -> None:
    """Two configurations of one model can be compared, rows of both in one set cannot."""
    heavy, light = made(1, configuration="HHH"), made(1, 2, configuration="LLL")
    assert compare(heavy, light, HALF, HALF, replicates=5).b.configuration == "LLL"
    with pytest.raises(MetricError, match="'HHH', 'LLL'"):
        compare(Scores.join([heavy, light]), heavy, HALF, HALF)
