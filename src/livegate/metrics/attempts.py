"""Attempts on the whole system, as a file: what liveness and match said of each, so that every joint figure can be audited without a model.

An attempt is a probe against the template of one subject: a bona fide presentation of that subject (mated), one of another (a zero-effort
impostor), or an attack that shows that subject. Scores are Livegate's: liveness 0 to 1, higher = more bona fide; similarity -1 to 1, higher =
more alike.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self, cast

import numpy as np

from livegate.errors import ScoreFileError
from livegate.files import open_table, replacing, separator_fault
from livegate.metrics.codes import Codes, Text, factorise, keys, ranked
from livegate.metrics.scores import Floats, Mask, mean_score
from livegate.sample import BONA_FIDE

_TEXTS = ("reference", "probe", "species", "clip", "reference_subject", "probe_subject", "source", "configuration")
COLUMNS = ("reference", "probe", "mated", "species", "liveness", "similarity", *_TEXTS[3:])
"""The columns of a file of attempts, in the order in which they are written."""
_TEXT = np.dtypes.StringDType()


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Attempts:
    """N attempts; ``build`` makes one from lists.

    Attributes:
        reference: (N,) text; the template.
        probe: (N,) text; the picture, or of a presentation its first.
        mated: (N,) bool; whether the probe shows the template's subject: of an attack always.
        species: (N,) text; the PAI species, empty = bona fide.
        liveness: (N,) float64 within 0..1; NaN = no response.
        similarity: (N,) float64 within -1..1; NaN = no response.
        clip: (N,) text; the presentation that the picture is a frame of, empty = its own presentation.
        reference_subject: (N,) text; whose template it is.
        probe_subject: (N,) text; who the probe shows.
        source: (N,) text; the data set of the probe.
        configuration: (N,) text; how both networks were run, such as ``HHH/LLL``.

    Raises:
        ScoreFileError: on columns of unequal length, scores outside their limits, or an attack on another than its own subject.
    """

    reference: Text
    probe: Text
    mated: Mask
    species: Text
    liveness: Floats
    similarity: Floats
    clip: Text
    reference_subject: Text
    probe_subject: Text
    source: Text
    configuration: Text

    def __post_init__(self) -> None:
        if faults := self._faults():
            raise ScoreFileError("attempts", faults)

    def _faults(self) -> list[str]:
        shapes = {name: getattr(self, name).shape for name in COLUMNS}
        if set(shapes.values()) != {(self.mated.size,)}:
            return [f"the columns must be flat and equally long, got {shapes}"]
        faults = []
        for name, low in (("liveness", 0), ("similarity", -1)):
            values = getattr(self, name)
            outside = np.flatnonzero(~(np.isnan(values) | ((values >= low) & (values <= 1))))
            faults += [f"row {row}: {name} {values[row]} is outside {low}..1" for row in outside.tolist()]
        stray = np.flatnonzero((self.species != "") & ~self.mated)
        faults += [f"row {row}: an attack that is not mated; an attack shows the template's subject" for row in stray.tolist()]
        known = (self.reference_subject != "") & (self.probe_subject != "")
        wrong = np.flatnonzero(known & ((self.reference_subject == self.probe_subject) != self.mated))
        faults += [f"row {row}: mated is {int(self.mated[row])}, the subjects say otherwise" for row in wrong.tolist()]
        if (self.species == BONA_FIDE).any():
            faults.append(f"species {BONA_FIDE!r} is no attack; leave the cell empty for a bona fide presentation")
        return faults

    @classmethod
    def build(cls, **columns: Sequence[object]) -> Self:
        """Attempts from lists; a column of text that is not given is empty, None as a score is no response.

        Raises:
            ScoreFileError: as the class does.
        """
        size = len(columns["mated"])
        texts = {name: np.asarray(columns.get(name, [""] * size), dtype=_TEXT) for name in _TEXTS}
        scores = {name: np.array(columns[name], dtype=np.float64) for name in ("liveness", "similarity")}
        return cls(mated=np.asarray(columns["mated"], dtype=np.bool_), **texts, **scores)

    @classmethod
    def join(cls, parts: Sequence[Attempts]) -> Self:
        """Several attempts, one after the other."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a file of attempts; columns may stand in any order.

        Raises:
            ScoreFileError: with all faults.
        """
        try:
            with open_table(Path(path)) as file:
                if faults := separator_fault(file.readline()):
                    raise ScoreFileError(path, faults)
                file.seek(0)
                reader = csv.DictReader(file, restkey="", strict=True)
                columns = reader.fieldnames or ()
                if missing := [name for name in COLUMNS if name not in columns]:
                    raise ScoreFileError(path, [f"has no column {', '.join(missing)}; got {', '.join(columns) or 'nothing'}"])
                faults = []
                rows = list(_rows(reader, faults))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ScoreFileError(path, [f"is no CSV file in UTF-8 ({error})"]) from error
        except OSError as error:
            raise ScoreFileError(path, [f"cannot be read: {error.strerror or error}"]) from error
        if not rows and not faults:
            faults.append("holds no rows below its header")
        if faults:
            raise ScoreFileError(path, faults)
        try:
            return cls.build(**{name: [row[name] for row in rows] for name in COLUMNS})
        except ScoreFileError as error:
            raise ScoreFileError(path, error.faults) from None

    def write(self, path: str | Path) -> None:
        """Write a file of attempts, whole or not at all; reading it gives the same bits.

        Raises:
            LivegateError: when the file cannot be written.
        """
        cells = {name: getattr(self, name).tolist() for name in COLUMNS}
        cells["mated"] = [int(value) for value in cells["mated"]]
        for name in ("liveness", "similarity"):
            cells[name] = ["" if np.isnan(value) else format(value, ".17g") for value in cells[name]]
        with replacing(path) as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            writer.writerows(zip(*cells.values(), strict=True))

    def __len__(self) -> int:
        return self.mated.size

    @property
    def bona_fide(self) -> Mask:
        """(N,) bool: which attempts are bona fide presentations, mated or not."""
        return np.asarray(self.species == "", dtype=np.bool_)

    def where(self, rows: Mask | Codes) -> Self:
        """The attempts that a mask (N,) or an array of indices picks out."""
        return type(self)(**{name: getattr(self, name)[rows] for name in COLUMNS})

    def by_clip(self) -> Self:
        """One row a presentation: all frames of one clip against one template.

        Liveness is the mean over the frames that responded, taken on the logit (see `Scores.by_clip`), similarity the mean of theirs; NaN
        when none did.
        """
        alone = np.where(self.clip == "", self.probe, "")
        columns = (self.reference, self.source, self.clip, alone, self.species, self.configuration)
        group = keys(factorise(column)[1] for column in columns)
        _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
        order = np.argsort(first)
        frames = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1])
        found = [(_mean(self.liveness[rows], mean_score), _mean(self.similarity[rows], _plain)) for rows in frames]
        liveness, similarity = np.array(found).T
        return replace(self.where(first[order]), liveness=liveness[order], similarity=similarity[order])

    def halves(self) -> tuple[Self, Self]:
        """The attempts within each half of the subjects: every other one in the order of (source, name), an odd one in the first.

        An impostor of the other half is in neither, so that nobody is on both sides.
        """
        # Templates are ranked by source first, so both halves hold people of every source.
        whose = np.array([f"{source}\t{name}" for source, name in zip(self.source, self.reference_subject, strict=True)], _TEXT)
        probe = np.array([f"{source}\t{name}" for source, name in zip(self.source, self.probe_subject, strict=True)], _TEXT)
        codes = ranked(np.concatenate((whose, probe)))
        one, other = codes[: len(self)] % 2, codes[len(self) :] % 2
        return self.where((one == 0) & (other == 0)), self.where((one == 1) & (other == 1))


def _mean(values: Floats, mean: object) -> float:
    heard = np.sort(values[~np.isnan(values)])  # sorted, so that the order of rows cannot change a sum
    return float(mean(heard)) if heard.size else np.nan  # type: ignore[operator]


def _plain(values: Floats) -> float:
    return float(np.clip(values.mean(), values[0], values[-1]))


def _rows(reader: csv.DictReader[str], faults: list[str]) -> Iterator[Mapping[str, object]]:
    for row in reader:
        try:
            yield _row(row)
        except ValueError as error:
            faults.append(f"line {reader.line_num}: {error}")


def _row(row: Mapping[str, str | None]) -> Mapping[str, object]:
    if "" in row or None in row.values():
        raise ValueError("has more or fewer cells than the header")
    cells = cast("Mapping[str, str]", row)
    if "\0" in "".join(cells.values()):
        raise ValueError("holds a NUL character")
    if cells["mated"] not in {"0", "1"}:
        raise ValueError(f"mated is {cells['mated']!r}; write 1 or 0")
    return {**cells, "mated": cells["mated"] == "1", **{name: _score(name, cells[name]) for name in ("liveness", "similarity")}}


def _score(name: str, cell: str) -> float | None:
    if not cell:
        return None
    try:
        value = np.nan if "_" in cell else float(cell)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise ValueError(f"{name} {cell!r} is no number; leave it empty for no response")
    return value
