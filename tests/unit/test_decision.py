"""The score comes out of two logits by one formula, and a decision is a record that can be logged and replayed."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate import Decision, Status
from livegate.decision import score_from_logits
from livegate.sample import Box

LOGIT = st.floats(-300, 300, width=32)


def test_scores_counted_by_hand() -> None:
    """Equal logits give one half; a lead of ln 3 for bona fide gives three quarters, for attack one quarter."""
    logits = np.array([[0, 0], [math.log(3), 0], [0, math.log(3)], [7, 7]], dtype=np.float64)
    assert score_from_logits(logits).tolist() == pytest.approx([0.5, 0.75, 0.25, 0.5], abs=1e-15)


@given(LOGIT, LOGIT)
def test_the_score_is_the_formula_of_the_contract(bona_fide: float, attack: float) -> None:
    """1 / (1 + exp(l_attack - l_bona)), in float64, from float32 logits."""
    (score,) = score_from_logits(np.array([[bona_fide, attack]], dtype=np.float32))
    assert score == pytest.approx(1 / (1 + math.exp(attack - bona_fide)), rel=1e-12)


def test_saturated_logits_neither_overflow_nor_warn() -> None:
    """A difference that exp cannot hold gives 0 and 1, still float64."""
    scores = score_from_logits(np.array([[3e38, -3e38], [-3e38, 3e38]], dtype=np.float32))
    assert scores.dtype == np.float64
    assert scores.tolist() == [1.0, 0.0]


@given(LOGIT, LOGIT, LOGIT)
def test_more_bona_fide_never_scores_lower(attack: float, one: float, two: float) -> None:
    """Higher = more bona fide: the score does not fall as the bona fide logit rises."""
    low, high = score_from_logits(np.array([[min(one, two), attack], [max(one, two), attack]], dtype=np.float32))
    assert low <= high


@pytest.mark.parametrize("status", list(Status))
def test_only_bona_fide_is_accepted(status: Status) -> None:
    """An attack, a picture that was not judged and an error are never a silent pass."""
    decision = Decision(status, None, None, "", 0.0, 0.0, None, "why")
    assert decision.accepted == (status == "bona-fide")


def test_a_decision_can_be_logged_and_replayed() -> None:
    """It goes through JSON and back to an equal, frozen value."""
    decision = Decision(Status.ATTACK, 0.1 + 0.2, 0.5, "HLH", 1.5, 9.25, Box(1.5, 2, 30, 40))
    told = json.loads(json.dumps(dataclasses.asdict(decision)))
    told |= {"status": Status(told["status"]), "face": Box(*told["face"])}
    assert Decision(**told) == decision
    with pytest.raises(dataclasses.FrozenInstanceError):
        decision.score = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(("score", "status"), [(0.4999, Status.ATTACK), (0.5, Status.BONA_FIDE), (0.5001, Status.BONA_FIDE)])
def test_a_score_is_judged_by_its_threshold(score: float, status: Status) -> None:
    """From the threshold on a face is bona fide; a score that is no number is an attack."""
    decision = Decision.judged(score, 0.5, "HLH", 1.0, 2.0, Box(1, 2, 3, 4))
    assert decision == Decision(status, score, 0.5, "HLH", 1.0, 2.0, Box(1, 2, 3, 4))
    assert not Decision.judged(math.nan, 0.5, "HLH", 1.0, 2.0, None).accepted


def test_what_is_not_judged_has_no_score() -> None:
    """Nor a threshold or a configuration, but a reason."""
    assert Decision.not_judged("too dark", 2.0) == Decision(Status.NOT_JUDGED, None, None, "", 0, 2.0, None, "too dark")
