"""One picture of a data set, or two that are compared, and what is known about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

BONA_FIDE = "bona-fide"
"""How a bona fide presentation is named where a species name would stand in a table."""


class Split(StrEnum):
    """The parts of a data set. Thresholds are set on dev, reported on test."""

    TRAIN = "train"
    DEV = "dev"
    TEST = "test"


class Box(NamedTuple):
    """A face box in pixels of its picture; ``x`` and ``y`` are the left upper corner and may lie outside the picture."""

    x: float
    y: float
    width: float
    height: float


Landmarks = tuple[tuple[float, float], ...]
"""Five (x, y) points in pixels: right eye, left eye, nose, right and left mouth corner (the subject's right and left)."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One picture: bona fide exactly when ``species`` is None.

    Attributes:
        name: the path as the index writes it; the key of the picture in score files.
        folder: where that path starts; that of the index.
        species: the PAI species, None for a bona fide presentation.
        source: the data set that it came from; empty when unknown.
        split: its part of the data set; empty when unknown.
        subject: who is shown; empty when unknown.
        clip: the presentation that it is a frame of; empty when unknown (then the picture is its own presentation).
        box: the face, where known.
        landmarks: five points of the face, where known.
        facts: whatever else the index tells, by column, such as ``age`` or ``illumination``; empty text = unknown.
    """

    name: str
    folder: Path
    species: str | None = None
    source: str = ""
    split: str = ""
    subject: str = ""
    clip: str = ""
    box: Box | None = None
    landmarks: Landmarks | None = None
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the picture lies."""
        return self.folder / self.name

    @property
    def bona_fide(self) -> bool:
        """Whether the sample is a bona fide presentation."""
        return self.species is None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures that are compared.

    Attributes:
        reference: the picture that was there before, as its list names it.
        probe: the picture that is compared with it.
        mated: whether both show one person.
        fold: its part of a cross-validation, as the list names it; empty when the list has none.
        reference_subject: who the reference shows; empty when unknown.
        probe_subject: who the probe shows; empty when unknown.

    Raises:
        ValueError: if the subjects are known and say another thing than ``mated``, or a picture is compared with itself.
    """

    reference: str
    probe: str
    mated: bool
    fold: str = ""
    reference_subject: str = ""
    probe_subject: str = ""

    def __post_init__(self) -> None:
        if self.reference == self.probe:
            raise ValueError(f"picture {self.probe!r} is compared with itself; compare two pictures")
        one, other = self.reference_subject, self.probe_subject
        if one and other and (one == other) != self.mated:
            told = "mated, but shows" if self.mated else "non-mated, but shows only"
            raise ValueError(f"the comparison is {told} {one!r}" + (f" and {other!r}" if one != other else ""))
