"""Lists of pairs: which pictures are compared, and which of these show one person.

Two formats are read, and packs by `livegate.data.packs`:

- A CSV file with the columns ``reference``, ``probe`` (paths relative to the file) and ``mated`` (1 or 0); where known ``fold``, the part of
  a cross-validation, and ``reference_subject``, ``probe_subject``, who is shown.
- ``pairs.txt`` of Labeled Faces in the Wild: how many folds and mated pairs in each, then a line a pair, first the mated ones of a fold:
  ``name number number``, then as many others: ``name number name number``. Picture 4 of Ann_Lee is ``Ann_Lee/Ann_Lee_0004.jpg``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Self

from livegate.errors import PairsError
from livegate.files import open_table, separator_fault
from livegate.sample import Comparison

COLUMNS = ("reference", "probe", "mated", "fold", "reference_subject", "probe_subject")
NEEDED = COLUMNS[:3]
SUFFIXES = (".jpg", ".jpeg", ".png")
"""Those that a picture of ``pairs.txt`` may have; the list itself does not tell."""
MAX_LIST_BYTES = 128 * 1024**2


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Comparisons, and where their pictures are.

    Attributes:
        name: of the list.
        comparisons: at least one, in the order of the list.
        pictures: each picture that is named, once: its path, or its encoded bytes.
    """

    name: str
    comparisons: tuple[Comparison, ...]
    pictures: Mapping[str, Path | bytes]

    @classmethod
    def read(cls, path: str | Path, *, subject_folders: bool = False) -> Self:
        """Read and check a pairs CSV; pictures are not opened.

        Args:
            path: the file.
            subject_folders: whether the folder of a picture is named after who it shows, as in LFW; for lists without subjects.

        Raises:
            PairsError: with every fault found.
        """
        path = Path(path)
        faults: list[str] = []
        comparisons = _listed(path, tuple(_comparisons(path, faults, subject_folders=subject_folders)), faults)
        return cls(path.stem, comparisons, {name: path.parent / name for name in _names(comparisons)})

    @classmethod
    def read_lfw(cls, path: str | Path, folder: str | Path) -> Self:
        """Read and check a ``pairs.txt``.

        Args:
            path: the file.
            folder: where the folders of the people are; pictures in it are aligned.

        Raises:
            PairsError: with every fault found, such as a picture that is not there.
        """
        path, folder = Path(path), Path(folder)
        faults: list[str] = []
        comparisons = _listed(path, tuple(_classic(_lines(path), faults)), faults)
        names = _names(comparisons)
        suffix = next((one for one in SUFFIXES if (folder / names[0]).with_suffix(one).is_file()), SUFFIXES[0])
        pairs = cls(path.stem, comparisons, {name: (folder / name).with_suffix(suffix) for name in names})
        pairs.require_pictures()
        return pairs

    def require_pictures(self) -> None:
        """Check that every picture is there, before the first of them is compared.

        Raises:
            PairsError: naming those that are not.
        """
        paths = (picture for picture in self.pictures.values() if isinstance(picture, Path))
        if missing := [f"picture {str(path)!r} does not exist" for path in paths if not path.is_file()]:
            raise PairsError(self.name, missing)

    @property
    def folds(self) -> tuple[str, ...]:
        """Every fold once, in order of first appearance; empty when the list has none."""
        return tuple(dict.fromkeys(one.fold for one in self.comparisons if one.fold))


def _listed(path: Path, comparisons: tuple[Comparison, ...], faults: list[str]) -> tuple[Comparison, ...]:
    if not comparisons and not faults:
        faults.append("lists no pair")
    if len({bool(one.fold) for one in comparisons}) > 1:
        faults.append("gives a fold for some pairs only; give one for all or none")
    if faults:
        raise PairsError(path, faults)
    return comparisons


def _names(comparisons: Iterable[Comparison]) -> list[str]:
    return list(dict.fromkeys(name for one in comparisons for name in (one.reference, one.probe)))


def _lines(path: Path) -> Iterator[str]:
    try:
        if path.stat().st_size > MAX_LIST_BYTES:
            raise PairsError(path, [f"has more than {MAX_LIST_BYTES:,} bytes; split it"])
        with open_table(path) as file:
            for line in file:
                if "\0" in line:
                    raise PairsError(path, ["holds a NUL character, so it is no list"])
                yield line
    except OSError as error:
        raise PairsError(path, [f"cannot be read ({error.strerror}); give a list of pairs"]) from None
    except UnicodeDecodeError:
        raise PairsError(path, ["is no text in UTF-8; give a list of pairs"]) from None


def _comparisons(path: Path, faults: list[str], *, subject_folders: bool) -> Iterator[Comparison]:
    lines = _lines(path)
    first = next(lines, "")
    if wrong := separator_fault(first):
        raise PairsError(path, wrong)
    reader = csv.DictReader(chain([first], lines), restkey="", strict=True)
    columns = reader.fieldnames or ()
    if missing := [name for name in NEEDED if name not in columns]:
        raise PairsError(path, [f"has no column {', '.join(missing)}; got {', '.join(columns) or 'an empty file'}"])
    if repeated := sorted({name for name in columns if columns.count(name) > 1}):
        raise PairsError(path, [f"repeats the column(s) {', '.join(repeated)}; each may stand once"])
    seen: set[tuple[str, str]] = set()
    try:
        for row in reader:
            try:
                yield _comparison(row, seen, subject_folders=subject_folders)
            except ValueError as error:
                faults.append(f"line {reader.line_num}: {error}")
    except csv.Error as error:
        faults.append(f"line {reader.line_num}: is not CSV ({error})")


def _comparison(row: Mapping[str, str | None], seen: set[tuple[str, str]], *, subject_folders: bool) -> Comparison:
    if "" in row or None in row.values():
        raise ValueError("has more or fewer cells than the header")
    reference, probe, mated, fold, one, other = (row.get(name) or "" for name in COLUMNS)
    if not reference or not probe:
        raise ValueError("names no " + ("probe" if reference else "reference"))
    if mated not in {"0", "1"}:
        raise ValueError(f"mated is {mated!r}; write 1 for two pictures of one person, else 0")
    if subject_folders:
        one, other = one or PurePosixPath(reference).parent.name, other or PurePosixPath(probe).parent.name
    _count_once(reference, probe, seen)
    return Comparison(reference, probe, mated == "1", fold, one, other)


def _count_once(reference: str, probe: str, seen: set[tuple[str, str]]) -> None:
    pair = min(reference, probe), max(reference, probe)
    if pair in seen:
        raise ValueError(f"{reference!r} and {probe!r} are compared twice")
    seen.add(pair)


def _classic(lines: Iterator[str], faults: list[str]) -> Iterator[Comparison]:
    folds, size = _header(next(lines, ""), faults)
    seen: set[tuple[str, str]] = set()
    number = 1
    for number, line in enumerate(lines, start=2):
        words = line.split("\t") if "\t" in line else line.split()
        fold, place = divmod(number - 2, 2 * size)
        try:
            if fold >= folds:
                raise ValueError(f"is one pair more than the {folds} folds of {2 * size} that the first line tells")  # noqa: TRY301
            one = _classic_pair([word.strip() for word in words], mated=place < size, fold=str(fold + 1))
            _count_once(one.reference, one.probe, seen)
            yield one
        except ValueError as error:
            faults.append(f"line {number}: {error}")
            if fold >= folds:
                return
    if folds and number - 1 < 2 * size * folds:
        faults.append(f"ends after {number - 1} pairs; the first line tells {folds} folds of {2 * size}")


def _header(line: str, faults: list[str]) -> tuple[int, int]:
    words = line.split()
    if len(words) == 2 and all(word.isdecimal() and 0 < int(word) <= 1_000_000 for word in words):
        return int(words[0]), int(words[1])
    faults.append("line 1: must be the number of folds and of mated pairs in each, such as '10 300'")
    return 0, 1


def _classic_pair(words: Sequence[str], *, mated: bool, fold: str) -> Comparison:
    if len(words) != (3 if mated else 4):
        shape = "'name number number' (mated)" if mated else "'name number name number' (non-mated)"
        raise ValueError(f"has {len(words)} words; pairs here are {shape}")
    one, first, *rest, second = words
    other = rest[0] if rest else one
    return Comparison(_picture(one, first), _picture(other, second), mated, fold, one, other)


def _picture(name: str, number: str) -> str:
    if not number.isdecimal() or len(number) > 4:
        raise ValueError(f"{number!r} is no number of a picture")
    if name in {"", ".", ".."} or "/" in name or "\\" in name:
        raise ValueError(f"{name!r} is no name of a person")
    return f"{name}/{name}_{int(number):04d}.jpg"
