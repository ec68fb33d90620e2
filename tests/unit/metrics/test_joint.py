"""Liveness and match together: counted by hand, and what is always true of a system made of two."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.errors import MetricError
from livegate.metrics.attempts import Attempts
from livegate.metrics.joint import Pair, halved, joint_intervals, joint_rates, pair_by_riapar, pair_by_rules
from livegate.metrics.rate import Rate
from livegate.metrics.thresholds import REJECT_ALL, Rule, Threshold


def pair(liveness: float, match: float) -> Pair:
    """Two fixed thresholds."""
    return Pair(Threshold(liveness, "fixed", ""), Threshold(match, "fixed", ""))


def attempts(
    rows: list[tuple[str, bool, float | None, float | None]], subjects: list[tuple[str, str]] | None = None
) -> Attempts:
    """Rows of (species, mated, liveness, similarity)."""
    species, mated, liveness, similarity = zip(*rows, strict=True)
    one, other = zip(*(subjects or [("", "")] * len(rows)), strict=True)
    return Attempts.build(
        reference=[f"t/{name}" for name in one],
        probe=[f"{number}.jpg" for number in range(len(rows))],
        mated=mated,
        species=species,
        liveness=liveness,
        similarity=similarity,
        reference_subject=one,
        probe_subject=other,
    )


HAND = attempts(
    [
        ("", True, 0.9, 0.8),  # admitted
        ("", True, 0.4, 0.8),  # liveness rejects
        ("", True, 0.9, 0.3),  # the match rejects
        ("", True, 0.9, None),  # nothing to match
        ("", False, 0.9, 0.6),  # an impostor gets in
        ("", False, 0.3, 0.6),
        ("", False, 0.9, 0.1),
        ("print", True, 0.7, 0.9),  # an attack gets in
        ("print", True, 0.2, 0.9),
        ("replay", True, 0.6, 0.2),
        ("replay", True, None, 0.9),
        ("replay", True, 0.1, 0.4),
    ]
)


def test_rates_are_those_counted_by_hand() -> None:
    """Each error counted once, however many parts made it."""
    found = joint_rates(HAND, pair(0.5, 0.5))
    assert (found.frr, found.bpcer, found.fnmr, found.silent) == (Rate(3, 4), Rate(1, 4), Rate(2, 4), Rate(1, 4))
    assert (found.far, found.fmr) == (Rate(1, 3), Rate(2, 3))
    assert found.iapar == {"print": Rate(1, 2), "replay": Rate(0, 3)}
    assert found.iapmr == {"print": Rate(2, 2), "replay": Rate(1, 3)}
    assert found.apcer == {"print": Rate(1, 2), "replay": Rate(2, 3)}  # the silent one counts as accepted by liveness
    assert found.silent_attacks == Rate(1, 5)
    assert found.worst_iapar == ("print", Rate(1, 2))
    assert found.riapar == 0.75 + 0.5


def test_the_ideal_and_the_useless() -> None:
    """0 when all is right; 1 when everybody is admitted or nobody."""
    ideal = attempts([("", True, 0.9, 0.9), ("", False, 0.9, 0.1), ("print", True, 0.1, 0.9)])
    assert joint_rates(ideal, pair(0.5, 0.5)).riapar == 0.0
    assert joint_rates(ideal, pair(0.0, 0.0)).riapar == 1.0
    assert joint_rates(ideal, pair(REJECT_ALL, 0.5)).riapar == 1.0


def drawn(seed: int, subjects: int = 12) -> Attempts:
    """Each subject: four mated, two zero-effort, three attacks of each of two species; scores correlated, some silent."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[str, bool, float | None, float | None]] = []
    names: list[tuple[str, str]] = []
    for subject in range(subjects):
        for species, mated, count, live, match in (
            ("", True, 4, 0.75, 0.6),
            ("", False, 2, 0.75, 0.1),
            ("print", True, 3, 0.4, 0.55),
            ("replay", True, 3, 0.3, 0.45),
        ):
            for _ in range(count):
                shared = rng.normal(0, 0.1)
                liveness = float(np.clip(live + shared + rng.normal(0, 0.15), 0, 1))
                similarity = float(np.clip(match + shared + rng.normal(0, 0.15), -1, 1))
                silent = rng.random() < 0.05
                rows.append((species, mated, None if silent else liveness, similarity))
                names.append((f"s{subject}", f"s{subject}" if mated else f"s{(subject + 1) % subjects}"))
    return attempts(rows, names)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1))
def test_what_is_always_true(seed: int, live: float, match: float) -> None:
    """Two doors admit no more than either: IAPAR, FAR below their parts, FRR above its parts and below their sum."""
    found = joint_rates(drawn(seed, 4), pair(live, match))
    for name, rate in found.iapar.items():
        assert rate.value <= min(found.apcer[name].value, found.iapmr[name].value)
    assert found.far is not None
    assert found.fmr is not None
    assert found.far.value <= found.fmr.value
    assert max(found.bpcer.errors, found.fnmr.errors) <= found.frr.errors <= found.bpcer.errors + found.fnmr.errors
    assert 0 <= found.riapar <= 2
    assert found.riapar == max(rate.value + found.frr.value for rate in found.iapar.values())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_door_admits_no_more(seed: int, low: float, high: float, match: float) -> None:
    """IAPAR and FAR fall, FRR rises with a threshold."""
    low, high = sorted((low, high))
    loose, strict = (joint_rates(drawn(seed, 3), pair(live, match)) for live in (low, high))
    assert loose.frr.errors <= strict.frr.errors
    assert all(loose.iapar[name].errors >= strict.iapar[name].errors for name in loose.iapar)


@pytest.mark.parametrize("seed", range(4))
def test_the_best_pair_is_no_worse_than_any_of_a_grid(seed: int) -> None:
    """Among all pairs that keep the FMR, none on a grid has a lower RIAPAR."""
    scores = drawn(seed)
    chosen = pair_by_riapar(scores, 0.1, "half")
    found = joint_rates(scores, chosen)
    assert found.fmr is not None
    assert found.fmr.value <= 0.1
    others = [joint_rates(scores, pair(live, match)) for live in np.linspace(0, 1, 21) for match in np.linspace(0, 1, 21)]
    allowed = [other.riapar for other in others if other.fmr is not None and other.fmr.value <= 0.1]
    assert len(allowed) > 20
    assert found.riapar <= min(allowed) + 1e-9
    assert chosen.match.rule == chosen.liveness.rule == "riapar,fmr=0.1"


def test_each_threshold_by_its_own_rule() -> None:
    """Liveness as the shipped model's is set, the match by FMR; a target that the attempts do not support is refused."""
    scores = drawn(1)
    chosen = pair_by_rules(scores, Rule.parse("bpcer=0.1"), 0.1, "half")
    found = joint_rates(scores, chosen)
    assert found.bpcer.value <= 0.1
    assert found.fmr is not None
    assert found.fmr.value <= 0.1
    assert (chosen.liveness.rule, chosen.match.rule, chosen.match.split) == ("bpcer=0.1", "fmr=0.1", "half")
    with pytest.raises(MetricError, match="needs at least 1,000 non-mated"):
        pair_by_rules(scores, Rule.parse("bpcer=0.1"), 0.001, "half")


def test_intervals_over_subjects() -> None:
    """They hold the value, differ from 0 only where there are errors, and repeat with the seed."""
    scores = drawn(2, 20)
    at = pair(0.5, 0.4)
    rates, found = joint_rates(scores, at), joint_intervals(scores, at, replicates=200)
    assert found.frr.value == pytest.approx(rates.frr.value)
    assert found.frr.low < rates.frr.value < found.frr.high
    assert found.riapar.value == pytest.approx(rates.riapar)
    assert found.far is not None
    assert set(found.iapar) == {"print", "replay"}
    assert found.subjects == 20
    assert found == joint_intervals(scores, at, replicates=200)


def test_each_half_is_measured_by_the_other() -> None:
    """Thresholds from one half, rates of the other, and both in one pot."""
    scores = drawn(5, 24)
    seen: list[Attempts] = []

    def choose(half: Attempts) -> Pair:
        seen.append(half)
        return pair_by_riapar(half, 0.2, "the other half")

    # Impostors of the neighbouring subject are of the other half: give each an impostor of its own half instead.
    order = sorted(f"s{number}" for number in range(24))
    other = [order[(order.index(name) + 2) % 24] for name in scores.reference_subject.tolist()]
    scores = replace(scores, probe_subject=np.where(scores.mated, scores.reference_subject, np.array(other, scores.clip.dtype)))
    found = halved(scores, choose)
    one, two = found.attempts
    assert not set(one.reference_subject.tolist()) & set(two.reference_subject.tolist())
    assert len(one) + len(two) == len(scores)
    assert [half.reference_subject[0] for half in seen] == [two.reference_subject[0], one.reference_subject[0]]
    assert found.rates[0] == joint_rates(one, pair_by_riapar(two, 0.2, "the other half"))
    assert found.frr == Rate(sum(rates.frr.errors for rates in found.rates), 96)
    assert found.far is not None
    assert found.far.trials == 48
    assert {name: rate.trials for name, rate in found.iapar.items()} == {"print": 72, "replay": 72}
    assert found.riapar == found.worst_iapar[1].value + found.frr.value
    drawn_sets = found.intervals(replicates=100)
    assert drawn_sets.frr.value == pytest.approx(found.frr.value)
    assert drawn_sets.riapar.value == pytest.approx(found.riapar)
    assert drawn_sets.riapar.low < found.riapar < drawn_sets.riapar.high


def test_a_missing_kind_is_refused() -> None:
    """Without mated attempts there is no FRR, without attacks no IAPAR; without impostors FAR is not told."""
    attack, mated = ("print", True, 0.5, 0.5), ("", True, 0.5, 0.5)
    with pytest.raises(MetricError, match="no mated bona fide"):
        joint_rates(attempts([attack]), pair(0.5, 0.5))
    with pytest.raises(MetricError, match="no attacks"):
        joint_rates(attempts([mated]), pair(0.5, 0.5))
    found = joint_rates(attempts([attack, mated]), pair(0.5, 0.5))
    assert (found.far, found.fmr) == (None, None)
    assert not math.isnan(found.riapar)
    with pytest.raises(MetricError, match="do not tell their subjects"):
        joint_intervals(HAND, pair(0.5, 0.5))
