"""Intervals from resampled clusters."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap

from livegate.errors import MetricError
from livegate.metrics import Rule, Scores, measure
from livegate.metrics.bootstrap import Intervals, bootstrap
from livegate.metrics.clusters import By
from livegate.metrics.intervals import Figures, Interval, chunks
from livegate.sample import BONA_FIDE

HALF = Rule.parse("fixed=0.5")


def made(seed: int, subjects: int = 20, **columns: Any) -> Scores:
    """Subjects with four bona fide presentations and two of each of two species; scores of one subject lie together."""
    random = np.random.default_rng(seed)
    species = ["", "", "", "", "A", "A", "B", "B"] * subjects
    subject = np.repeat(np.arange(subjects), 8)
    middle = np.where(np.array(species) == "", 1.5, -1.5) + random.normal(0, 1, subjects)[subject]
    values = 1 / (1 + np.exp(-(middle + random.normal(0, 1, subject.size))))
    names = [f"{seed}/{row}.png" for row in range(subject.size)]
    return Scores.build(names, values, **{"species": species, "subject": [f"{seed}-{one}" for one in subject]} | columns)


def every(found: Intervals) -> dict[str, Interval]:
    """All intervals by name."""
    single = {field.name: getattr(found, field.name) for field in fields(Figures) if field.name != "apcer"}
    return single | dict(found.apcer) | {"threshold": found.threshold}


@pytest.mark.parametrize("rule", ["bpcer=0.05", "apcer=0.1", "d-eer", "fixed=0.5"])
def test_values_are_those_of_the_report(rule: str) -> None:
    """Beside its limits an interval holds the very figure that ``measure`` gives at the threshold from dev."""
    dev, test = made(1), made(2)
    found = bootstrap(dev, test, Rule.parse(rule), replicates=50)
    threshold = Rule.parse(rule).threshold(dev.values, dev.species, dev.source, "dev")
    report = measure(test.values, test.species, threshold)
    assert found.threshold.value == threshold.value
    assert {name: rate.value for name, rate in found.apcer.items()} == {n: rate.value for n, rate in report.apcer.items()}
    assert found.bpcer.value == report.bpcer.value
    assert (found.acer.value, found.acer_pooled.value) == (report.acer, report.acer_pooled)
    assert [found.auc.value, found.d_eer.value] == pytest.approx([report.auc, report.d_eer])
    for name in ("bpcer10", "bpcer20", "bpcer100"):
        assert getattr(found, name).value == getattr(report, name).bpcer.value
    assert all(one.low <= one.high for one in every(found).values())
    assert found.clusters == {BONA_FIDE: 20, "A": 20, "B": 20}


def test_a_seed_gives_the_same_intervals_whatever_the_order_of_rows() -> None:
    """Deterministic to the bit; another seed draws others."""
    dev, test = made(1), made(2)
    turned_dev, turned = (part.where(np.random.default_rng(5).permutation(len(part))) for part in (dev, test))
    rule = Rule.parse("bpcer=0.1")
    one = bootstrap(dev, test, rule, replicates=60, seed=3)
    two = bootstrap(turned_dev, turned, rule, replicates=60, seed=3)
    other = bootstrap(dev, test, rule, replicates=60, seed=4)
    assert one == two
    assert every(one) != every(other)


def test_memory_does_not_decide() -> None:
    """Replicates weighed in many parts give the same intervals as in one."""
    dev, test = made(1), made(2)
    assert sum(chunks(2000, 10_000_000)) == 2000
    assert list(chunks(5, 400_000)) == [2, 2, 1]
    done: list[int] = []
    one = bootstrap(dev, test, HALF, replicates=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("livegate.metrics.intervals._CELLS", 320 * 7)
        two = bootstrap(dev, test, HALF, replicates=50, advance=done.append)
    assert one == two
    assert done == [7, 7, 7, 7, 7, 7, 7, 1]


def test_agrees_with_scipy() -> None:
    """Of independent presentations at a fixed threshold, BPCER and AUC get the percentile intervals that scipy's bootstrap gives."""
    scores = made(7, subject="")
    found = bootstrap(scores, scores, HALF, by="clip", replicates=4000)
    bona, attack = scores.values[scores.bona_fide], scores.values[~scores.bona_fide]

    def area(one: Any, two: Any, axis: int) -> Any:
        return (one[..., :, np.newaxis] > two[..., np.newaxis, :]).mean(axis=(-1, -2))

    options: dict[str, Any] = {"method": "percentile", "n_resamples": 1500, "batch": 100, "rng": np.random.default_rng(1)}
    bpcer = scipy_bootstrap((bona < 0.5,), np.mean, **options).confidence_interval
    auc = scipy_bootstrap((bona, attack), area, **options).confidence_interval
    assert (found.bpcer.low, found.bpcer.high) == pytest.approx((bpcer.low, bpcer.high), abs=0.02)
    assert (found.auc.low, found.auc.high) == pytest.approx((auc.low, auc.high), abs=0.015)


def test_subjects_are_covered_where_single_rows_are_not() -> None:
    """Of 60 sets whose true BPCER is known, intervals by subject hold it in about 95 %; those by row in far fewer."""
    truth = 0.1446  # P(1.5 + N(0, 1) + N(0, 1) < 0) = P(N(0, 1) < -1.5 / sqrt(2))
    held: dict[By, int] = {"subject": 0, "clip": 0}
    for seed in range(60):
        scores = made(seed, 24)
        for by in held:
            bpcer = bootstrap(scores, scores, HALF, by=by, replicates=100, seed=seed).bpcer
            held[by] += bpcer.low <= truth <= bpcer.high
    assert held["subject"] >= 0.88 * 60
    assert held["clip"] <= 0.85 * 60


def test_errors_of_one_kind_of_people_come_and_go_with_them() -> None:
    """Twelve people who show bona fide alone all pass, three who also attacked are all rejected: BPCER is no matter of course."""
    kinds = [(f"s{person}", "", 0.9) for person in range(12)]
    kinds += [(f"s{person}", species, 0.1) for person in range(12, 15) for species in ("", "A")]
    scores = Scores.build(
        [str(row) for row in range(len(kinds))],
        [value for *_, value in kinds],
        subject=[subject for subject, *_ in kinds],
        species=[species for _, species, _ in kinds],
    )
    found = bootstrap(scores, scores, HALF, replicates=400).bpcer
    assert found.value == 0.2
    assert found.low < 0.1
    assert found.high > 0.3


def test_the_threshold_is_set_anew_on_dev() -> None:
    """A threshold from few dev subjects widens the interval on test; a fixed one adds nothing."""
    test = made(2, 200)
    widths = [
        bpcer.high - bpcer.low
        for bpcer in (
            bootstrap(dev, test, Rule.parse(rule), replicates=300).bpcer
            for dev, rule in ((made(1, 8), "bpcer=0.1"), (made(1, 200), "bpcer=0.1"), (made(1, 8), "fixed=0.5"))
        )
    ]
    assert widths[0] > 2 * widths[1]
    assert widths[0] > 2 * widths[2]


def test_one_cluster_says_nothing() -> None:
    """A species of one subject could be anything from 0 to 1; what others hold keeps its interval."""
    test = made(2)
    lone = Scores.build(["c1", "c2"], [0.1, 0.9], species="C", subject="lone")
    found = bootstrap(made(1), Scores.join([test, lone]), HALF, replicates=100)
    assert found.clusters == {BONA_FIDE: 20, "A": 20, "B": 20, "C": 1}
    assert found.apcer["C"] == Interval(0.5, 0, 1)
    assert 0 < found.apcer["A"].low <= found.apcer["A"].high < 1
    assert (found.worst_apcer.low, found.worst_apcer.high) == (0, 1)
    assert 0 < found.auc.low <= found.auc.high < 1
    alone = bootstrap(made(1), made(2, subjects=1), HALF, replicates=20)
    assert {(one.low, one.high) for name, one in every(alone).items() if name != "threshold"} == {(0, 1)}


def test_without_a_response() -> None:
    """Silent attacks count as accepted in every replicate; an operating point that they forbid has no interval."""
    test = made(2)
    silent = replace(test, values=np.where((test.species == "A") & (np.arange(len(test)) % 4 == 0), math.nan, test.values))
    found = bootstrap(made(1), silent, Rule.parse("bpcer=0.1"), replicates=100)
    assert found.apcer["A"].low > 0.3
    assert (found.bpcer10, found.bpcer20, found.bpcer100) == (None, None, None)


def test_what_cannot_be_resampled() -> None:
    """Several configurations, one class, a rule that dev cannot meet, no replicates, a confidence in percent: each is told."""
    scores = made(1)
    with pytest.raises(MetricError, match="configurations 'H', 'L'; pick the rows of one"):
        bootstrap(made(1, configuration="H"), made(2, configuration="L"), HALF)
    with pytest.raises(MetricError, match="no presentation attacks"):
        bootstrap(scores, scores.where(scores.bona_fide), HALF)
    with pytest.raises(MetricError, match="gave no response"):
        bootstrap(replace(scores, values=np.full(len(scores), math.nan)), scores, Rule.parse("bpcer=0.05"))
    with pytest.raises(ValueError, match="0 replicates"):
        bootstrap(scores, scores, HALF, replicates=0)
    with pytest.raises(ValueError, match="confidence 95"):
        bootstrap(scores, scores, HALF, replicates=1, confidence=95)
