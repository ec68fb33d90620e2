"""The index of a data set: a CSV file with one picture a line.

Columns: ``path`` (relative to the file); ``species`` (empty for bona fide; an index without that column is unlabelled); where known
``source``, ``split``, ``subject``, ``clip``, ``box`` (x y w h) and ``landmarks`` (five x y pairs), in pixels of that picture. Every other
column is a fact of the picture, such as ``age`` or ``illumination``, kept as text.
"""

from __future__ import annotations

import csv
import gc
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from math import nan
from operator import itemgetter
from pathlib import Path
from typing import Any, Self, TextIO

from livegate.errors import IndexFileError
from livegate.files import open_table, replacing, separator_fault
from livegate.sample import BONA_FIDE, Box, Landmarks, Sample

COLUMNS = ("path", "source", "split", "subject", "species", "clip", "box", "landmarks")
"""The columns that have a meaning here."""
ABSENT = -1
"""Where the cells of a column lie that the file does not have: at the end of the row, where an empty one is added."""
LANDMARK_NUMBERS = 10
FARTHEST = 1e6
"""No pixel lies farther from the corner of its picture."""


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
            with open_table(path) as file, _no_collector():
                first = file.readline()
                if wrong := separator_fault(first):
                    raise IndexFileError(path, wrong)
                reader = csv.reader(_text(chain([first], file)))
                columns = next(reader, [])
                if "path" not in columns:
                    raise IndexFileError(path, [f"has no column 'path'; got {', '.join(columns) or 'an empty file'}"])
                if repeated := sorted({column for column in columns if columns.count(column) > 1}):
                    raise IndexFileError(path, [f"repeats the column(s) {', '.join(repeated)}; each may stand once"])
                faults: list[str] = []
                samples = tuple(_samples(reader, columns, path.parent, faults))
        except OSError as error:
            raise IndexFileError(path, [f"cannot be read ({error.strerror}); give a CSV file"]) from None
        except UnicodeDecodeError as error:
            raise IndexFileError(path, [f"is no text in UTF-8 ({error})"]) from None
        except csv.Error as error:
            raise IndexFileError(path, [f"is no sound CSV file ({error})"]) from None
        if not samples and not faults:
            faults.append("lists no picture")
        if faults:
            raise IndexFileError(path, faults)
        return cls(path, samples, labelled="species" in columns, boxed="box" in columns)

    def write(self, path: str | Path) -> Self:
        """Write the index there, whole or not at all; `read` then gives what this returns.

        Returns:
            The same samples, named from the folder of that file.

        Raises:
            IndexFileError: if there is no sample, a picture is listed twice, or a text cannot stand in such a file.
            LivegateError: if the file cannot be written.
        """
        index = self.moved(path)
        facts = list(dict.fromkeys(name for sample in index.samples for name in sample.facts))
        if faults := _unwritable(index.samples, facts):
            raise IndexFileError(index.path, faults)
        known = {
            "species": index.labelled,
            "box": index.boxed,
            "landmarks": any(sample.landmarks for sample in index.samples),
        }
        cells = {name: cell for name, cell in _CELLS.items() if known.get(name, True)}
        try:
            with replacing(index.path) as file:
                _write_rows(file, index.samples, cells, facts)
        except UnicodeEncodeError as error:
            text = str(error.object)[:200]
            raise IndexFileError(index.path, [f"{text!r} is no text in UTF-8; rename the picture"]) from None
        return index

    def moved(self, path: str | Path) -> Self:
        """The same samples, as a file there would name them: by the way from its folder to the picture.

        A name that already leads there stays as it is, to the letter.
        """
        path, ways = Path(path), dict[str, str]()
        return replace(self, path=path, samples=tuple(_named(sample, path.parent, ways) for sample in self.samples))

    def split(self, name: str) -> Self:
        """The samples of one split.

        Raises:
            IndexFileError: if there are none.
        """
        chosen = tuple(sample for sample in self.samples if sample.split == name)
        if not chosen:
            splits = sorted({sample.split for sample in self.samples if sample.split})
            raise IndexFileError(self.path, [f"has no sample of split '{name}'; splits are {', '.join(splits) or 'not given'}"])
        return replace(self, samples=chosen)

    def require_labels(self) -> None:
        """Check that the index says which samples are attacks.

        Raises:
            IndexFileError: if it has no column ``species``.
        """
        if not self.labelled:
            raise IndexFileError(self.path, ["has no column 'species'; add it: empty for bona fide, else the PAI species"])

    def require_boxes(self) -> None:
        """Check that the index says where the faces are, if only that a picture is to be taken whole: training looks for none.

        Raises:
            IndexFileError: if it has no column ``box``.
        """
        if not self.boxed:
            what = "has no column 'box', and training looks for no faces"
            raise IndexFileError(
                self.path, [f"{what}; let livegate index SET DIR --find-faces write it, or leave its cells empty for crops"]
            )

    def counts(self) -> Mapping[tuple[str, str, str], int]:
        """How many pictures there are of each (source, split, species), bona fide named as such."""
        return Counter((sample.source, sample.split, sample.species or BONA_FIDE) for sample in self.samples)

    def shared_subjects(self) -> Mapping[tuple[str, str], frozenset[str]]:
        """Each (source, subject) that is in more than one split, with those splits; empty when the splits are subject-disjoint.

        The same name in another source is another person.
        """
        splits: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for sample in self.samples:
            if sample.subject:
                splits[sample.source, sample.subject].add(sample.split)
        return {subject: frozenset(names) for subject, names in splits.items() if len(names) > 1}


@contextmanager
def _no_collector() -> Iterator[None]:
    """Half a million new objects make no cycle, and the collector would go through all of them again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _text(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a file. NUL is no text: what takes it for the end of a name would find another picture."""
    for line in lines:
        if "\0" in line:
            raise csv.Error("it holds a NUL character")
        yield line


def _rows(reader: Any, columns: Sequence[str], faults: list[str]) -> Iterator[list[str]]:  # noqa: ANN401 csv names no type
    """The rows of the right width, each with an empty cell more at its end."""
    for row in reader:
        if len(row) == len(columns):
            row.append("")
            yield row
        elif row:
            # A cell too few or too many would move labels to other columns.
            faults.append(f"line {reader.line_num}: {len(row)} cells, the header has {len(columns)}")


def _samples(reader: Any, columns: Sequence[str], folder: Path, faults: list[str]) -> Iterator[Sample]:  # noqa: ANN401 csv names no type
    others = [column for column in columns if column not in COLUMNS]
    known = itemgetter(*(columns.index(column) if column in columns else ABSENT for column in COLUMNS))
    # Two columns more than there are: of one alone an itemgetter gives the bare text.
    told = itemgetter(*map(columns.index, others), ABSENT, ABSENT)
    facts: dict[tuple[str, ...], dict[str, str]] = {}
    seen: set[str] = set()
    for row in _rows(reader, columns, faults):
        name, source, split, subject, species, clip, box, landmarks = known(row)
        if not name or name in seen:
            faults.append(f"line {reader.line_num}: " + (f"picture {name!r} is listed twice" if name else "no path"))
            continue
        seen.add(name)
        texts = told(row)
        if texts not in facts:
            facts[texts] = dict(zip(others, texts, strict=False))
        try:
            place, points = _box(box) if box else None, _landmarks(landmarks) if landmarks else None
            yield Sample(name, folder, _species(species), source, split, subject, clip, place, points, facts[texts])
        except ValueError as error:
            faults.append(f"line {reader.line_num}: {error}")


def _species(text: str) -> str | None:
    if text == BONA_FIDE:
        raise ValueError(f"species {BONA_FIDE!r} is no attack; leave the cell empty for a bona fide presentation")
    if text and not text.strip():
        raise ValueError("the species is made of blanks; leave the cell empty for a bona fide presentation")
    return text or None


def _box(text: str) -> Box:
    try:
        x, y, width, height = map(float, text.split())
    except ValueError:
        width = height = nan
    if 0 < width <= FARTHEST and 0 < height <= FARTHEST and -FARTHEST <= x <= FARTHEST and -FARTHEST <= y <= FARTHEST:
        return Box(x, y, width, height)
    _numbers(text)
    raise ValueError(f"box {text!r} must be four numbers 'x y w h' with w and h above 0")


def _landmarks(text: str) -> Landmarks:
    numbers = _numbers(text)
    if len(numbers) != LANDMARK_NUMBERS:
        raise ValueError(f"landmarks {text!r} must be five pairs 'x y'")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _numbers(text: str) -> list[float]:
    try:
        numbers = list(map(float, text.split()))
    except ValueError:
        raise ValueError(f"{text!r} holds something that is no number") from None
    if not all(abs(number) <= FARTHEST for number in numbers):
        raise ValueError(f"{text!r} has a number that is no pixel position")
    return numbers


def _named(sample: Sample, folder: Path, ways: dict[str, str]) -> Sample:
    """The sample, named from a folder; ``ways`` keeps the way to each folder of pictures."""
    if sample.folder == folder or folder / sample.name == sample.path:
        return sample if sample.folder == folder else replace(sample, folder=folder)
    source, picture = os.path.split(sample.path)
    if source not in ways:
        # Both ends are real: a way through a link to a folder would go up on its other side.
        ways[source] = Path(os.path.relpath(os.path.realpath(source), os.path.realpath(folder))).as_posix()
    name = picture if ways[source] == os.curdir else f"{ways[source]}/{picture}"
    return replace(sample, name=name, folder=folder)


def _unwritable(samples: Sequence[Sample], facts: Sequence[str]) -> list[str]:
    """What would not be read again as it is."""
    faults = [] if samples else ["lists no picture"]
    faults += [f"fact {name!r} has the name of a column that means something else" for name in facts if name in COLUMNS]
    faults += [f"picture {name!r} is listed twice" for name, times in Counter(one.name for one in samples).items() if times > 1]
    faults += [
        f"picture {sample.name!r} has the species {sample.species!r}; an attack needs another name"
        for sample in samples
        if sample.species is not None and sample.species.strip() in {"", BONA_FIDE}
    ]
    faults += [f"picture {sample.name!r} has a text with a NUL character" for sample in samples if "\0" in _texts(sample)]
    return faults


def _texts(sample: Sample) -> str:
    plain = (sample.name, sample.source, sample.split, sample.subject, sample.clip, sample.species or "")
    return "".join((*plain, *sample.facts, *sample.facts.values()))


def _plain(numbers: Iterable[float]) -> str:
    """Numbers as text that gives the same numbers again."""
    return " ".join(repr(float(number)).removesuffix(".0") for number in numbers)


_Cell = Callable[[Sample], str]
_CELLS: Mapping[str, _Cell] = {
    "path": lambda sample: sample.name,
    "source": lambda sample: sample.source,
    "split": lambda sample: sample.split,
    "subject": lambda sample: sample.subject,
    "species": lambda sample: sample.species or "",
    "clip": lambda sample: sample.clip,
    "box": lambda sample: _plain(sample.box or ()),
    "landmarks": lambda sample: _plain(number for point in sample.landmarks or () for number in point),
}


def _write_rows(file: TextIO, samples: Iterable[Sample], cells: Mapping[str, _Cell], facts: Sequence[str]) -> None:
    plain = csv.writer(file, lineterminator="\n")
    quoting = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows = ([*(cell(one) for cell in cells.values()), *(one.facts.get(name, "") for name in facts)] for one in samples)
    for row in chain([[*cells, *facts]], rows):
        # The plain writer does not quote a lone carriage return, and the reader would end the line there.
        (quoting if "\r" in "".join(row) else plain).writerow(row)
