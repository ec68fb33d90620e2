"""Aligned faces with the number of the person that each shows: what a network for verification learns from, whatever they are kept in.

Millions of pictures fit: nothing is an object of its own, people are numbers in one array and places in files are another.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from livegate.data.index import Index
from livegate.errors import DataSetError
from livegate.metrics.codes import Text
from livegate.pictures import SUFFIXES

Labels = npt.NDArray[np.int32]
UNKNOWN = -1
"""The label of a picture of nobody knows whom."""


class Person(NamedTuple):
    """Somebody: the same name in another source is another person. Both are empty where they are unknown."""

    source: str
    subject: str


class Faces(Protocol):
    """Pictures by their place, 0 to N - 1."""

    @property
    def labels(self) -> Labels:
        """(N,) int32; who is shown, 0 to ``people`` - 1, or ``UNKNOWN``."""
        ...

    @property
    def people(self) -> int:
        """How many there are."""
        ...

    def __len__(self) -> int: ...

    def source(self, place: int) -> Path | bytes:
        """The picture at a place: its path, or its encoded bytes."""
        ...

    def name(self, place: int) -> str:
        """What the picture at a place is called in every run: no two have one name."""
        ...

    def person(self, label: int) -> Person:
        """Whom a label stands for."""
        ...


class FaceFiles:
    """Faces in files of their own.

    Args:
        folder: where the paths start.
        names: of the pictures, below it.
        people: who each shows.

    Raises:
        DataSetError: if there is no picture.
    """

    def __init__(self, folder: Path, names: Sequence[str], people: Iterable[Person]) -> None:
        if not names:
            raise DataSetError(folder, ["holds no picture; give a folder for each person, with pictures in it"])
        self.folder = folder
        self._names: Text = np.array(names, dtype=np.dtypes.StringDType())
        met: dict[Person, int] = {}
        seen = (met.setdefault(person, len(met)) if person.subject else UNKNOWN for person in people)
        labels = np.fromiter(seen, np.int32, len(names))
        self._persons = sorted(met)
        number = {person: place for place, person in enumerate(self._persons)}
        # Its last entry is for the label -1.
        self.labels: Labels = np.array([*(number[person] for person in met), UNKNOWN], np.int32)[labels]
        self.people = len(met)

    @classmethod
    def of_folder(cls, folder: str | Path) -> Self:
        """A folder for each person; pictures lie in it, at whatever depth. Links are not followed.

        Raises:
            DataSetError: if it cannot be listed, or holds no picture.
        """
        folder = Path(folder)
        names = sorted(_pictures(folder))
        return cls(folder, names, (Person("", name.split("/", 1)[0]) for name in names))

    @classmethod
    def of_index(cls, index: Index) -> Self:
        """The pictures of an index; the same name in another source is another person.

        Raises:
            DataSetError: if there is no picture.
        """
        folder = index.samples[0].folder if index.samples else index.path.parent
        people = (Person(sample.source, sample.subject) for sample in index.samples)
        return cls(folder, [sample.name for sample in index.samples], people)

    def __len__(self) -> int:
        return self.labels.size

    def source(self, place: int) -> Path:
        """See `Faces`."""
        return self.folder / self.name(place)

    def name(self, place: int) -> str:
        """See `Faces`: as the index writes it, or below the folder."""
        return str(self._names[place])

    def person(self, label: int) -> Person:
        """See `Faces`."""
        return self._persons[label]


def _pictures(folder: Path) -> Iterator[str]:
    """The pictures below the folders of a folder; those beside them show nobody knows whom, and are left."""

    def refuse(error: OSError) -> None:
        raise DataSetError(folder, [f"cannot be listed ({error.strerror}: {error.filename!a}); check its permissions"])

    for place, _, files in os.walk(folder, onerror=refuse):
        below = Path(place).relative_to(folder).as_posix()
        if below != ".":
            yield from (f"{below}/{name}" for name in files if Path(name).suffix.lower() in SUFFIXES)
