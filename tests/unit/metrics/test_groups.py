"""Rates by the values of a column."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import MetricError
from livegate.metrics import Rate, Scores, Threshold, measure
from livegate.metrics.groups import UNKNOWN, by_column, newcombe

HALF = Threshold(0.5, "fixed=0.5", "")


def made() -> Scores:
    """Old: one of two bona fide rejected, an attack A accepted; young: none of four, B accepted, one of two A silent; one unknown."""
    rows = [
        ("old", "", 0.9), ("old", "", 0.1), ("old", "A", 0.8),
        ("young", "", 0.9), ("young", "", 0.9), ("young", "", 0.9), ("young", "", 0.9),
        ("young", "A", 0.1), ("young", "A", math.nan), ("young", "B", 0.7),
        ("", "", math.nan),
    ]  # fmt: skip
    return Scores.build(
        [str(row) for row in range(len(rows))],
        [value for *_, value in rows],
        species=[species for _, species, _ in rows],
        facts={"age": [age for age, *_ in rows]},
        source=["x"] * 3 + ["y"] * 8,
    )


def test_counted_by_hand() -> None:
    """Each group has its own rates, no response among the errors; what it lacks it has no rate of; the unknown come last."""
    old, young, unknown = by_column(made(), "age", HALF).groups
    assert (old.name, young.name, unknown.name) == ("old", "young", UNKNOWN)
    assert (old.bpcer, old.apcer) == (Rate(1, 2), {"A": Rate(1, 1)})
    assert (young.bpcer, young.apcer) == (Rate(0, 4), {"A": Rate(1, 2), "B": Rate(1, 1)})
    assert (young.apnrr, young.bpnrr, young.worst_apcer) == (Rate(1, 3), Rate(0, 4), ("B", Rate(1, 1)))
    assert (unknown.bpcer, unknown.bpnrr, unknown.apcer) == (Rate(1, 1), Rate(1, 1), {})
    assert (unknown.apnrr, unknown.worst_apcer) == (None, None)


def test_largest_gaps_counted_by_hand() -> None:
    """BPCER is 0/4 of the young and 1/1 of the unknown; APCER compares A with A, 1/2 with 1/1, B having nothing beside it."""
    found = by_column(made(), "age", HALF)
    assert found.bpcer_gap is not None
    assert found.apcer_gap is not None
    assert (found.bpcer_gap.low, found.bpcer_gap.high, found.bpcer_gap.value) == ("young", UNKNOWN, 1)
    assert (found.apcer_gap.species, found.apcer_gap.low, found.apcer_gap.high) == ("A", "young", "old")
    assert (found.apcer_gap.value, found.apcer_gap.interval) == (0.5, newcombe(Rate(1, 1), Rate(1, 2)))


def test_one_group_has_no_gap() -> None:
    """Nothing differs from itself."""
    found = by_column(made(), "split", HALF)
    assert [group.name for group in found.groups] == [UNKNOWN]
    assert (found.bpcer_gap, found.apcer_gap) == (None, None)


@pytest.mark.parametrize("column", ["mood", "name", "values"])
def test_columns_that_make_no_groups(column: str) -> None:
    """The message lists the columns there are."""
    with pytest.raises(MetricError, match=f"no column '{column}' to group by; columns are source, subject, split, age"):
        by_column(made(), column, HALF)


@pytest.mark.parametrize(
    ("column", "where"), [("species", "the APCER of each species"), ("configuration", "each configuration")]
)
def test_what_is_told_apart_anyway_makes_no_groups(column: str, where: str) -> None:
    """The column is there, so the message says where its figures stand, and what can be grouped by."""
    with pytest.raises(
        MetricError, match=f"nothing to group by {column}: {where} is told .*anyway; columns are source, .*, age"
    ):
        by_column(made(), column, HALF)


def test_labels_and_one_configuration_are_needed() -> None:
    """Rates need labels, and a threshold belongs to one configuration."""
    with pytest.raises(MetricError, match="no labels"):
        by_column(Scores.build(["a"], [0.5], labelled=False), "source", HALF)
    with pytest.raises(MetricError, match="'H', 'L'"):
        by_column(Scores.build(["a", "b"], [0.5] * 2, configuration=["H", "L"]), "source", HALF)


@given(st.lists(st.tuples(st.sampled_from(["", "x", "y"]), st.sampled_from(["", "A", "B"]), st.floats(0, 1)), max_size=30))
def test_groups_add_up(rows: list[tuple[str, str, float]]) -> None:
    """Errors and trials of all groups together are those of the whole."""
    rows = [("x", "", 0.5), ("y", "A", 0.5), *rows]
    source, species, values = (list(column) for column in zip(*rows, strict=True))
    scores = Scores.build([str(row) for row in range(len(rows))], values, source=source, species=species)
    groups = by_column(scores, "source", HALF).groups
    whole = measure(scores.values, scores.species, HALF)
    for name, rate in {"": whole.bpcer, **whole.apcer}.items():
        parts = [found for group in groups if (found := group.apcer.get(name) if name else group.bpcer)]
        assert (sum(part.errors for part in parts), sum(part.trials for part in parts)) == (rate.errors, rate.trials)
    assert [group.name for group in groups] == sorted(
        {name or UNKNOWN for name in source}, key=lambda name: (name == UNKNOWN, name)
    )


@pytest.mark.parametrize(
    ("one", "two", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
    ],
)
def test_newcombe_as_published(one: tuple[int, int], two: tuple[int, int], low: float, high: float) -> None:
    """Method 10 of Newcombe (1998), Table II, to its four digits (confirmed with statsmodels 0.14)."""
    assert newcombe(Rate(*one), Rate(*two)) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 200), st.integers(1, 200), st.data())
def test_newcombe_turns_round(trials: int, others: int, data: st.DataObject) -> None:
    """The interval holds the difference, stays within -1..1, and mirrors when the rates change places."""
    one, two = Rate(data.draw(st.integers(0, trials)), trials), Rate(data.draw(st.integers(0, others)), others)
    low, high = newcombe(one, two)
    assert -1 - 1e-12 <= low <= one.value - two.value <= high <= 1 + 1e-12
    assert np.allclose(newcombe(two, one), (-high, -low))
