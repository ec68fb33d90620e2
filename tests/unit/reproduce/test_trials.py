"""Errors of several seeds on the same pictures: counted by hand, paired, and never without doubt."""

from __future__ import annotations

import numpy as np
import pytest

from livegate.errors import MetricError
from livegate.metrics import Rate, Scores
from livegate.reproduce.trials import FIGURES, Trials, estimate, trials


def scored(values: list[float], **columns: list[str]) -> Scores:
    """Three bona fide and five attack pictures of two people."""
    given = {
        "species": ["", "", "", "print", "print", "replay", "replay", "replay"],
        "subject": ["ann", "bob", "bob", "ann", "ann", "bob", "bob", "bob"],
    } | columns
    return Scores.build([f"{number}.png" for number in range(len(values))], values, **given)


GOOD = [0.9, 0.8, 0.4, 0.1, 0.6, 0.2, 0.5, np.nan]
"""One of three bona fide rejected; of five attacks 0.6, 0.5 (at the threshold) and the one without response get in."""
CLEAN = [0.9, 0.9, 0.9, 0.1, 0.1, 0.1, 0.1, 0.1]


def test_errors_are_those_counted_by_hand() -> None:
    """No response is an error, and a score at the threshold is accepted."""
    found = trials({"net": [scored(GOOD), scored(CLEAN)]})
    assert found.rates("net") == (Rate(1, 6), Rate(3, 10))
    values = {figure: seeds.tolist() for figure, (seeds, _) in found.bootstrap(50)["net"].items()}
    assert values["bpcer"] == pytest.approx([1 / 3, 0])
    assert values["apcer"] == pytest.approx([3 / 5, 0])
    assert values["acer"] == pytest.approx([7 / 15, 0])
    assert values["accuracy"] == pytest.approx([4 / 8, 1])


def test_counts_are_kept_by_person() -> None:
    """(seeds, people, bona fide errors, bona fide, attack errors, attacks)."""
    counts = trials({"net": [scored(GOOD)]}).counts["net"]
    assert sorted(map(tuple, counts[0].tolist())) == [(0, 1, 1, 2), (1, 2, 2, 3)]


def test_networks_are_drawn_together() -> None:
    """Two rows with the same scores never differ in any draw: the differences are paired."""
    drawn = trials({"a": [scored(GOOD), scored(CLEAN)], "b": [scored(GOOD), scored(CLEAN)]}).bootstrap(200)
    for figure in FIGURES:
        np.testing.assert_array_equal(drawn["a"][figure][1], drawn["b"][figure][1])
    assert np.ptp(drawn["a"]["acer"][1]) > 0


def test_the_interval_knows_people_and_seeds() -> None:
    """A figure that differs from person to person and seed to seed has a wide interval; more people make it narrower."""
    rng = np.random.default_rng(5)

    def counts(people: int) -> Trials:
        errors = rng.binomial(10, 0.3, size=(3, people, 2))
        full = np.full((3, people), 10)
        return Trials({"net": np.stack([errors[..., 0], full, errors[..., 1], full], axis=-1)})

    few, many = (estimate(*counts(people).bootstrap(400)["net"]["acer"]) for people in (8, 400))
    assert few.low < 0.3 < few.high
    assert few.high - few.low > 3 * (many.high - many.low)
    assert len(few.seeds) == 3


def test_other_pictures_are_refused() -> None:
    """Two networks are compared on the same pictures only."""
    other = scored(CLEAN).where(np.arange(7))
    with pytest.raises(MetricError, match="different pictures"):
        trials({"a": [scored(CLEAN)], "b": [other]})


def test_one_class_is_refused() -> None:
    """Without attacks there is no APCER."""
    with pytest.raises(MetricError, match="one class only"):
        trials({"a": [scored(CLEAN, species=[""] * 8)]})
