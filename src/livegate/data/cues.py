"""What can be told without looking at the face: a logistic regression on colour, sharpness, contrast and framing of the picture.

A model that is not clearly better than this has learned how the pictures were taken. The regression is the one of scikit-learn's
``StandardScaler`` and ``LogisticRegression(class_weight="balanced")``: ridge on standardised columns, each class weighing half,
found by Newton's method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numpy.typing import NDArray

from livegate.capture import whole
from livegate.data.index import Index
from livegate.errors import IndexFileError, MetricError, PictureError
from livegate.metrics.scores import Scores
from livegate.pictures import read
from livegate.preprocessing import Preprocessing
from livegate.sample import Sample, Split

Floats = NDArray[np.float64]

NAME = "trivial cues"
"""What stands in the column ``configuration`` of their scores."""
CUES = 10
_STEPS, _HALVINGS, _ENOUGH = 100, 30, 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Cues:
    """A fitted regression.

    Attributes:
        mean: (10,) of each cue in the pictures it was fitted on.
        scale: (10,) their standard deviation, 1 where a cue does not vary.
        weights: (10,) of the standardised cues, larger = more bona fide.
        bias: what is added.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    bias: float

    @classmethod
    def fit(cls, cues: Floats, bona_fide: NDArray[np.bool_]) -> Self:
        """Fit the regression.

        Args:
            cues: (N, 10); rows with NaN, pictures that could not be read, are left out.
            bona_fide: (N,) which of them are bona fide.

        Raises:
            MetricError: when a class is missing.
        """
        read = ~np.isnan(cues).any(axis=1)
        cues, bona_fide = cues[read], bona_fide[read]
        counts = np.array([(~bona_fide).sum(), bona_fide.sum()])
        if not counts.all():
            raise MetricError(f"trivial cues need both classes to be fitted; got {counts[1]} bona fide and {counts[0]} attacks")
        mean, deviation = cues.mean(axis=0), cues.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        found = _newton((cues - mean) / scale, bona_fide, bona_fide.size / (2 * counts[bona_fide.astype(int)]))
        return cls(mean, scale, found[:-1], float(found[-1]))

    def score(self, cues: Floats) -> Floats:
        """Scores (N,) within 0..1, higher = more bona fide, of cues (N, 10); NaN where a cue is."""
        return _sigmoid((cues - self.mean) / self.scale @ self.weights + self.bias)


def baseline(index: Index, *parts: Scores, advance: Callable[[int], None] = lambda _: None) -> tuple[Scores, ...]:
    """Fit the cues on the split train of an index and score, instead of a model, the pictures that score files name.

    Args:
        index: with labels; it lists the pictures of train and those of the parts.
        parts: such as the scores of dev and of test; of several configurations the first is taken.
        advance: called with 1 after each picture.

    Returns:
        Each part with the scores of the cues, its configuration called "trivial cues"; no response where a picture cannot be read.

    Raises:
        IndexFileError: without labels or a split train, when a picture of a part is not listed, or belongs to train.
        MetricError: when train lacks a class.
    """
    index.require_labels()
    train = index.split(Split.TRAIN.value).samples
    chosen = [part.where(part.configuration == part.configurations[0]) for part in parts]
    by_name = {sample.name: sample for sample in index.samples}
    names = dict.fromkeys(name for part in chosen for name in part.names.tolist())
    if unknown := [name for name in names if name not in by_name]:
        raise IndexFileError(
            index.path, [f"does not list {len(unknown)} of the pictures that were scored, such as {unknown[0]!r}"]
        )
    if seen := [name for name in names if by_name[name].split == Split.TRAIN]:
        raise IndexFileError(index.path, [f"says that {len(seen)} of the scored pictures belong to train, such as {seen[0]!r}"])
    model = Cues.fit(features(train, advance), np.array([sample.bona_fide for sample in train]))
    values = dict(zip(names, model.score(features([by_name[name] for name in names], advance)), strict=True))
    return tuple(
        Scores.build(
            part.names.tolist(),
            [values[name] for name in part.names.tolist()],
            configuration=NAME,
            **{column: getattr(part, column).tolist() for column in ("species", "clip", "subject", "source", "split")},
        )
        for part in chosen
    )


def features(samples: Sequence[Sample], advance: Callable[[int], None] = lambda _: None) -> Floats:
    """The cues of each sample, (N, 10); NaN for a picture that cannot be read."""
    found = np.full((len(samples), CUES), np.nan)
    for row, sample in enumerate(samples):
        with suppress(PictureError):  # as for a model, no response
            found[row] = _cues(sample)
        advance(1)
    return found


def _cues(sample: Sample) -> list[float]:
    """Means and deviations of the colours, two kinds of sharpness, how much larger than the face the picture is, and whether it has a box."""
    picture = read(sample.path)
    box = sample.box or whole(picture)
    crop = Preprocessing().crop(picture, box)
    laplacian = cv2.Laplacian(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.CV_32F)
    blurred = cv2.GaussianBlur(crop, (0, 0), 2)
    detail = float(np.abs(crop.astype(np.int16) - blurred).mean())
    framing = min(picture.shape[:2]) / max(box.width, box.height)
    colours = [*crop.mean((0, 1)), *crop.std((0, 1))]
    return [*(float(value) for value in colours), float(np.log1p(laplacian.var())), detail, framing, float(sample.box is None)]


def _newton(cues: Floats, bona_fide: NDArray[np.bool_], shares: Floats) -> Floats:
    """The weights (D + 1,), the bias last, with the least ``sum(shares * loss) + |weights|^2 / 2``; the bias is not held small."""
    inputs = np.column_stack((cues, np.ones(len(cues))))
    signs = np.where(bona_fide, 1.0, -1.0)
    ridge = np.append(np.ones(cues.shape[1]), 0.0)

    def loss(weights: Floats) -> float:
        return float(shares @ np.logaddexp(0, -signs * (inputs @ weights)) + ridge @ weights**2 / 2)

    weights = np.zeros(inputs.shape[1])
    lowest = loss(weights)
    for _ in range(_STEPS):
        chance = _sigmoid(inputs @ weights)
        slope = inputs.T @ (shares * (chance - bona_fide)) + ridge * weights
        curve = (inputs * (shares * chance * (1 - chance))[:, None]).T @ inputs + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        for halving in range(_HALVINGS):  # a whole step can overshoot far from the minimum
            if (reached := loss(weights - step / 2**halving)) <= lowest:
                break
        gain, lowest = lowest - reached, min(reached, lowest)
        if gain <= _ENOUGH * max(1.0, lowest):
            break
        weights = weights - step / 2**halving
    return weights


def _sigmoid(logits: Floats) -> Floats:
    with np.errstate(invalid="ignore"):  # NaN stays NaN
        return np.asarray(np.exp(-np.logaddexp(0, -logits)), dtype=np.float64)
