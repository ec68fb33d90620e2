"""The index of a data set: a CSV file with one picture a line.

Columns: ``path`` (relative to the file); ``species`` (empty for bona fide; an index without that column is unlabelled); where known
``source``, ``split``, ``subject``, ``clip``, ``box`` (x y w h) and ``landmarks`` (five x y pairs), in pixels of that picture.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from livegate.errors import IndexFileError
from livegate.sample import BONA_FIDE, Box, Landmarks, Sample

LANDMARK_NUMBERS = 10


@dataclass(frozen=True, slots=True)
class Index:
    """The samples of a data set, in the order of its file.

    Attributes:
        path: the CSV file.
        samples: one for each line.
        labelled: whether the file says which samples are attacks.
        boxed: whether the file has face boxes; then a sample without one means the whole picture, and nobody looks for a face.
    """

    path: Path
    samples: tuple[Sample, ...]
    labelled: bool
    boxed: bool

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read and check an index file; pictures are not opened.

        Raises:
            IndexFileError: with every fault found: no such file, missing columns, bad boxes, a picture named twice.
        """
        path = Path(path)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.DictReader(file)
                columns = reader.fieldnames or ()
                if "path" not in columns:
                    raise IndexFileError(path, [f"has no column 'path'; got {', '.join(columns) or 'an empty file'}"])
                if repeated := sorted({column for column in columns if columns.count(column) > 1}):
                    raise IndexFileError(path, [f"repeats the column(s) {', '.join(repeated)}; each may stand once"])
                samples, faults = _samples(reader, path.parent)
        except OSError as error:
            raise IndexFileError(path, [f"cannot be read ({error.strerror}); give a CSV file"]) from None
        except (UnicodeDecodeError, csv.Error) as error:
            raise IndexFileError(path, [f"is not a CSV file in UTF-8 ({error})"]) from None
        if not samples and not faults:
            faults.append("lists no picture")
        if faults:
            raise IndexFileError(path, faults)
        return cls(path, tuple(samples), labelled="species" in columns, boxed="box" in columns)

    def split(self, name: str) -> Self:
        """The samples of one split.

        Raises:
            IndexFileError: if there are none.
        """
        chosen = tuple(sample for sample in self.samples if sample.split == name)
        if not chosen:
            splits = sorted({sample.split for sample in self.samples if sample.split})
            raise IndexFileError(self.path, [f"has no sample of split {name!r}; splits are {', '.join(splits) or 'not given'}"])
        return replace(self, samples=chosen)

    def require_labels(self) -> None:
        """Check that the index says which samples are attacks.

        Raises:
            IndexFileError: if it has no column ``species``.
        """
        if not self.labelled:
            raise IndexFileError(self.path, ["has no column 'species'; add it: empty for bona fide, else the PAI species"])

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """How many pictures there are of each (source, split, species), bona fide named as such."""
        return Counter((sample.source, sample.split, sample.species or BONA_FIDE) for sample in self.samples)

    def shared_subjects(self) -> Mapping[str, frozenset[str]]:
        """Subjects that appear in more than one split, with those splits; empty when the splits are subject-disjoint."""
        splits: defaultdict[str, set[str]] = defaultdict(set)
        for sample in self.samples:
            if sample.subject:
                splits[sample.subject].add(sample.split)
        return {subject: frozenset(names) for subject, names in splits.items() if len(names) > 1}


def _samples(reader: csv.DictReader[str], folder: Path) -> tuple[list[Sample], list[str]]:
    samples: list[Sample] = []
    faults: list[str] = []
    seen: set[str] = set()
    for row in reader:
        # A cell too few or too many would move labels to other columns.
        cells = sum(len(cell) if key is None else cell is not None for key, cell in row.items())
        if cells != len(reader.fieldnames or ()):
            faults.append(f"line {reader.line_num}: {cells} cells, the header has {len(reader.fieldnames or ())}")
            continue
        name = row["path"] or ""
        if not name or name in seen:
            faults.append(f"line {reader.line_num}: " + (f"picture {name!r} is listed twice" if name else "no path"))
            continue
        seen.add(name)
        try:
            samples.append(_sample(name, row, folder))
        except ValueError as error:
            faults.append(f"line {reader.line_num}: {error}")
    return samples, faults


def _sample(name: str, row: dict[str, str], folder: Path) -> Sample:
    if row.get("species") == BONA_FIDE:
        raise ValueError(f"species {BONA_FIDE!r} is no attack; leave the cell empty for a bona fide presentation")
    return Sample(
        name=name,
        path=folder / name,
        species=row.get("species") or None,
        source=row.get("source") or "",
        split=row.get("split") or "",
        subject=row.get("subject") or "",
        clip=row.get("clip") or "",
        box=_box(row.get("box") or ""),
        landmarks=_landmarks(row.get("landmarks") or ""),
    )


def _box(text: str) -> Box | None:
    if not text:
        return None
    numbers = _numbers(text)
    if len(numbers) != len(Box._fields) or min(numbers[2:]) <= 0:
        raise ValueError(f"box {text!r} must be four numbers 'x y w h' with w and h above 0")
    return Box(*numbers)


def _landmarks(text: str) -> Landmarks | None:
    if not text:
        return None
    numbers = _numbers(text)
    if len(numbers) != LANDMARK_NUMBERS:
        raise ValueError(f"landmarks {text!r} must be five pairs 'x y'")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _numbers(text: str) -> list[float]:
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        raise ValueError(f"{text!r} holds something that is no number") from None
    if any(abs(number) > 1e6 or number != number for number in numbers):  # noqa: PLR0124 - NaN differs from itself
        raise ValueError(f"{text!r} has a number that is no pixel position")
    return numbers
