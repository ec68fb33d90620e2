"""Figures of presentation attack detection, against values counted by hand (specs/metrics.md, section 7; score = 1 - p)."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from livegate.errors import MetricError
from livegate.metrics import REJECT_ALL, PadReport, Rate, Rule, Threshold, auc, d_eer, measure
from livegate.metrics.pad import worst
from livegate.metrics.scores import Floats, Text

VALUES = np.array([0.9, 0.8, 0.7, 0.6, 0.65, 0.4, 0.2, 0.85, 0.1])
SPECIES = np.array(["", "", "", "", "A", "A", "A", "B", "B"])
SOURCES = np.full(9, "x")
HALF = Threshold(0.5, "fixed=0.5", "")

score = st.one_of(st.just(math.nan), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1))


@st.composite
def rows(draw: st.DrawFn) -> tuple[Floats, Text]:
    """Scores and species with both classes, ties and missing responses."""
    species = ["", "A", *draw(st.lists(st.sampled_from(["", "A", "B"]), max_size=30))]
    values = draw(st.lists(score, min_size=len(species), max_size=len(species)))
    return np.array(values), np.array(species)


def at(value: float, values: Floats = VALUES, species: Text = SPECIES) -> PadReport:
    """The report at a fixed threshold."""
    return measure(values, species, Threshold(value, "", ""))


def set_on(rule: str, values: Floats = VALUES, species: Text = SPECIES) -> float:
    """The threshold that a rule sets."""
    return Rule.parse(rule).threshold(values, species, np.full(values.shape, "x"), "dev").value


def test_rates_counted_by_hand() -> None:
    """At one half: APCER 1/3 and 1/2, the worst is B, pooled 2/5, BPCER 0, ACER 0.25 and 0.2, AUC 16/20."""
    report = measure(VALUES, SPECIES, HALF, configuration="HLH", unit="presentation")
    assert report.apcer == {"A": Rate(1, 3), "B": Rate(1, 2)}
    assert report.worst_apcer == ("B", Rate(1, 2))
    assert report.apcer_pooled == Rate(2, 5)
    assert report.bpcer == Rate(0, 4)
    assert (report.acer, report.acer_pooled) == (0.25, 0.2)
    assert (report.apnrr, report.bpnrr) == (Rate(0, 5), Rate(0, 4))
    assert report.auc == 0.8
    assert (report.configuration, report.unit, report.threshold) == ("HLH", "presentation", HALF)


def test_of_equal_species_the_one_that_shows_least_is_the_headline() -> None:
    """B, 1 of 2, could be worse than A and C, 2 of 4; which others are as high is told; of equal counts the first by name."""
    species = ["", *"AAAABBCCCCD"]
    report = at(0.5, np.array([0.9, 0.9, 0.9, 0.1, 0.1, 0.9, 0.1, 0.9, 0.9, 0.1, 0.1, 0.1]), np.array(species))
    assert report.worst_apcer == ("B", Rate(1, 2))
    assert report.tied_worst == ("A", "C")
    assert Rate(1, 2).interval()[1] > Rate(2, 4).interval()[1]
    assert worst({"A": Rate(0, 9), "C": Rate(1, 4), "B": Rate(1, 4)}) == ("C", Rate(1, 4))
    assert at(0.5).tied_worst == ()


def test_equal_error_counted_by_hand() -> None:
    """Between 0.65 (APCER 2/5, BPCER 1/4) and 0.7 (1/5, 1/4) the line crosses at 1/4; B alone meets one half at 0.8."""
    report = at(0.5)
    assert report.d_eer == pytest.approx(0.25)
    assert report.d_eer_worst == pytest.approx(0.5)


def test_bpcer20_counted_by_hand() -> None:
    """To reject the last attack of B the threshold must pass 0.85, which costs three of four bona fide."""
    point = at(0.5).bpcer20
    assert point is not None
    assert point.bpcer == Rate(3, 4)
    assert point.threshold == Threshold(float(np.nextafter(0.85, 1)), "apcer=0.05", "test")


def test_oracles_counted_by_hand() -> None:
    """APCER 10 %, 5 % and 1 % all mean no attack of B here; no bona fide below 1 % means 0.6, which accepts 0.65 and 0.85."""
    report = at(0.5)
    assert [point and point.bpcer for point in (report.bpcer10, report.bpcer20, report.bpcer100)] == [Rate(3, 4)] * 3
    assert list(report.at_bpcer) == [0.01, 0.005, 0.001]
    for target, point in report.at_bpcer.items():
        assert point is not None
        assert point.threshold == Threshold(0.6, f"bpcer={target},pooled", "test")
        assert (point.bpcer, point.apcer) == (Rate(0, 4), {"A": Rate(1, 3), "B": Rate(1, 2)})
        assert (point.worst_apcer, point.apcer_pooled) == (("B", Rate(1, 2)), Rate(2, 5))


def test_figures_of_the_literature_counted_by_hand() -> None:
    """Mean APCER is (1/3 + 1/2) / 2; seven of nine are right."""
    report = at(0.5)
    assert report.mean_apcer == pytest.approx(0.41667, abs=1e-5)
    assert report.accuracy == pytest.approx(7 / 9)


@given(rows(), st.floats(0, 1))
def test_accuracy_is_made_of_both_errors(data: tuple[Floats, Text], threshold: float) -> None:
    """With a share p of bona fide, accuracy = 1 - p BPCER - (1 - p) pooled APCER, at every threshold."""
    report, p = at(threshold, *data), np.mean(data[1] == "")
    assert report.accuracy == pytest.approx(1 - p * report.bpcer.value - (1 - p) * report.apcer_pooled.value)


@given(rows())
def test_tighter_targets_cost_more(data: tuple[Floats, Text]) -> None:
    """A smaller APCER needs no smaller BPCER, and a smaller BPCER no smaller APCER."""
    report = at(0.5, *data)
    bpcer = [1.0 if point is None else point.bpcer.value for point in (report.bpcer10, report.bpcer20, report.bpcer100)]
    assert bpcer == sorted(bpcer)
    apcer = [1.0 if point is None else point.worst_apcer[1].value for point in report.at_bpcer.values()]
    assert apcer == sorted(apcer)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("bpcer=0.05", 0.6),
        ("bpcer=0.25", 0.7),
        ("bpcer=0.25,pooled", 0.7),
        ("bpcer=0.2499", 0.6),
        ("apcer=0.05", np.nextafter(0.85, 1)),
        ("apcer=0.5", np.nextafter(0.4, 1)),
        ("d-eer", 0.7),
        ("fixed=0.5", 0.5),
        ("fixed=1", 1.0),
    ],
)
def test_rules_counted_by_hand(rule: str, expected: float) -> None:
    """Each rule sets the threshold that counting on paper gives."""
    assert set_on(rule) == expected


def test_swap_check() -> None:
    """A classifier that accepts everything has APCER 1 and BPCER 0; one that rejects everything the reverse."""
    everything, nothing = at(0), at(REJECT_ALL)
    assert (everything.worst_apcer[1].value, everything.bpcer.value) == (1, 0)
    assert (nothing.worst_apcer[1].value, nothing.bpcer.value) == (0, 1)


def test_score_at_the_threshold_is_accepted() -> None:
    """Accept when score >= threshold: equality accepts, of either class."""
    assert at(0.6).bpcer == Rate(0, 4)
    assert at(0.85).apcer["B"] == Rate(1, 2)


def test_sources_weigh_the_same() -> None:
    """A small source with one outlier moves the threshold, unless rows are pooled."""
    values = np.array([0.1, 0.9, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85])
    sources, species = np.array(["small"] * 2 + ["large"] * 8), np.full(10, "")
    found = [Rule.parse(text).threshold(values, species, sources, "dev").value for text in ("bpcer=0.1", "bpcer=0.1,pooled")]
    assert found == [0.1, 0.5]


def test_no_response_is_an_error_in_every_rate() -> None:
    """A missing score is a rejected bona fide and an accepted attack at every threshold, and is counted beside."""
    values = np.array([math.nan, 0.9, math.nan, 0.1])
    species = np.array(["", "", "A", "A"])
    for threshold in (0.0, 0.5, REJECT_ALL):
        report = at(threshold, values, species)
        assert report.bpcer.errors >= 1
        assert report.apcer["A"].errors >= 1
        assert (report.apnrr, report.bpnrr) == (Rate(1, 2), Rate(1, 2))
    assert at(0.5, values, species).bpcer20 is None
    assert set(at(0.5, values, species).at_bpcer.values()) == {None}
    assert at(0.5, values, species).auc == 0.25
    assert at(0.5, values, species).d_eer == 0.5


@pytest.mark.parametrize("rule", ["bpcer=0.05", "apcer=0.05"])
def test_unreachable_target(rule: str) -> None:
    """When too many gave no response no threshold meets the target, and none is made up."""
    with pytest.raises(MetricError, match=r"1 of 2 .*gave no response"):
        set_on(rule, np.array([math.nan, 0.9, math.nan, 0.1]), np.array(["", "", "A", "A"]))


def test_no_response_at_all() -> None:
    """A system that never answers is wrong about everything."""
    report = at(0.5, np.full(2, math.nan), np.array(["", "A"]))
    assert (report.auc, report.d_eer, report.acer) == (0, 1, 1)


@pytest.mark.parametrize(("species", "missing"), [("A", "bona fide"), ("", "presentation attacks")])
def test_one_class_only(species: str, missing: str) -> None:
    """The message names the class that is missing."""
    with pytest.raises(MetricError, match=f"no {missing}"):
        at(0.5, np.array([0.5]), np.array([species]))


def test_arrays_that_do_not_fit() -> None:
    """Unequal shapes and scores that are no scores are the caller's mistake."""
    with pytest.raises(ValueError, match="shape"):
        at(0.5, VALUES[:3])
    with pytest.raises(ValueError, match=r"within 0\.\.1"):
        at(0.5, VALUES * 2)
    with pytest.raises(ValueError, match="threshold nan"):
        at(math.nan)


@pytest.mark.parametrize(
    "text",
    ["", "eer", "bpcer", "bpcer=", "bpcer=x", "bpcer=1", "bpcer=-0.1", "bpcer=nan", "apcer=0.1,pooled", "fixed=1.1", "d-eer=1"],
)
def test_unknown_rules(text: str) -> None:
    """A rule that is not one is refused in a sentence that quotes it."""
    with pytest.raises(MetricError, match="rule '"):
        Rule.parse(text)


@pytest.mark.parametrize(
    "text", ["bpcer=0.05", "bpcer=0.05,pooled", "apcer=0.1", "d-eer", "fixed=0.5", f"fixed={REJECT_ALL!r}"]
)
def test_rule_prints_as_it_is_written(text: str) -> None:
    """A rule reads back from how it prints, so a report can be made again."""
    assert str(Rule.parse(text)) == text


def test_threshold_remembers_where_it_was_set() -> None:
    """A threshold set on dev says so; a fixed one was set on nothing."""
    for rule, split in (("bpcer=0.05", "dev"), ("fixed=0.5", "")):
        threshold = Rule.parse(rule).threshold(VALUES, SPECIES, SOURCES, "dev")
        assert (threshold.rule, threshold.split) == (rule, split)


@given(rows(), st.floats(0, 1), st.floats(0, 1))
def test_apcer_does_not_fall_when_the_threshold_falls(data: tuple[Floats, Text], one: float, two: float) -> None:
    """A lower threshold accepts no fewer attacks and rejects no more bona fide."""
    low, high = at(min(one, two), *data), at(max(one, two), *data)
    assert all(low.apcer[name].errors >= high.apcer[name].errors for name in low.apcer)
    assert low.bpcer.errors <= high.bpcer.errors


@given(rows(), st.randoms())
def test_order_of_rows_does_not_matter(data: tuple[Floats, Text], random: object) -> None:
    """Every figure is the same to the bit for shuffled rows."""
    order = list(range(len(data[0])))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = at(0.5, data[0][order], data[1][order])
    assert shuffled == at(0.5, *data)
    assert list(shuffled.apcer) == sorted(shuffled.apcer)


@given(rows())
def test_accepting_everything(data: tuple[Floats, Text]) -> None:
    """With a response to each, the threshold 0 has APCER 1 in every species and BPCER 0."""
    values, species = np.nan_to_num(data[0], nan=0.5), data[1]
    report = at(0, values, species)
    assert all(rate.value == 1 for rate in report.apcer.values())
    assert report.bpcer.value == 0


@given(rows(), st.sampled_from([0.0, 0.05, 0.2, 0.5]))
def test_rules_reach_their_target_and_go_no_further(data: tuple[Floats, Text], target: float) -> None:
    """On the scores that it was set on, a threshold meets its target, and the next float64 beyond it does not."""
    values, species = data
    for name in ("bpcer", "apcer"):
        try:
            value = set_on(f"{name}={target}", values, species)
        except MetricError:
            continue
        beyond = np.nextafter(value, 2 if name == "bpcer" else -1)
        met, missed = (
            report.bpcer.value if name == "bpcer" else report.worst_apcer[1].value
            for report in (at(value, values, species), at(min(max(beyond, 0), REJECT_ALL), values, species))
        )
        assert met <= target
        assert missed > target or value in (0.0, REJECT_ALL)


@given(rows())
def test_auc_agrees_with_scikit_learn(data: tuple[Floats, Text]) -> None:
    """Ties count one half, as everywhere."""
    values, species = np.nan_to_num(data[0], nan=0.5), data[1]
    assert at(0.5, values, species).auc == pytest.approx(roc_auc_score(species == "", values), abs=1e-12)


@settings(max_examples=60)
@given(rows())
def test_equal_error_lies_between_its_neighbours(data: tuple[Floats, Text]) -> None:
    """D-EER is a share, and no threshold has both rates below it."""
    values, species = data
    report = at(0.5, values, species)
    assert 0 <= report.d_eer <= report.d_eer_worst + 1e-12 or len(report.apcer) > 1
    for threshold in np.unique(np.append(values[~np.isnan(values)], [0, 1])):
        found = at(float(threshold), values, species)
        assert max(found.apcer_pooled.value, found.bpcer.value) >= report.d_eer - 1e-12


def test_separated_and_swapped_scores() -> None:
    """Perfect separation has D-EER 0 and AUC 1; the wrong way round D-EER 1 and AUC 0."""
    high, low = np.array([0.8, 0.9]), np.array([0.1, 0.2])
    assert (d_eer(high, low), auc(high, low)) == (0, 1)
    assert (d_eer(low, high), auc(low, high)) == (1, 0)


def test_report_is_frozen() -> None:
    """A report cannot be touched up; a changed one is another object."""
    report = at(0.5)
    with pytest.raises(AttributeError):
        report.auc = 1.0  # type: ignore[misc]
    assert replace(report, auc=1.0) != report
