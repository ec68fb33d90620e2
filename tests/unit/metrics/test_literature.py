"""Figures as papers count them, against counts by hand and against their own definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.errors import MetricError
from livegate.metrics import Rate, Scores
from livegate.metrics.literature import equal_error_point, hter, model_zoo, oulu, tpr_at_fpr
from livegate.metrics.scores import Floats

P_BONA_FIDE = [0.10, 0.20, 0.30, 0.40]
P_ATTACK = {"A": [0.35, 0.60, 0.80], "B": [0.15, 0.90]}
"""p(attack), as papers write scores: specs/metrics.md, section 7."""


def scores(p_bona_fide: list[float], p_attack: dict[str, list[float]]) -> Scores:
    """Livegate's scores of p(attack)."""
    rows = [("", p) for p in p_bona_fide] + [(species, p) for species, found in p_attack.items() for p in found]
    return Scores.build([str(row) for row in range(len(rows))], [1 - p for _, p in rows], species=[name for name, _ in rows])


GIVEN = scores(P_BONA_FIDE, P_ATTACK)


def official(p_bona_fide: Floats, p_attack: Floats, fpr: float) -> float:
    """CelebA-Spoof's own script, in its own sense of the score."""
    threshold = sorted(p_bona_fide.tolist(), reverse=True)[max(1, int(fpr * p_bona_fide.size)) - 1]
    return float((p_attack > threshold).mean())


def test_celeba_spoof_counted_by_hand() -> None:
    """At 0.25 of four bona fide k is 1, the threshold p = 0.40, and three of five attacks lie above; none of the bona fide does."""
    found = tpr_at_fpr(GIVEN.values, GIVEN.species, 0.25)
    assert (found.tpr, found.attained, found.below) == (Rate(3, 5), Rate(0, 4), 0.6)


def test_celeba_spoof_is_not_quite_the_rate_aimed_at() -> None:
    """At 0.5 k is 2: the bona fide at p = 0.40 is called an attack, the one at 0.30 is not, though half were allowed."""
    found = tpr_at_fpr(GIVEN.values, GIVEN.species, 0.5)
    assert (found.tpr, found.attained) == (Rate(4, 5), Rate(1, 4))


def test_an_equal_score_is_not_detected() -> None:
    """The comparison is strict: an attack at the very threshold passes."""
    tied = scores([0.4, 0.1], {"A": [0.4, 0.5]})
    assert tpr_at_fpr(tied.values, tied.species, 0.01).tpr == Rate(1, 2)


@given(
    st.lists(st.sampled_from([k / 16 for k in range(17)]), min_size=1, max_size=40),
    st.lists(st.sampled_from([k / 16 for k in range(17)]), min_size=1, max_size=40),
    st.sampled_from([0.01, 0.005, 0.1, 0.3, 1.0]),
)
def test_celeba_spoof_agrees_with_its_script(bona_fide: list[float], attack: list[float], fpr: float) -> None:
    """Turning the score's sense changes nothing, ties included."""
    made = scores(bona_fide, {"A": attack})
    assert tpr_at_fpr(made.values, made.species, fpr).tpr.value == official(np.array(bona_fide), np.array(attack), fpr)


def test_no_response_in_the_literature() -> None:
    """A bona fide presentation without one is the first false positive, an attack without one is never detected."""
    values = np.array([math.nan, 0.9, 0.8, math.nan, 0.1])
    found = tpr_at_fpr(values, np.array(["", "", "", "A", "A"]), 0.7)
    assert (found.below, found.tpr, found.attained) == (0.8, Rate(1, 2), Rate(1, 3))
    assert tpr_at_fpr(values, np.array(["", "", "", "A", "A"]), 0.1).tpr == Rate(0, 2)


@pytest.mark.parametrize("fpr", [0, -0.1, 1.1, 5])
def test_impossible_false_positive_rates(fpr: float) -> None:
    """A rate of 0 or in percent is refused."""
    with pytest.raises(ValueError, match="false positive rate"):
        tpr_at_fpr(GIVEN.values, GIVEN.species, fpr)


def test_hter_counted_by_hand() -> None:
    """Dev's errors meet at a score of 0.7 (p = 0.3): there test rejects one of two and accepts one of four attacks."""
    test = scores([0.2, 0.5], {"A": [0.25, 0.9], "C": [0.6, 0.7]})
    point = equal_error_point(GIVEN, test)
    assert (point.threshold.value, point.threshold.rule, point.threshold.split) == (0.7, "d-eer", "dev")
    assert (point.bpcer, point.apcer) == (Rate(1, 2), {"A": Rate(1, 2), "C": Rate(0, 2)})
    assert hter(GIVEN, test) == (1 / 4 + 1 / 2) / 2


def test_oulu_counted_by_hand() -> None:
    """Two folds with worst APCER 1/2 and 0, BPCER 1/2 and 0: means 1/4, deviations of two values that lie 1/2 apart."""
    one = (GIVEN, scores([0.2, 0.5], {"A": [0.25, 0.9], "C": [0.6, 0.7]}))
    two = (GIVEN, scores([0.2, 0.1], {"A": [0.8, 0.9], "C": [0.6, 0.7]}))
    found = oulu([one, two])
    assert (found.apcer.mean, found.bpcer.mean, found.acer.mean) == (0.25, 0.25, 0.25)
    assert found.apcer.deviation == found.acer.deviation == pytest.approx(0.5 / math.sqrt(2))
    assert [point.worst_apcer for point in found.folds] == [("A", Rate(1, 2)), ("A", Rate(0, 2))]
    assert oulu([one]).acer.deviation == 0


def test_no_folds() -> None:
    """There is no mean over nothing."""
    with pytest.raises(MetricError, match="no folds"):
        oulu([])


def test_the_model_zoo_counted_by_hand() -> None:
    """At one half: of four bona fide p = 0.6 is rejected, p = 0.5 ties and is not; of five attacks of two species two pass."""
    found = model_zoo(scores([0.1, 0.2, 0.5, 0.6], {"A": [0.4, 0.7, 0.8], "B": [0.3, 0.9]}))
    assert (found.bpcer, found.apcer_pooled) == (Rate(1, 4), Rate(2, 5))
    assert found.acer_pooled == pytest.approx((1 / 4 + 2 / 5) / 2)


def test_the_model_zoo_prints_the_mean_of_what_it_calls_apcer_and_bpcer() -> None:
    """Its own counts, spoof as the positive class: "APCER" FP / (TN + FP), "BPCER" FN / (FN + TP)."""
    bona_fide, attacks = np.random.default_rng(0).uniform(size=(2, 400))
    made = scores(list(bona_fide), {"A": list(attacks[:100]), "B": list(attacks[100:])})
    fp, fn = int((bona_fide > 0.5).sum()), int((attacks <= 0.5).sum())
    printed = {"APCER": fp / 400, "BPCER": fn / 400}
    found = model_zoo(made)
    assert found.bpcer.value == printed["APCER"]
    assert found.apcer_pooled.value == printed["BPCER"]
    assert found.acer_pooled == pytest.approx((printed["APCER"] + printed["BPCER"]) / 2)
