"""Similarities of compared pictures, and who they show.

**Higher = more alike**: the cosine of two embeddings of unit length, -1 to 1, accepted when it is >= the threshold. Papers often give the
squared Euclidean distance of these embeddings instead, 2 - 2 cosine, where lower = more alike.

No response, NaN, is a rejection: an error of a mated comparison and none of a non-mated one (the generalised rates of ISO/IEC 19795-1). It
is counted beside every figure, since a system that never answers has no false match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt

from livegate.errors import MetricError
from livegate.metrics.codes import Codes, Text, factorise, ranked
from livegate.metrics.scores import Floats, Mask

UNIT_TOLERANCE = 0.01
"""How far the length of an embedding may be from 1: arithmetic in a few bits moves it by less."""
_TEXT = np.dtypes.StringDType()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Similarities:
    """Similarities of N comparisons; ``build`` makes one from lists.

    Attributes:
        values: (N,) float64 within -1..1; NaN = no response.
        mated: (N,) bool; whether both pictures show one person.
        fold: (N,) text; the part of a cross-validation, empty when there is none.
        reference_subject: (N,) text; empty = unknown.
        probe_subject: (N,) text; empty = unknown.

    Raises:
        MetricError: when mated or non-mated comparisons are missing.
        ValueError: on columns of unequal length, or similarities outside -1..1.
    """

    values: Floats
    mated: Mask
    fold: Text
    reference_subject: Text
    probe_subject: Text

    def __post_init__(self) -> None:
        shapes = {name: getattr(self, name).shape for name in ("values", "mated", "fold", "reference_subject", "probe_subject")}
        if set(shapes.values()) != {(self.values.size,)}:
            raise ValueError(f"columns must be flat and equally long, got {shapes}")
        if (np.abs(self.values) > 1).any():
            raise ValueError("similarities must lie within -1..1, or be NaN for no response")
        if not 0 < self.mated.sum() < self.mated.size:
            missing = "non-mated" if self.mated.size and self.mated.all() else "mated"
            raise MetricError(f"there are no {missing} comparisons; error rates need both kinds")

    @classmethod
    def build(cls, values: npt.ArrayLike, mated: npt.ArrayLike, **columns: npt.ArrayLike) -> Self:
        """Similarities from lists; a column of text that is not given is empty."""
        found = np.asarray(values, dtype=np.float64)
        given = dict.fromkeys(("fold", "reference_subject", "probe_subject"), np.full(found.shape, "", _TEXT)) | columns
        return cls(
            values=found,
            mated=np.asarray(mated, dtype=np.bool_),
            **{name: np.asarray(column, dtype=_TEXT) for name, column in given.items()},
        )

    def __len__(self) -> int:
        return self.values.size

    @property
    def compared(self) -> Floats:
        """(N,) the similarities, with -inf, rejected at every threshold, for no response."""
        return np.where(np.isnan(self.values), -np.inf, self.values)

    @property
    def with_subjects(self) -> bool:
        """Whether it is known of every comparison who is shown."""
        return bool(((self.reference_subject != "") & (self.probe_subject != "")).all())

    def where(self, rows: Mask | Codes) -> Self:
        """The comparisons that a mask (N,) or an array of indices picks out."""
        names = ("values", "mated", "fold", "reference_subject", "probe_subject")
        return type(self)(**{name: getattr(self, name)[rows] for name in names})


def of_unit_length(embeddings: npt.NDArray[np.floating]) -> Mask:
    """Which embeddings (N, D) have the length 1, within `UNIT_TOLERANCE`; none that holds what is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(embeddings.astype(np.float64), axis=1)
        return np.asarray(np.abs(lengths - 1) <= UNIT_TOLERANCE, dtype=np.bool_)


def cosine(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> Floats:
    """The similarity (…) of embeddings (…, D), pair by pair, -1..1.

    Lengths are divided out, since they are 1 only nearly: an embedding is alike to itself by exactly 1.
    """
    one, other = one.astype(np.float64), other.astype(np.float64)
    products = np.einsum("...d,...d->...", one, other)
    lengths = np.einsum("...d,...d->...", one, one) * np.einsum("...d,...d->...", other, other)
    return np.asarray(np.clip(products / np.sqrt(lengths), -1.0, 1.0))


def every_pair(embeddings: npt.NDArray[np.float32], subjects: Sequence[str]) -> Similarities:
    """Each picture with each other one, once: many comparisons of few people, so only intervals over subjects tell what they show.

    Args:
        embeddings: (N, D) of unit length; N (N - 1) / 2 similarities are made.
        subjects: (N,) who each picture shows.

    Raises:
        MetricError: when there is no second picture of anybody, or one person alone.
    """
    names = np.asarray(subjects, dtype=_TEXT)
    one, other = np.triu_indices(len(names), k=1)
    found = numbered_pairs(embeddings, factorise(names)[1])
    return replace(found, reference_subject=names[one], probe_subject=names[other])


def numbered_pairs(embeddings: npt.NDArray[np.float32], people: npt.NDArray[np.integer]) -> Similarities:
    """The same of people who have numbers (N,): quicker, and without the names that intervals need.

    Raises:
        MetricError: as `every_pair` does.
    """
    one, other = np.triu_indices(len(people), k=1)
    rows = embeddings.astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Similarities.build(np.clip((rows @ rows.T)[one, other], -1.0, 1.0), people[one] == people[other])


class Dyads:
    """Subjects drawn with replacement, for comparisons that each belong to two of them.

    A comparison of two subjects occurs as often as their numbers of copies multiply, one of a single subject as often as that is drawn
    (Owen 2007, the pigeonhole bootstrap). Comparisons that share a person are no independent trials: this knows it, and its intervals are
    somewhat too wide rather than too narrow.

    Args:
        reference: (N,) text; who each reference shows.
        probe: (N,) text; who each probe shows.

    Raises:
        MetricError: if a subject is unknown, or there is one alone.
    """

    def __init__(self, reference: Text, probe: Text) -> None:
        if ((reference == "") | (probe == "")).any():
            raise MetricError("some comparisons do not tell their subjects, so subjects cannot be drawn; give both columns")
        codes = ranked(np.concatenate((reference, probe)))
        self.reference, self.probe = codes[: reference.size], codes[reference.size :]
        self.subjects = int(codes.max()) + 1
        self._single = self.reference == self.probe
        if self.subjects < 2:
            raise MetricError("all comparisons show one subject, so subjects cannot be drawn; give at least two")

    def weights(self, generator: np.random.Generator) -> Codes:
        """How often each comparison occurs in one drawn set, (N,) int64."""
        copies = np.bincount(generator.integers(self.subjects, size=self.subjects), minlength=self.subjects)
        one = copies[self.reference]
        return np.where(self._single, one, one * copies[self.probe]).astype(np.int64)
