"""Two models on the same presentations: who is paired with whom, where thresholds come from, what differs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from livegate.errors import MetricError
from livegate.metrics import Scores
from livegate.report import Resample, compare_scores
from livegate.report.comparison import Comparison
from livegate.report.comparison_contents import comparison_contents
from livegate.report.document import as_json
from livegate.report.page import Items, Section

Make = Callable[..., Scores]
FEW = Resample(replicates=50)


def compared(a: Scores, b: Scores, rule: str = "fixed=0.5", **others: Any) -> Comparison:
    """A comparison with few replicates."""
    return compare_scores(a, b, rule, resample=FEW, **others)


def test_differences_are_b_minus_a(made: Make) -> None:
    """Counted by hand: A (HHH) lets no print in at one half, B (LLL) all four; both accept all bona fide."""
    a, b = (made("test", configurations=(name,)) for name in ("HHH", "LLL"))
    (pair,) = compared(a, b).pairs
    assert (pair.configuration_a, pair.configuration_b) == ("HHH", "LLL")
    worst, bpcer = pair.differences["worst_apcer"], pair.differences["bpcer"]
    assert (worst.a, worst.b, worst.difference, worst.limits.low, worst.limits.high) == (0, 1, 1, 1, 1)
    assert (bpcer.difference, bpcer.limits.low, bpcer.limits.high) == (0, 0, 0)
    assert pair.apcer["print"] == worst
    assert (pair.attacks.only_b_wrong, pair.attacks.only_a_wrong) == (4, 0)
    assert pair.attacks.p_value == pytest.approx(2 / 2**4)
    assert (pair.bona_fide.both_right, pair.bona_fide.p_value) == (4, 1)


def test_thresholds_come_from_the_dev_scores_of_each(made: Make) -> None:
    """Each configuration of A and of B has its own; the rows of B may stand in any order."""
    test = made("test")
    shuffled = test.where(np.random.default_rng(0).permutation(len(test)))
    found = compared(test, shuffled, "bpcer=0.3", dev_a=made("dev"), dev_b=made("dev", clips=4))
    assert [pair.a.threshold.value for pair in found.pairs] == pytest.approx([0.86, 0.86])
    assert [pair.b.threshold.value for pair in found.pairs] == pytest.approx([0.88, 0.88])
    assert [(pair.configuration_a, pair.configuration_b) for pair in found.pairs] == [("HHH", "HHH"), ("LLL", "LLL")]
    assert found.presentations == 8


def test_what_cannot_be_compared_is_refused(made: Make) -> None:
    """No configuration in common, other presentations, no dev scores, no labels, no replicates."""
    a = made("test")
    with pytest.raises(MetricError, match="share no configuration: a has 'HHH', 'LLL'; b has 'BBB'"):
        compared(a, made("test", configurations=("BBB",)))
    with pytest.raises(MetricError, match="did not score the same presentations"):
        compared(a, made("test", clips=6))
    with pytest.raises(MetricError, match="on dev scores"):
        compared(a, a, "bpcer=0.05")
    with pytest.raises(MetricError, match="dev scores of b lack the configuration 'LLL'"):
        compared(a, a, "bpcer=0.05", dev_a=made("dev"), dev_b=made("dev", configurations=("HHH",)))
    with pytest.raises(MetricError, match="scores b have no labels"):
        compared(a, Scores.build(["a"], [0.5], labelled=False))
    with pytest.raises(MetricError, match="at least 1 replicate"):
        compare_scores(a, a, "fixed=0.5", resample=Resample(replicates=0))


def test_json_reads_back(drawn: Make) -> None:
    """The same comparison comes out."""
    found = compared(drawn("test"), drawn("test"))
    assert Comparison.model_validate_json(as_json(found)) == found


def verdicts(found: Comparison) -> tuple[str, ...]:
    """The two sentences of the summary."""
    (summary, *_) = comparison_contents(found).sections
    assert isinstance(summary, Section)
    (items,) = [block for block in summary.blocks if isinstance(block, Items)]
    return items.lines


def test_summary_says_who_is_better_or_that_nothing_shows(made: Make) -> None:
    """An interval that holds zero is no difference, and no proof of sameness."""
    a, b = (made("test", configurations=(name,)) for name in ("HHH", "LLL"))
    worst, bpcer = verdicts(compared(a, b))
    assert "decide differently about 4 presentations, too few to say that it is no chance (p = 0.12)" in worst
    assert "shows no difference, which is not the same as there being none" in bpcer


def test_a_handful_is_too_few_to_say() -> None:
    """Whichever of two people are drawn, the difference is the same, so the interval has no width; four decisions prove nothing."""
    species, subjects = ["", "", *["print"] * 4], ["a", "b", "a", "a", "b", "b"]
    columns = {"species": species, "subject": subjects, "clip": list("uvwxyz")}
    a, b = (
        Scores.build(list("uvwxyz"), values, **columns)
        for values in ([0.9, 0.9, 0.9, 0.1, 0.9, 0.1], [0.9, 0.9, 0.1, 0.1, 0.1, 0.1])
    )
    worst, _ = verdicts(compared(a, b))
    assert "decide differently about 2 presentations, too few to say that it is no chance (p = 0.5)" in worst


def test_many_who_are_decided_differently_are_told() -> None:
    """By whichever is better."""
    people = [f"p{number}" for number in range(40)]
    columns = {"species": [""] * 20 + ["print"] * 20, "subject": people, "clip": people}
    a, b = (Scores.build(people, [0.9] * 20 + attacks, **columns) for attacks in ([0.1] * 20, [0.9] * 15 + [0.1] * 5))
    assert "A makes fewer errors, by 75.00 points" in verdicts(compared(a, b))[0]
    assert "B makes fewer errors, by 75.00 points" in verdicts(compared(b, a))[0]


def test_doubts(made: Make) -> None:
    """Many figures and few clusters are stated."""
    many = compared(made("test"), made("test")).warnings
    assert any("differs by chance" in warning for warning in many)
    assert any("Only 8 clusters" in warning for warning in many)
