"""The rules by which a claim is held, not held, or within noise."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from livegate.reproduce.claims import Judged, Observed, Outcome, Ratio, judge
from livegate.reproduce.pta_published import CLAIMS, NO_PTA, ROWS, TABLE_4
from livegate.reproduce.trials import Trials

HELD, NOT_HELD, NOISE = Outcome.HELD, Outcome.NOT_HELD, Outcome.NOISE
PEOPLE = 300


def errors(shares: Mapping[str, float]) -> Trials:
    """Three seeds; each person has 20 pictures of each class, and the same share of both is wrong."""
    full = np.full((3, PEOPLE), 20)
    wrong = {row: np.full((3, PEOPLE), round(20 * share)) for row, share in shares.items()}
    return Trials({row: np.stack([count, full, count, full], axis=-1) for row, count in wrong.items()})


def observed(shares: Mapping[str, float] | None = None, **changes: object) -> Observed:
    """A world in which the paper is right in everything, but for the changes."""
    ms = {row: cost.sd845_ms for row, cost in TABLE_4.items()}
    ratios = {(a, b): Ratio(ms[a] / ms[b], ms[a] / ms[b] - 0.001, ms[a] / ms[b] + 0.001) for a in ROWS for b in ROWS}
    world: dict[str, object] = {
        "trials": errors(shares or dict.fromkeys(ROWS, 0.3) | {NO_PTA: 0.5, "LLL": 0.2, "BBB": 0.25}),
        "latency": ratios,
        "step": Ratio(0.9, 0.88, 0.92),
        "curves": {NO_PTA: [[0.3, 0.2]] * 3, "HHH": [[0.2, 0.1]] * 3},
        "switched": True,
        "multiply_adds": {row: round(1e6 * cost.multiply_adds) for row, cost in TABLE_4.items()},
    }
    return Observed(**(world | changes))  # type: ignore[arg-type]


def outcome(number: int, world: Observed) -> Judged:
    """The judgement of a claim, counted from 1 as in the paper's list."""
    return judge(world)[number - 1]


def test_every_claim_is_judged_once_in_order() -> None:
    """Nine claims, each with evidence that holds numbers."""
    found = judge(observed())
    assert [one.claim for one in found] == list(CLAIMS)
    assert len(found) == 9
    assert all(part.evidence for one in found for part in one.parts)


@pytest.mark.parametrize("number", [1, 2, 4, 5, 6, 7, 8, 9])
def test_what_is_plainly_so_is_held(number: int) -> None:
    """In a world made after the paper's words its claims hold (BBB and LLL cannot both be best by the same figure)."""
    assert outcome(number, observed()).outcome is HELD


def test_bbb_must_beat_all() -> None:
    """Claim 3 fails when LLL has the better ACER, and holds when BBB has the best."""
    assert outcome(3, observed()).outcome is NOT_HELD
    assert outcome(3, observed(dict.fromkeys(ROWS, 0.3) | {"BBB": 0.1})).outcome is HELD


def test_no_difference_is_noise() -> None:
    """Equal networks: the interval of the difference is zero, neither below nor above."""
    world = observed(dict.fromkeys(ROWS, 0.3))
    assert [outcome(number, world).outcome for number in (1, 2, 3)] == [NOISE] * 3


def test_worse_is_not_held() -> None:
    """One configuration that is surely worse than the plain network sinks the claim on all of them."""
    world = observed(dict.fromkeys(ROWS, 0.3) | {NO_PTA: 0.5, "HLH": 0.8})
    assert outcome(2, world).outcome is NOT_HELD
    assert outcome(1, world).outcome is HELD
    assert (NOT_HELD, "ACER HLH - No PTA +30.00 [+30.00, +30.00]") in outcome(2, world).parts


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [(Ratio(0.9, 0.8, 0.99), HELD), (Ratio(1.0, 0.9, 1.1), NOISE), (Ratio(1.2, 1.1, 1.3), NOT_HELD)],
)
def test_times_are_judged_by_their_quartiles(ratio: Ratio, expected: Outcome) -> None:
    """Faster when both quartiles of the ratio are below 1."""
    assert outcome(6, observed(step=ratio)).outcome is expected


def test_a_ratio_is_the_median_of_its_rounds() -> None:
    """With the quartiles, as numpy interpolates them."""
    assert Ratio.over(np.array([1.0, 5.0, 2.0, 4.0, 3.0])) == Ratio(3.0, 2.0, 4.0)


@pytest.mark.parametrize(
    ("heavy", "expected"),
    [
        ([[0.2, 0.1]] * 3, HELD),
        ([[0.2, 0.1], [0.2, 0.1], [0.2, 0.3]], NOISE),
        ([[0.4, 0.1]] * 3, NOT_HELD),
        ([[0.2, 0.1]] * 2, NOISE),
    ],
)
def test_curves_need_every_seed_and_three_of_them(heavy: list[list[float]], expected: Outcome) -> None:
    """HHH must be below in each epoch of each seed."""
    curves = {NO_PTA: [[0.3, 0.2]] * len(heavy), "HHH": heavy}
    assert outcome(8, observed(curves=curves)).outcome is expected


def test_a_switch_that_costs_or_changes_something_is_told() -> None:
    """Claim 7 needs a ratio within two percent, claim 5 equal bits."""
    ratios = observed().latency
    dear = {**ratios, ("HHH", NO_PTA): Ratio(1.06, 1.05, 1.07)}
    assert outcome(7, observed(latency=dear)).outcome is NOT_HELD
    assert outcome(5, observed(switched=False)).outcome is NOT_HELD
