"""The score file: what stands between scoring and metrics, so that every report can be audited without a model.

**Higher = more bona fide**, and a presentation is accepted when its score >= the threshold. Papers, and specs/metrics.md,
often write their formulas for p(attack), where higher = more attack: convert with ``score = 1 - p``. Livegate turns no score
anywhere else.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TextIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from livegate.errors import ScoreFileError
from livegate.files import open_table, replacing, separator_fault
from livegate.metrics.codes import Text, factorise, keys
from livegate.sample import BONA_FIDE

__all__ = ["COLUMNS", "Floats", "Mask", "Scores", "Text", "logit", "mean_score"]

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]

COLUMNS = ("name", "score", "status", "reason", "species", "clip", "subject", "source", "split", "configuration")
"""The fixed columns of a score file, in the order in which they are written; facts follow them."""

_FIELDS = ("names", "values", *COLUMNS[2:])
_TEXT = np.dtypes.StringDType()
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_PLAIN = b"0123456789.eE-"
_CHUNK = 500
"""Rows parsed at a time: few enough to stay in the processor's cache and below the notice of the garbage collector."""
_LOWEST, _HIGHEST = float(np.finfo(np.float64).tiny), 1 - float(np.finfo(np.float64).epsneg)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Scores:
    """Scores of N pictures or presentations, under one configuration or more. Higher = more bona fide.

    ``Scores.build`` makes one from lists; the arrays are read-only.

    Attributes:
        names: (N,) text; the index's path, verbatim; unique together with ``configuration``.
        values: (N,) float64 within 0..1; NaN = no response.
        status: (N,) text; what became of the picture.
        reason: (N,) text; why there is no score, else empty.
        species: (N,) text; the PAI species, empty = bona fide.
        clip: (N,) text; the presentation that a picture is a frame of, empty = its own presentation.
        subject: (N,) text; who is shown, empty = unknown.
        source: (N,) text; the data set, empty = unknown.
        split: (N,) text; the part of the data set, empty = unknown.
        configuration: (N,) text; such as HLH, empty for a network without adaptive blocks.
        facts: further columns by name, (N,) text each, such as ``age``; empty text = unknown.
        labelled: False when nobody said which are attacks; then ``species`` means nothing.

    Raises:
        ScoreFileError: on columns of unequal length, scores outside 0..1, a species that is no name of an attack, a fact with the
            name of a fixed column, or a (name, configuration) that occurs twice.
    """

    names: Text
    values: Floats
    status: Text
    reason: Text
    species: Text
    clip: Text
    subject: Text
    source: Text
    split: Text
    configuration: Text
    facts: Mapping[str, Text] = field(default_factory=dict)
    labelled: bool = True

    def __post_init__(self) -> None:
        for name in _FIELDS:
            object.__setattr__(self, name, _read_only(getattr(self, name), np.float64 if name == "values" else _TEXT))
        facts = {name: _read_only(column, _TEXT) for name, column in self.facts.items()}
        object.__setattr__(self, "facts", MappingProxyType(facts))
        if faults := self._faults():
            raise ScoreFileError("scores", faults)

    def _faults(self) -> list[str]:
        shapes = {name: getattr(self, name).shape for name in _FIELDS} | {name: fact.shape for name, fact in self.facts.items()}
        if wrong := [f"{name} has shape {shape}" for name, shape in shapes.items() if shape != (self.names.size,)]:
            return [f"the columns must be flat and equally long: names has {self.names.size} rows, {', '.join(wrong)}"]
        outside = np.flatnonzero(~(np.isnan(self.values) | ((self.values >= 0) & (self.values <= 1))))
        faults = [f"row {row}: score {self.values[row]} is outside 0..1" for row in outside.tolist()]
        faults += [f"fact {name!r} needs a name of its own" for name in self.facts if name in COLUMNS or not name.strip()]
        return faults + _not_attacks(self.species) + _repeated(self.names, self.configuration, "row", range(len(self)))

    @classmethod
    def build(
        cls,
        names: Sequence[str],
        values: npt.ArrayLike,
        *,
        labelled: bool = True,
        facts: Mapping[str, Sequence[str]] | None = None,
        **columns: Sequence[str] | str,
    ) -> Self:
        """Scores from lists; a column is a list, or one string for every row, and empty when it is not given.

        Raises:
            ScoreFileError: as the class does.
            TypeError: on a column that a score file does not have.
        """
        given = dict.fromkeys(COLUMNS[2:], "") | columns
        text = {key: np.full(len(names), col, _TEXT) if isinstance(col, str) else col for key, col in given.items()}
        faults: list[str] = []
        for name, column in {"name": names, **text, **(facts or {})}.items():
            _find_nul(name, cast("Sequence[str]", column), "row", range(len(column)), faults)
        if faults:
            raise ScoreFileError("scores", faults)
        return cls(
            names=cast("Text", names),
            values=cast("Floats", values),
            labelled=labelled,
            facts=cast("Mapping[str, Text]", facts or {}),
            **cast("dict[str, Text]", text),
        )

    @classmethod
    def join(cls, parts: Sequence[Scores]) -> Self:
        """Several scores, one after the other; labelled if each part is. A fact that a part lacks is empty there.

        Raises:
            ScoreFileError: on a (name, configuration) that occurs in two parts.
            ValueError: on no parts.
        """
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
        facts = {
            name: np.concatenate([part.facts.get(name, np.full(len(part), "", _TEXT)) for part in parts])
            for name in dict.fromkeys(name for part in parts for name in part.facts)
        }
        return cls(**columns, facts=facts, labelled=all(part.labelled for part in parts))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a score file. Columns may stand in any order; one that is not fixed is a fact.

        A file without the column ``species`` is unlabelled.

        Raises:
            ScoreFileError: with all faults and their line numbers.
        """
        try:
            with open_table(Path(path)) as file:
                return cls._parse(path, file)
        except UnicodeDecodeError as error:
            raise ScoreFileError(path, [f"line {_undecodable(path)}: not UTF-8; save the file as UTF-8"]) from error
        except csv.Error as error:
            raise ScoreFileError(path, [f"is not CSV: {error}"]) from error
        except OSError as error:
            raise ScoreFileError(path, [f"cannot be read: {error.strerror or error}"]) from error

    @classmethod
    def _parse(cls, path: str | Path, file: TextIO) -> Self:
        first = file.readline()
        if faults := separator_fault(first):
            raise ScoreFileError(path, faults)
        reader = csv.reader(chain([first], file) if first else file, strict=True)
        header = next(reader, None)
        if header is None:
            raise ScoreFileError(path, [f"is empty; its first line should be {','.join(COLUMNS)}"])
        if faults := _header_faults(header):
            raise ScoreFileError(path, faults)
        lines: list[int] = []
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in header}
        rows = _rows(reader, len(header), lines, faults)
        while chunk := list(islice(rows, _CHUNK)):
            places = lines[len(lines) - len(chunk) :]
            for name, cells in zip(header, zip(*chunk, strict=True), strict=True):
                if name == "score":
                    parts[name].append(_numbers(cells, places, faults))
                else:
                    parts[name].append(np.array(cells, _TEXT))
                    _find_nul(name, cells, "line", places, faults)
        if not lines:
            raise ScoreFileError(path, faults or ["holds no rows below its header"])
        columns = {name: np.concatenate(chunks) for name, chunks in parts.items()}
        labelled = "species" in columns
        columns.setdefault("species", np.full(len(lines), "", _TEXT))
        names, values = columns.pop("name"), columns.pop("score")
        facts = {name: columns.pop(name) for name in header if name not in COLUMNS}
        if not faults:
            with suppress(ScoreFileError):  # it tells rows; below they become lines
                return cls(names=names, values=values, facts=facts, labelled=labelled, **columns)
        faults += _not_attacks(columns["species"]) + _repeated(names, columns["configuration"], "line", lines)
        raise ScoreFileError(path, faults)

    def write(self, path: str | Path) -> None:
        """Write a score file, whole or not at all; scores keep 17 significant digits, so that reading gives the same bits.

        Raises:
            LivegateError: when the file cannot be written.
        """
        kept = [name for name in (*COLUMNS, *self.facts) if self.labelled or name != "species"]
        columns = {"name": self.names, **{name: getattr(self, name) for name in COLUMNS[2:]}, **self.facts}
        cells = {name: column.tolist() for name, column in columns.items()}
        cells["score"] = [format(value, ".17g") if value == value else "" for value in self.values.tolist()]  # noqa: PLR0124
        with replacing(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(kept)
            writer.writerows(zip(*(cells[name] for name in kept), strict=True))

    def __len__(self) -> int:
        return self.names.size

    @property
    def bona_fide(self) -> Mask:
        """(N,) bool: which rows are bona fide."""
        return np.asarray(self.species == "", dtype=np.bool_)

    @property
    def responded(self) -> Mask:
        """(N,) bool: which rows have a score."""
        return ~np.isnan(self.values)

    @property
    def configurations(self) -> tuple[str, ...]:
        """Every configuration once, in order of first appearance."""
        return tuple(dict.fromkeys(self.configuration.tolist()))

    def where(self, rows: Mask | npt.NDArray[np.int64]) -> Self:
        """The rows that a mask (N,) or an array of indices picks out."""
        columns = {name: getattr(self, name)[rows] for name in _FIELDS}
        return type(self)(**columns, facts={name: fact[rows] for name, fact in self.facts.items()}, labelled=self.labelled)

    def by_clip(self) -> Self:
        """One row a presentation: all frames of one source, split, clip, species and configuration.

        The score is the mean over the frames that responded, taken on the logit (the difference of the network's two outputs),
        and NaN when none did. Scores of exactly 0 and 1 count as the nearest normal float64 inside. All else, such as the name,
        is that of the first frame that responded, else of the first frame.
        """
        alone = np.where(self.clip == "", self.names, "")
        columns = (self.source, self.split, self.clip, alone, self.species, self.configuration)
        key = keys(factorise(column)[1] for column in columns)
        _, start, group = np.unique(key, return_index=True, return_inverse=True)
        first, values = start.copy(), np.full(start.size, np.nan)
        rows = np.flatnonzero(self.responded)
        if rows.size:
            rows = rows[np.lexsort((self.values[rows], group[rows]))]  # sorted, so that the order of rows cannot change a sum
            groups, begin, count = np.unique(group[rows], return_index=True, return_counts=True)
            mean = np.add.reduceat(logit(self.values[rows]), begin) / count
            values[groups] = _turned_back(mean, self.values[rows[begin]], self.values[rows[begin + count - 1]])
            first[groups] = np.minimum.reduceat(rows, begin)
        order = np.argsort(start)  # as the presentations appear
        return replace(self.where(first[order]), values=values[order])


def mean_score(values: Floats) -> float:
    """The score of one presentation from those of its frames (N,), N >= 1: the mean of their logits, turned back."""
    return float(_turned_back(logit(values).mean(), values.min(), values.max()))


def _turned_back(mean: Floats, least: Floats, most: Floats) -> Floats:
    """The scores of mean logits, from the least to the most of those that were averaged: that keeps a lone frame's score to the bit."""
    return np.clip(1 / (1 + np.exp(-mean)), least, most)


def logit(values: Floats) -> Floats:
    """ln(score / (1 - score)), the difference of the network's two outputs; 0 and 1 count as the nearest normal float64 inside."""
    inside = np.clip(values, _LOWEST, _HIGHEST)
    return np.log(inside) - np.log1p(-inside)


def _read_only(column: npt.ArrayLike, kind: Any) -> npt.NDArray[Any]:  # noqa: ANN401 a dtype
    if not (isinstance(column, np.ndarray) and column.dtype == kind):  # asarray copies text that has the right dtype already
        column = np.asarray(column, dtype=kind)
    view = column.view()
    view.setflags(write=False)
    return view


def _undecodable(path: str | Path) -> int:
    """The number of the first line that is not UTF-8."""
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return number


def _header_faults(header: Sequence[str]) -> list[str]:
    missing = [name for name in COLUMNS if name not in header and name != "species"]
    blank = [f"number {place}" for place, name in enumerate(header, start=1) if not name.strip()]
    twice = [repr(name) for name, count in Counter(header).items() if count > 1 and name.strip()]
    found = (("lacks the", missing), ("has no name for", blank), ("repeats the", twice))
    allowed = f"the columns are {','.join(COLUMNS)}, and facts of any other name"
    return [f"line 1: the header {what} column(s) {', '.join(names)}; {allowed}" for what, names in found if names]


def _rows(reader: Any, width: int, lines: list[int], faults: list[str]) -> Iterator[list[str]]:  # noqa: ANN401 csv names no type
    """The rows of the right width; appends the line on which each ends to ``lines``."""
    for row in reader:
        if len(row) == width:
            lines.append(reader.line_num)
            yield row
        elif row:
            faults.append(f"line {reader.line_num}: {len(row)} cells, the header has {width}")


def _numbers(cells: Sequence[str], lines: Sequence[int], faults: list[str]) -> Floats:
    """Score cells as float64, NaN for an empty one; whatever else is not a number within 0..1 becomes a fault."""
    values = _floats(cells)
    blank = np.array(cells, _TEXT) == ""
    wrong = ~blank & ~((values >= 0) & (values <= 1))
    hint = "is not a number within 0..1; leave it empty for no response"
    faults += [f"line {lines[row]}: score {cells[row]!r} {hint}" for row in np.flatnonzero(wrong).tolist()]
    return values


def _floats(cells: Sequence[str]) -> Floats:
    """Cells as float64, NaN for whatever is no plain number: float() alone would take nan, inf, blanks and 0_1, too."""
    if not "".join(cells).encode().translate(None, _PLAIN):
        with suppress(ValueError):
            return np.array([float(cell) if cell else np.nan for cell in cells])
    return np.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in cells])


def _find_nul(name: str, cells: Sequence[str], word: str, place: Sequence[int], faults: list[str]) -> None:
    """A fault for each cell with a NUL character: no path holds one, and numpy drops it where it compares texts."""
    if "\0" in "".join(cells):
        found = (at for cell, at in zip(cells, place, strict=True) if "\0" in cell)
        faults += [f"{word} {at}: {name} holds a NUL character" for at in found]


def _not_attacks(species: Text) -> list[str]:
    """A sentence for each species that nobody could tell from bona fide in a report."""
    wrong = [name for name in factorise(species)[0] if name == BONA_FIDE or (name and not name.strip())]
    return [f"species {name!r} is no attack; leave the cell empty for a bona fide presentation" for name in wrong]


def _repeated(names: Text, configuration: Text, word: str, place: Sequence[int]) -> list[str]:
    """A sentence for each (name, configuration) that was there before; ``place`` says where each row stands."""
    found = keys(factorise(column)[1] for column in (names, configuration))
    if np.diff(np.sort(found)).all():  # np.unique hashes, which takes longer
        return []
    first: dict[tuple[str, str], int] = {}
    rows = zip(names.tolist(), configuration.tolist(), place, strict=True)
    again = [(name, which, at) for name, which, at in rows if first.setdefault((name, which), at) != at]
    return [
        f"{word} {at}: name {name!r}, configuration {which!r} is already on {word} {first[name, which]}"
        for name, which, at in again
    ]
