"""From score files to a report: where thresholds come from, what is counted, what is doubted, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from livegate.errors import MetricError
from livegate.metrics import REJECT_ALL, Rule, Scores, Threshold
from livegate.report import Report, Resample, evaluate
from livegate.report.contents import contents
from livegate.report.document import RateFigure, Result
from livegate.report.markdown import markdown

Make = Callable[..., Scores]
NONE = Resample(replicates=0)


def counts(rate: RateFigure | None) -> tuple[int, int] | None:
    """Errors and trials."""
    return rate and (rate.errors, rate.trials)


def by_name(report: Report) -> dict[str, Result]:
    """The results by configuration."""
    return {result.configuration: result for result in report.results}


def test_threshold_is_set_on_dev_and_taken_to_test(made: Make) -> None:
    """Each configuration has its own dev threshold, and the headline counts clips, not frames."""
    heavy, light = evaluate(made("dev"), made("test"), resample=NONE).results
    assert (heavy.configuration, light.configuration) == ("HHH", "LLL")
    assert heavy.presentation.threshold.model_dump() == {"value": 0.84, "rule": "bpcer=0.05", "split": "dev"}
    assert (heavy.presentation.unit, counts(heavy.presentation.bpcer)) == ("presentation", (0, 4))
    assert (heavy.picture.unit, counts(heavy.picture.bpcer)) == ("picture", (0, 8))
    assert counts(heavy.presentation.apcer["print"]) == (0, 4)
    assert counts(light.presentation.apcer["print"]) == counts(light.presentation.worst_apcer) == (3, 4)
    assert counts(heavy.half.apcer["print"]) == (0, 4)
    assert [counts(rate) for rate in (light.model_zoo.bpcer, light.model_zoo.apcer_pooled)] == [(0, 8), (8, 8)]  # pictures
    assert (heavy.model_zoo.acer, light.model_zoo.acer) == (0, 0.5)
    assert counts(light.half.apcer["print"]) == (4, 4)


def test_threshold_does_not_look_at_test(made: Make) -> None:
    """Other test scores leave every threshold where it was."""
    test = made("test")
    columns = {name: getattr(test, name).tolist() for name in ("species", "configuration")}
    other = Scores.build(test.names.tolist(), 1 - test.values, **columns)
    one, two = (evaluate(made("dev"), scores, "d-eer", resample=NONE).results for scores in (test, other))
    assert [r.presentation.threshold for r in one] == [r.presentation.threshold for r in two]
    assert [r.picture.threshold for r in one] == [r.picture.threshold for r in two]


def test_given_thresholds_need_no_dev(made: Make) -> None:
    """Those of an artifact hold for presentations and pictures; without dev there is no equal error threshold of dev."""
    shipped = {name: Threshold(value, "bpcer=0.05", "dev") for name, value in (("HHH", 0.87), ("LLL", 0.5), ("BBB", 0.1))}
    report = evaluate(None, made("test"), thresholds=shipped, resample=Resample(replicates=10))
    heavy, light = report.results
    assert (report.set_on, report.rule, list(report.counts)) == ("artifact", "bpcer=0.05", ["test"])
    assert heavy.presentation.threshold.value == heavy.picture.threshold.value == 0.87
    assert counts(heavy.presentation.bpcer) == (2, 4)
    assert counts(light.presentation.apcer["print"]) == (4, 4)
    assert heavy.presentation.not_iso.hter is None
    limits = heavy.presentation.bootstrap["threshold"]
    assert limits.low == limits.high == 0.87
    with pytest.raises(MetricError, match="'LLL' of test has no threshold; give dev scores"):
        evaluate(None, made("test"), thresholds={"HHH": shipped["HHH"]}, resample=NONE)


def test_sources_with_both_classes_stand_apart(made: Make) -> None:
    """A source of bona fide only has no figures of its own, yet counts in the headline."""
    test = made("test", configurations=("HHH",))
    alone = Scores.build(["z"], [0.1], source="alone", configuration="HHH")
    (result,) = evaluate(made("dev"), Scores.join([test, alone]), resample=NONE).results
    assert list(result.sources) == list(result.source_pictures) == ["made"]
    assert counts(result.sources["made"].bpcer) == (0, 4)
    assert counts(result.presentation.bpcer) == (1, 5)


def test_bootstrap_intervals_are_those_of_the_clusters(drawn: Make) -> None:
    """The same seed gives the same; each rate lies in its interval, which whole subjects make other than clips do."""
    dev, test = drawn("dev"), drawn("test")
    one, two, clips = (
        evaluate(dev, test, resample=Resample(by, replicates=200, seed=3)) for by in ("subject", "subject", "clip")
    )
    assert one.results == two.results
    assert (one.bootstrap.by, one.bootstrap.replicates, one.bootstrap.seed) == ("subject", 200, 3)  # type: ignore[union-attr]
    found, other = one.results[0].presentation, clips.results[0].presentation
    for rate in (found.bpcer, found.worst_apcer, *found.apcer.values(), found.not_iso.apcer_pooled):
        assert rate.bootstrap is not None
        assert rate.bootstrap.low <= rate.value <= rate.bootstrap.high
    assert {"threshold", "auc", "d_eer", "acer", "acer_pooled"} == set(found.bootstrap)
    assert found.bpcer.bootstrap != other.bpcer.bootstrap
    assert evaluate(dev, test, resample=NONE).bootstrap is None


def test_rates_carry_exact_bounds(drawn: Make) -> None:
    """Two-sided limits about the value, the one-sided bound between value and upper limit."""
    found = evaluate(drawn("dev"), drawn("test"), resample=NONE).results[0].presentation
    for rate in (found.bpcer, *found.apcer.values()):
        assert rate.value == rate.errors / rate.trials
        assert rate.low < rate.value < rate.upper < rate.high


def test_sample_sizes_name_their_side(made: Make) -> None:
    """A claim of 7 % needs 42 presentations without an error one-sided, 51 two-sided."""
    first = evaluate(made("dev"), made("test"), resample=NONE).claims[0]
    assert (first.rate, first.one_sided, first.two_sided) == (0.07, 42, 51)


def test_groups_and_worst_subjects(made: Make) -> None:
    """Rates by a fact with the largest gap, and the people with the most errors, at most five and none without an error."""
    test = made("test", configurations=("LLL",), facts={"age": ["young", "young", "old", "old"] * 4})
    detail = evaluate(made("dev"), test, by=("age", "source"), resample=NONE).results[0].detail
    assert detail is not None
    age, source = detail.groups
    assert (age.column, source.column) == ("age", "source")
    assert [group.name for group in age.groups] == ["old", "young"]
    # Even clips are bona fide and young, odd ones are prints and old: no rate has two groups.
    assert age.gaps == ()
    assert (counts(age.groups[0].apcer["print"]), age.groups[0].bpcer) == ((3, 4), None)
    assert [(one.subject, counts(one.attacks), one.bona_fide) for one in detail.subjects] == [
        ("test1", (1, 1), None),
        ("test3", (1, 1), None),
        ("test5", (1, 1), None),
    ]


def test_largest_gap(drawn: Make) -> None:
    """It lies between the lowest and the highest rate of one kind."""
    detail = evaluate(drawn("dev"), drawn("test"), by=("age",), resample=NONE).results[0].detail
    assert detail is not None
    (found,) = detail.groups
    for gap in found.gaps:
        rates = [group.apcer[gap.species] if gap.species else group.bpcer for group in found.groups]
        values = [rate.value for rate in rates if rate]
        assert gap.difference == pytest.approx(max(values) - min(values))
        assert gap.limits.low <= gap.difference <= gap.limits.high
    assert {gap.species is None for gap in found.gaps} == {True, False}


def test_headline_is_chosen_by_name(report: Report, reported: Callable[..., Report]) -> None:
    """Of many configurations the first and the uniform ones; details are theirs alone. Of three all."""
    assert report.headline == ("HHH", "LLL", "BBB")
    assert [name for name, result in by_name(report).items() if result.detail] == ["HHH", "LLL", "BBB"]
    assert reported(configurations=("LHH", "HHL", "HLH")).headline == ("LHH", "HHL", "HLH")


def test_curves_meet_the_operating_point(report: Report) -> None:
    """Thinned to 200 points at most, from everything accepted to everything rejected."""
    for result in report.results:
        curve = result.curve
        assert len(curve.apcer) == len(curve.bpcer) <= 200
        assert (curve.apcer[0], curve.bpcer[0], curve.apcer[-1], curve.bpcer[-1]) == (1, 0, 0, 1)
        assert all(np.diff(curve.apcer) <= 0)
        assert all(np.diff(curve.bpcer) >= 0)


def test_trivial_cues_stand_beside(made: Make) -> None:
    """Their threshold is set by the same rule on dev, or is one half without dev."""
    cues = made("dev", configurations=("trivial cues",)), made("test", configurations=("trivial cues",))
    found = evaluate(made("dev"), made("test"), "fixed=0.89", cues=cues, resample=NONE).baseline
    assert found is not None
    assert (found.name, found.presentation.threshold.value, counts(found.presentation.bpcer)) == ("trivial cues", 0.89, (3, 4))
    assert found.presentation.bpcer.bootstrap is None
    shipped = dict.fromkeys(("HHH", "LLL"), Threshold(0.7, "fixed=0.7", ""))
    alone = evaluate(None, made("test"), thresholds=shipped, cues=(None, cues[1]), resample=NONE).baseline
    assert alone is not None
    assert alone.presentation.threshold.rule == "fixed=0.5"


def test_trivial_cues_have_the_intervals_that_the_model_has(drawn: Make) -> None:
    """Scores alike get figures alike, drawn with the same seed, and the table shows counts with both intervals."""
    dev, test = drawn("dev"), drawn("test")
    report = evaluate(dev, test, cues=(dev, test), resample=Resample(replicates=50))
    assert report.baseline is not None
    found = report.baseline.presentation
    assert found == report.results[0].presentation
    section = next(one for one in contents(report).sections if one.title == "Trivial cues")
    model, cues = section.blocks[1].rows  # type: ignore[union-attr]
    assert model == cues
    for rate in (found.worst_apcer, found.bpcer):
        assert rate.bootstrap is not None
        cells = (
            f"{rate.errors}/{rate.trials} = {100 * rate.value:.2f} %",
            *(
                f"{100 * low:.2f} to {100 * high:.2f} %"
                for low, high in ((rate.low, rate.high), (rate.bootstrap.low, rate.bootstrap.high))
            ),
        )
        at = cues.index(cells[0])
        assert cues[at : at + 3] == cells


def test_unlabelled_scores_are_refused(made: Make) -> None:
    """Nobody can say what an error is without labels."""
    bare = Scores.build(["a"], [0.5], labelled=False)
    with pytest.raises(MetricError, match="dev scores have no labels"):
        evaluate(bare, made("test"))
    with pytest.raises(MetricError, match="test scores have no labels"):
        evaluate(made("dev"), bare)


def test_configuration_without_dev_scores_is_refused(made: Make) -> None:
    """A threshold is never borrowed from another configuration."""
    with pytest.raises(MetricError, match="'LLL' of test has no dev scores"):
        evaluate(made("dev", configurations=("HHH",)), made("test"))


def test_empty_scores_and_one_class_are_refused(made: Make) -> None:
    """Nothing to measure is an error that says what is missing."""
    with pytest.raises(MetricError, match="no rows"):
        evaluate(made("dev"), Scores.build([], []))
    with pytest.raises(MetricError, match="no presentation attacks"):
        evaluate(made("dev"), made("test", species=""))
    with pytest.raises(MetricError, match="no bona fide"):
        evaluate(made("dev", species="print"), made("test"))


@pytest.mark.parametrize(("column", "most"), [("species", 200), ("source", 200), ("configuration", 729)])
def test_more_values_than_a_report_can_hold_are_refused(made: Make, column: str, most: int) -> None:
    """A column that holds something else, such as a name a row, would take hours and gigabytes."""
    test = made("test", clips=1500, configurations=("HHH",), **{column: [f"{row}" for row in range(3000)]})
    with pytest.raises(MetricError, match=f"3,000 values in the column {column}; a report holds at most {most}"):
        evaluate(made("dev"), test)


def test_columns_to_group_by_are_checked_first(made: Make) -> None:
    """One that is not there, or has a value a row."""
    with pytest.raises(MetricError, match="no column 'age'"):
        evaluate(made("dev"), made("test"), by=("age",))
    with pytest.raises(MetricError, match="nothing to group by species: the APCER of each species is told anyway"):
        evaluate(made("dev"), made("test"), by=("species",))
    with pytest.raises(MetricError, match="300 values in the column 'subject'"):
        evaluate(made("dev"), made("test", clips=300), by=("subject",))


def test_dev_of_one_class_is_enough_for_a_rule_that_needs_no_other(made: Make) -> None:
    """BPCER on dev needs no attacks; what cannot be told then is left out, and the report says so."""
    dev = made("dev")
    report = evaluate(dev.where(dev.bona_fide), made("test"), resample=Resample(replicates=10))
    found = report.results[0].presentation
    assert found.threshold.value == 0.84
    assert found.not_iso.hter is None
    assert found.bootstrap["threshold"].low == found.bootstrap["threshold"].high == 0.84
    assert any("Dev holds one class alone" in warning for warning in report.warnings)


def test_doubts(made: Make) -> None:
    """Shared subjects and pictures, splits mixed up, species new to dev or missing in test, few trials: each is stated."""
    dev = made("test", subject="one")
    test = made("test", subject="one", species=["", "", "screen", "screen"] * 8)
    told = "\n".join(evaluate(dev, test, resample=Resample(replicates=5)).warnings)
    for text in (
        "share 1 subject(s), such as “one”",
        "share 16 picture(s)",
        "belong to the split test",
        "species “screen”: the thresholds were set without",
        "species “print”: nothing here is about them",
        "BPCER rests on 4 ",
        "APCER of “screen” rests on 4 ",
        "Fewer than 30 subjects presented “bona-fide” (1)",
    ):
        assert told.count(text) == 1, text
    anonymous = "\n".join(evaluate(made("dev"), made("dev", subject=""), resample=NONE).warnings)
    assert "name no subjects" in anonymous
    assert "split dev" in anonymous


def test_a_species_without_any_response_is_a_doubt(made: Make) -> None:
    """Its APCER is 100 %, and the report says why."""
    test = made("test", configurations=("HHH",))
    values = np.where(test.bona_fide, test.values, np.nan)
    columns = {
        name: getattr(test, name).tolist() for name in ("species", "clip", "source", "configuration", "subject", "split")
    }
    report = evaluate(made("dev"), Scores.build(test.names.tolist(), values, **columns), resample=NONE)
    assert counts(report.results[0].presentation.apcer["print"]) == (4, 4)
    assert "No attack of species “print” got an answer: all its errors are silence." in report.warnings


def test_scores_that_run_the_wrong_way_are_a_doubt(made: Make) -> None:
    """An AUC that guessing does not give, taken over answers alone; silence and guessing are no such thing."""
    test = made("test", clips=60)
    turned, silent = (replace(test, values=v) for v in (1 - test.values, np.where(test.bona_fide, np.nan, test.values)))
    mute = replace(test, values=np.where(np.arange(len(test)) % 10 < 6, np.nan, test.values))

    def told(scores: Scores) -> list[str]:
        return [one for one in evaluate(made("dev"), scores, resample=NONE).warnings if "the wrong way" in one]

    (doubt,) = told(turned)
    assert doubt.startswith("AUC of configuration “HHH” is 0.0000, below guessing")
    assert told(test) == told(silent) == told(mute) == []
    assert mute.responded.sum() < len(mute) / 2


def test_a_threshold_that_rejects_everything_is_resampled_like_any_other(made: Make) -> None:
    """A model may ship one: it lies above every score, and D-EER and AUC still have intervals."""
    given = {"HHH": Threshold(REJECT_ALL, "apcer=0.0", "dev")}
    test = made("test", clips=40, configurations=("HHH",))
    report = evaluate(None, test, thresholds=given, resample=Resample(replicates=10))
    found = report.results[0].presentation
    assert found.threshold.value > 1
    assert found.bpcer.bootstrap is not None
    assert (found.bpcer.bootstrap.low, found.bpcer.bootstrap.high) == (1, 1)
    assert set(found.bootstrap) == {"threshold", "auc", "d_eer", "acer", "acer_pooled"}


def test_a_tie_for_the_worst_species_is_told(made: Make) -> None:
    """Three of three screens and nine of nine prints passed: the screens, of which less is known, stand first."""
    species = ["" if clip % 2 == 0 else "screen" if clip % 8 == 1 else "print" for clip in range(24) for _ in range(2)]
    report = evaluate(made("dev"), made("test", clips=24, configurations=("LLL",), species=species), "fixed=0.4", resample=NONE)
    worst = report.results[0].presentation.worst_apcer
    assert (worst.species, counts(worst), worst.tied) == ("screen", (3, 3), ("print",))
    text = markdown(contents(report))
    assert "worst species: screen (tie of 2)" in text
    assert "As often got in “print”" in text


def test_clean_sets_of_enough_trials_have_no_doubts(made: Make) -> None:
    """Warnings are for doubts only."""
    assert evaluate(made("dev", clips=60), made("test", clips=60), resample=Resample(replicates=5)).warnings == ()


def test_rule_may_be_text_or_rule(made: Make) -> None:
    """Both give the same report."""
    one, two = (evaluate(made("dev"), made("test"), rule, resample=NONE) for rule in ("apcer=0.3", Rule("apcer", 0.3)))
    assert one.results == two.results
