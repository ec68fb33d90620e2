"""k-fold accuracy exactly as the literature counts it, and rates at thresholds from the other folds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.model_selection import KFold

from livegate.errors import MetricError
from livegate.metrics.folds import accuracy, contiguous, given, held_out
from livegate.metrics.rate import Rate
from livegate.metrics.similarities import Similarities
from livegate.metrics.thresholds import Threshold
from livegate.metrics.verification import at_fmr, match_rates


def drawn(seed: int, pairs: int = 600) -> Similarities:
    """Pairs whose kinds alternate in tens, as in a pack."""
    rng = np.random.default_rng(seed)
    mated = np.arange(pairs) // 10 % 2 == 0
    return Similarities.build(np.clip(np.where(mated, 0.5, 0.1) + rng.normal(0, 0.2, pairs), -1, 1), mated)


def literature(similarities: Similarities, folds: int) -> tuple[list[float], list[float]]:
    """The code that papers use (insightface's verification.py), line by line on distances."""
    thresholds = np.arange(0, 4, 0.01)
    distance, actual = 2 - 2 * similarities.values, similarities.mated
    accuracies, chosen = [], []
    for train, test in KFold(n_splits=folds, shuffle=False).split(np.arange(actual.size)):
        on_train = [np.mean((distance[train] < threshold) == actual[train]) for threshold in thresholds]
        best = thresholds[np.argmax(on_train)]
        accuracies.append(float(np.mean((distance[test] < best) == actual[test])))
        chosen.append(float(best))
    return accuracies, chosen


@pytest.mark.parametrize("folds", [5, 10, 7])
@pytest.mark.parametrize("seed", range(3))
def test_equals_the_code_of_the_literature(seed: int, folds: int) -> None:
    """Every fold's accuracy and threshold, their mean and deviation; 600 is no multiple of 7."""
    similarities = drawn(seed)
    accuracies, chosen = literature(similarities, folds)
    found = accuracy(similarities, contiguous(similarities, folds))
    assert [1 - fold.value for fold in found.folds] == pytest.approx(accuracies)
    assert found.thresholds == pytest.approx(chosen)
    assert (found.mean, found.deviation) == pytest.approx((np.mean(accuracies), np.std(accuracies)))
    assert found.wrong.trials == 600


def test_by_hand() -> None:
    """Two folds of two pairs: distances 0.205 and 1.0, 0.6 and 0.4. What one fold chooses the other pays for."""
    similarities = Similarities.build([0.8975, 0.5, 0.7, 0.8], [True, False, True, False], fold=["a", "a", "b", "b"])
    found = accuracy(similarities, given(similarities))
    # Fold b is best (one of two right) from threshold 0, which takes nobody for anybody: of fold a the mated pair is lost.
    # Fold a is best from the first threshold above 0.205, and there fold b's mated pair of distance 0.6 is lost.
    assert found.folds == (Rate(1, 2), Rate(1, 2))
    assert found.thresholds == pytest.approx((0.0, 0.21))
    assert (found.mean, found.deviation) == (0.5, 0.0)


def test_no_response_is_a_rejection() -> None:
    """A pair without a similarity counts as far apart."""
    similarities = Similarities.build([math.nan, 0.0, 0.9, 0.0] * 2, [True, False, True, False] * 2)
    assert accuracy(similarities, contiguous(similarities, 2)).wrong == Rate(2, 8)


def test_folds_of_a_list() -> None:
    """They are numbered as they appear; none, one or some are refused."""
    assert given(Similarities.build([0, 0, 0], [1, 0, 1], fold=["7", "2", "7"])).tolist() == [0, 1, 0]
    for fold in (["", ""], ["1", "1"], ["1", ""]):
        with pytest.raises(MetricError, match="no folds"):
            given(Similarities.build([0, 0], [1, 0], fold=fold))


def test_contiguous_folds_are_scikit_learns() -> None:
    """Also where the number of pairs is no multiple of that of folds."""
    similarities = drawn(0, 23)
    expected = np.empty(23, int)
    for number, (_, test) in enumerate(KFold(5, shuffle=False).split(expected)):
        expected[test] = number
    assert contiguous(similarities, 5).tolist() == expected.tolist()
    for count in (1, 24):
        with pytest.raises(MetricError, match="folds of 23"):
            contiguous(similarities, count)


def test_a_held_out_rate_never_saw_its_threshold() -> None:
    """Each fold at the threshold of the others, counted by hand."""
    similarities = drawn(5)
    folds = contiguous(similarities, 3)
    accepted = rejected = 0
    for fold in range(3):
        threshold = at_fmr(similarities.where(folds != fold), 0.05, "")
        point = match_rates(similarities.where(folds == fold), Threshold(threshold.value, "", ""))
        accepted, rejected = accepted + point.fmr.errors, rejected + point.fnmr.errors
    found = held_out(similarities, folds, 0.05)
    assert (found.fmr, found.fnmr) == (Rate(accepted, 300), Rate(rejected, 300))
    with pytest.raises(MetricError, match="needs at least 1,000 non-mated comparisons, there are 200"):
        held_out(similarities, folds, 0.001)
