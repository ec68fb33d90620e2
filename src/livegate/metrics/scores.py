"""The score file: what stands between scoring and metrics, so that every report can be audited without a model.

**Higher = more bona fide**, and a presentation is accepted when its score >= the threshold. Papers, and specs/metrics.md,
often write their formulas for p(attack), where higher = more attack: convert with ``score = 1 - p``. Livegate turns no score
anywhere else.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self, TextIO, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from livegate.errors import ScoreFileError
from livegate.files import replacing

Floats: TypeAlias = npt.NDArray[np.float64]
Mask: TypeAlias = npt.NDArray[np.bool_]
Text: TypeAlias = npt.NDArray[Any]
"""Strings of any length, ``numpy.dtypes.StringDType``: one long name does not widen a million others."""

COLUMNS = ("name", "score", "status", "reason", "species", "clip", "subject", "source", "split", "configuration")
"""The columns of a score file, in the order in which they are written."""

_FIELDS = ("names", "values", *COLUMNS[2:])
_TEXT = np.dtypes.StringDType()
_NUMBER = re.compile(r"-?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")
_CHUNK = 50_000
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
        labelled: False when nobody said which are attacks; then ``species`` means nothing.

    Raises:
        ScoreFileError: on columns of unequal length, scores outside 0..1, or a (name, configuration) that occurs twice.
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
    labelled: bool = True

    def __post_init__(self) -> None:
        for name in _FIELDS:
            column = np.asarray(getattr(self, name), dtype=np.float64 if name == "values" else _TEXT).view()
            column.setflags(write=False)
            object.__setattr__(self, name, column)
        if faults := self._faults():
            raise ScoreFileError("scores", faults)

    def _faults(self) -> list[str]:
        shapes = {name: getattr(self, name).shape for name in _FIELDS}
        if wrong := [f"{name} has shape {shape}" for name, shape in shapes.items() if shape != (self.names.size,)]:
            return [f"the columns must be flat and equally long: names has {self.names.size} rows, {', '.join(wrong)}"]
        outside = np.flatnonzero(~(np.isnan(self.values) | ((self.values >= 0) & (self.values <= 1))))
        faults = [f"row {row}: score {self.values[row]} is outside 0..1" for row in outside.tolist()]
        return faults + _repeated(self.names, self.configuration, "row", range(len(self)))

    @classmethod
    def build(
        cls, names: Sequence[str], values: npt.ArrayLike, *, labelled: bool = True, **columns: Sequence[str] | str
    ) -> Self:
        """Scores from lists; a column is a list, or one string for every row, and empty when it is not given.

        Raises:
            ScoreFileError: as the class does.
            TypeError: on a column that a score file does not have.
        """
        given = dict.fromkeys(COLUMNS[2:], "") | columns
        text = {key: np.full(len(names), col, _TEXT) if isinstance(col, str) else col for key, col in given.items()}
        return cls(names=cast("Text", names), values=cast("Floats", values), labelled=labelled, **cast("dict[str, Text]", text))

    @classmethod
    def join(cls, parts: Sequence[Scores]) -> Self:
        """Several scores, one after the other; labelled if each part is.

        Raises:
            ScoreFileError: on a (name, configuration) that occurs in two parts.
            ValueError: on no parts.
        """
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS}
        return cls(**columns, labelled=all(part.labelled for part in parts))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a score file. One without the column ``species`` is unlabelled; columns may stand in any order.

        Raises:
            ScoreFileError: with all faults and their line numbers.
        """
        try:
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                return cls._parse(path, file)
        except UnicodeDecodeError as error:
            raise ScoreFileError(path, [f"line {_undecodable(path)}: not UTF-8; save the file as UTF-8"]) from error
        except csv.Error as error:
            raise ScoreFileError(path, [f"is not CSV: {error}"]) from error
        except OSError as error:
            raise ScoreFileError(path, [f"cannot be read: {error.strerror or error}"]) from error

    @classmethod
    def _parse(cls, path: str | Path, file: TextIO) -> Self:
        reader = csv.reader(file, strict=True)
        header = next(reader, None)
        if header is None:
            raise ScoreFileError(path, [f"is empty; its first line should be {','.join(COLUMNS)}"])
        if faults := _header_faults(header):
            raise ScoreFileError(path, faults)
        lines: list[int] = []
        parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in header}
        rows = _rows(reader, len(header), lines, faults)
        while chunk := list(islice(rows, _CHUNK)):
            for name, cells in zip(header, zip(*chunk, strict=True), strict=True):
                start = len(lines) - len(chunk)
                parts[name].append(_numbers(cells, lines[start:], faults) if name == "score" else np.array(cells, _TEXT))
        if not lines:
            raise ScoreFileError(path, faults or ["holds no rows below its header"])
        columns = {name: np.concatenate(chunks) for name, chunks in parts.items()}
        labelled = "species" in columns
        columns.setdefault("species", np.full(len(lines), "", _TEXT))
        names, values = columns.pop("name"), columns.pop("score")
        if not faults:
            with suppress(ScoreFileError):  # it tells rows; below they become lines
                return cls(names=names, values=values, labelled=labelled, **columns)
        raise ScoreFileError(path, faults + _repeated(names, columns["configuration"], "line", lines))

    def write(self, path: str | Path) -> None:
        """Write a score file, whole or not at all; scores keep 17 significant digits, so that reading gives the same bits.

        Raises:
            LivegateError: when the file cannot be written.
        """
        kept = [name for name in COLUMNS if self.labelled or name != "species"]
        columns = {"name": self.names, **{name: getattr(self, name) for name in COLUMNS[2:]}}
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
        return type(self)(**columns, labelled=self.labelled)

    def by_clip(self) -> Self:
        """One row a presentation: all frames of one source, split, clip, species and configuration.

        The score is the mean over the frames that responded, taken on the logit (the difference of the network's two outputs),
        and NaN when none did. Scores of exactly 0 and 1 count as the nearest normal float64 inside. Name, subject, status and
        reason are those of the first frame that responded, else of the first frame.
        """
        alone = np.where(self.clip == "", self.names, "")
        columns = (self.source, self.split, self.clip, alone, self.species, self.configuration)
        keys = list(zip(*(column.tolist() for column in columns), strict=True))
        numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        group = np.fromiter((numbers[key] for key in keys), np.int64, len(keys))
        first = np.unique(group, return_index=True)[1]
        rows = np.flatnonzero(self.responded)
        values = np.full(len(numbers), np.nan)
        if rows.size:
            rows = rows[np.lexsort((self.values[rows], group[rows]))]  # sorted, so that the order of rows cannot change a sum
            groups, start, count = np.unique(group[rows], return_index=True, return_counts=True)
            mean = np.add.reduceat(_logit(self.values[rows]), start) / count
            # The clip costs nothing and keeps a lone frame's score to the bit.
            values[groups] = np.clip(1 / (1 + np.exp(-mean)), self.values[rows[start]], self.values[rows[start + count - 1]])
            first[groups] = np.minimum.reduceat(rows, start)
        kept = {name: getattr(self, name)[first] for name in _FIELDS}
        return type(self)(**(kept | {"values": values}), labelled=self.labelled)


def mean_score(values: Floats) -> float:
    """The score of one presentation from those of its frames (N,), N >= 1: the mean of their logits, turned back."""
    # The clip keeps a lone frame's score to the bit.
    return float(np.clip(1 / (1 + np.exp(-_logit(values).mean())), values.min(), values.max()))


def _logit(values: Floats) -> Floats:
    inside = np.clip(values, _LOWEST, _HIGHEST)
    return np.log(inside) - np.log1p(-inside)


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
    unknown = [repr(name) for name in header if name not in COLUMNS]
    twice = [name for name in COLUMNS if header.count(name) > 1]
    found = (("lacks", missing), ("has the unknown", unknown), ("repeats", twice))
    allowed = f"the columns are {','.join(COLUMNS)}"
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
    values = np.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in cells])
    blank = np.array(cells, _TEXT) == ""
    wrong = ~blank & ~((values >= 0) & (values <= 1))
    hint = "is not a number within 0..1; leave it empty for no response"
    faults += [f"line {lines[row]}: score {cells[row]!r} {hint}" for row in np.flatnonzero(wrong).tolist()]
    return values


def _repeated(names: Text, configuration: Text, word: str, place: Sequence[int]) -> list[str]:
    """A sentence for each (name, configuration) that was there before; ``place`` says where each row stands."""
    keys = list(zip(names.tolist(), configuration.tolist(), strict=True))
    if len(set(keys)) == len(keys):
        return []
    first: dict[tuple[str, str], int] = {}
    again = [(key, at) for key, at in zip(keys, place, strict=True) if first.setdefault(key, at) != at]
    return [f"{word} {at}: name {key[0]!r}, configuration {key[1]!r} is already on {word} {first[key]}" for key, at in again]
