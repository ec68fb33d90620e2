"""What trivial cues explain is measured as scikit-learn would, on the pictures that a model was measured on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from livegate.data.cues import CUES, NAME, Cues, baseline, features
from livegate.data.index import Index
from livegate.errors import IndexFileError, MetricError
from livegate.metrics import Scores


def drawn(rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cues on very different scales, of which some tell the classes apart; a fifth of the rows is bona fide."""
    chance = np.random.default_rng(seed)
    bona_fide = np.arange(rows) % 5 == 0
    cues = chance.normal(size=(rows, CUES)) * 10.0 ** np.arange(-3, CUES - 3) + bona_fide[:, None] * 10.0 ** np.arange(
        -3, CUES - 3
    )
    return cues, bona_fide


def reference(cues: np.ndarray, bona_fide: np.ndarray) -> np.ndarray:
    """What scikit-learn's regression gives."""
    regression = LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-12)
    return np.asarray(make_pipeline(StandardScaler(), regression).fit(cues, bona_fide).predict_proba(cues)[:, 1])


def test_scores_are_those_of_scikit_learn() -> None:
    """The same ridge, the same weight of the classes, the same scores to seven digits."""
    cues, bona_fide = drawn()
    np.testing.assert_allclose(Cues.fit(cues, bona_fide).score(cues), reference(cues, bona_fide), atol=1e-7)


def test_classes_that_a_line_separates_still_have_finite_weights() -> None:
    """The ridge holds them; a cue that never varies has no weight."""
    cues, bona_fide = drawn(60)
    cues[:, 4] = np.where(bona_fide, 1e6, -1e6)
    cues[:, 7] = 3.0
    fitted = Cues.fit(cues, bona_fide)
    assert np.isfinite(fitted.weights).all()
    assert abs(fitted.weights).max() < 10
    assert fitted.weights[7] == 0
    np.testing.assert_allclose(fitted.score(cues), reference(cues, bona_fide), atol=1e-7)


def test_a_picture_that_cannot_be_read_teaches_nothing_and_has_no_score() -> None:
    """Its row is left out of the fit, and its score is no response."""
    cues, bona_fide = drawn()
    gap = np.vstack((np.full(CUES, np.nan), cues))
    fitted = Cues.fit(gap, np.append(True, bona_fide))
    assert fitted.bias == Cues.fit(cues, bona_fide).bias
    assert np.isnan(fitted.score(gap)).tolist() == [True] + [False] * len(cues)


def test_one_class_is_refused() -> None:
    """There is nothing to tell apart."""
    cues, _ = drawn(20)
    with pytest.raises(MetricError, match="got 20 bona fide and 0 attacks"):
        Cues.fit(cues, np.ones(20, bool))


@pytest.fixture(scope="module")
def index(generated: Path) -> Index:
    """The small generated set."""
    return Index.read(generated)


def scores(index: Index, split: str, configuration: str = "HHH") -> Scores:
    """What a model would have written for a split, every score one half."""
    samples = index.split(split).samples
    columns = {name: [getattr(sample, name) for sample in samples] for name in ("clip", "subject", "source", "split")}
    species = [sample.species or "" for sample in samples]
    return Scores.build(
        [sample.name for sample in samples], [0.5] * len(samples), species=species, configuration=configuration, **columns
    )


def test_baseline_scores_the_pictures_that_the_model_was_scored_on(index: Index) -> None:
    """Fitted on train; the same rows once, whatever the configurations, with all that is known of them."""
    dev, test = scores(index, "dev"), Scores.join([scores(index, "test"), scores(index, "test", "LLL")])
    done: list[int] = []
    for given, found in zip((dev, test), baseline(index, dev, test, advance=done.append), strict=True):
        kept = given.where(given.configuration == "HHH")
        assert found.configurations == (NAME,)
        for column in ("names", "species", "clip", "subject", "source", "split"):
            assert getattr(found, column).tolist() == getattr(kept, column).tolist()
        assert len(set(found.values.tolist())) > len(found) / 2
        train = index.split("train").samples
        fitted = Cues.fit(features(train), np.array([sample.bona_fide for sample in train]))
        split = index.split(given.split.tolist()[0]).samples
        np.testing.assert_array_equal(found.values, fitted.score(features(split)))
    assert sum(done) == len(index.samples)


def test_pictures_that_the_index_does_not_list_are_refused(index: Index) -> None:
    """The message names one."""
    with pytest.raises(IndexFileError, match=r"does not list 1 of the pictures that were scored, such as 'else\.png'"):
        baseline(index, Scores.build(["else.png"], [0.5]))


def test_pictures_of_train_are_refused(index: Index) -> None:
    """The cues would be measured on what they were fitted on."""
    with pytest.raises(IndexFileError, match="scored pictures belong to train"):
        baseline(index, scores(index, "train"))


def test_an_index_without_train_or_labels_is_refused(index: Index) -> None:
    """Nothing to fit on."""
    with pytest.raises(IndexFileError, match="no sample of split 'train'"):
        baseline(index.split("dev"), scores(index, "dev"))
    with pytest.raises(IndexFileError, match="no column 'species'"):
        baseline(replace(index, labelled=False), scores(index, "dev"))


def test_features_of_a_missing_picture_are_no_numbers(index: Index) -> None:
    """The others keep theirs."""
    first, second = index.samples[:2]
    found = features([replace(first, name="none.png"), second])
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()
