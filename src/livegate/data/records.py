"""Faces in MXNet's RecordIO, as MS1MV2 and other training sets are handed out: ``train.rec``, ``train.idx`` and ``property``.

=============  ==========================================================================================================================
``train.idx``  a line a record: its key, a tab, where it starts in ``train.rec``
``train.rec``  records: a magic number, a length whose upper 3 bits tell whether the record goes on, the content, filled up to 4 bytes.
               The content is a header (flag, label, two identifiers; with a flag above 0 so many labels follow) and the encoded picture
``property``   ``people,height,width``
=============  ==========================================================================================================================

Record 0 may be a header of two labels: the first and the last key of records, one a person, whose own two labels are the range of that
person's pictures. Pictures are then the keys from 1 to that first one. Without it every record is a picture.

**Colours**: pictures are as the converter stored them. Read as pictures they are taken for RGB; the code of Zhang 2019 decoded them as BGR and wrote them as
if they were RGB, so nets trained by it expect the channels the other way round. Look at one before training.

Layout as the sources of dmlc-core (recordio.h) and MXNet (recordio.py) have it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from livegate.data.identities import Labels, Person
from livegate.errors import DataSetError, PictureError

MAGIC = struct.pack("<I", 0xCED7230A)
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
MAX_RECORD_BYTES = 16 * 1024**2
MAX_RECORDS = 100_000_000
MAX_LABELS = 1024
_BLOCK = 4 * 1024**2
"""Bytes of an index that are parsed at a time."""

Numbers = npt.NDArray[np.int64]


class Record(NamedTuple):
    """The content of a record: its label or labels, and the encoded picture, empty in a header."""

    labels: tuple[float, ...]
    picture: bytes


class Records:
    """The faces of a ``.rec`` file; the index is read once, pictures when they are asked for. Safe to hand to another process.

    Args:
        path: the ``.rec``; the ``.idx`` of the same name, and ``property`` if there is one, lie beside it.

    Raises:
        DataSetError: if a file is missing or cut off, keys and places do not hold, or the people are not as many as ``property`` says.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        keys, starts = _index(self.path.with_suffix(".idx"))
        with _opened(self.path) as file:
            size = file.seek(0, 2)
            if starts.size and not 0 <= int(starts.min()) <= int(starts.max()) < size:
                raise DataSetError(self.path, [f"has {size:,} bytes, its index leads beyond them"])
            numbers, self._starts = _pictures(file, self.path, keys, starts)
        self._persons, self.labels = _numbered(numbers)
        self.people = self._persons.size
        if wrong := _property(self.path.parent / "property", self.people):
            raise DataSetError(self.path.parent / "property", wrong)

    def __len__(self) -> int:
        return self.labels.size

    def source(self, place: int) -> bytes:
        """The encoded picture at a place, see `Faces`.

        Raises:
            PictureError: if the record is damaged.
        """
        with _opened(self.path) as file:
            try:
                return _record(file, int(self._starts[place])).picture
            except ValueError as error:
                raise PictureError(f"{self.path}: picture {place}: {error}") from None

    def name(self, place: int) -> str:
        """See `Faces`: records have no names, so it is the place."""
        return str(place)

    def person(self, label: int) -> Person:
        """See `Faces`; the subject is the label as the file tells it."""
        return Person("", str(self._persons[label]))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataSetError(path, [f"cannot be read ({error.strerror}); a set has train.rec, train.idx and property"]) from None


def _index(path: Path) -> tuple[Numbers, Numbers]:
    """Keys and starts, both (K,) int64, by rising key."""
    parts: list[Numbers] = []
    with _opened(path) as file:
        rest = b""
        while block := file.read(_BLOCK):
            lines, end, rest = (rest + block).rpartition(b"\n")
            parts.append(_parsed(path, lines + end))
            if sum(map(len, parts)) > MAX_RECORDS or len(rest) > 100:
                raise DataSetError(path, [f"is no index of at most {MAX_RECORDS:,} records"])
        parts.append(_parsed(path, rest))
    table = np.concatenate(parts)
    if not table.size:
        raise DataSetError(path, ["lists no record"])
    table = table[np.argsort(table[:, 0], kind="stable")]
    if (np.diff(table[:, 0]) == 0).any():
        raise DataSetError(path, ["lists a key twice"])
    return table[:, 0], table[:, 1]


def _parsed(path: Path, text: bytes) -> Numbers:
    words = text.split()
    try:
        # Of at most 18 digits each, so that every number fits.
        if max(map(len, words), default=0) > 18:
            raise ValueError  # noqa: TRY301 - one message for whatever is no number
        return np.array(words, dtype="S18").astype(np.int64).reshape(-1, 2) if words else np.empty((0, 2), np.int64)
    except ValueError:
        raise DataSetError(path, ["is no index: its lines must be 'key TAB place'"]) from None


def _pictures(file: BinaryIO, path: Path, keys: Numbers, starts: Numbers) -> tuple[Numbers, Numbers]:
    """The label of each picture as the file tells it, and where it starts, both (N,) int64."""
    try:
        first = _record(file, int(starts[0]))
        if keys[0] != 0 or first.picture or len(first.labels) < 2:
            return np.array([_label(_record(file, start, head=True)) for start in starts.tolist()], np.int64), starts
        begin, end = (_whole(value) for value in first.labels[:2])
        people = (keys >= begin) & (keys < end)
        own = (keys > 0) & (keys < begin)
        labels = np.full(int(own.sum()), -1, np.int64)
        for start in starts[people].tolist():
            low, high = (_whole(value) for value in _record(file, start, head=True).labels[:2])
            places = slice(*np.searchsorted(keys[own], (low, high)).tolist())
            if labels[places].size:
                labels[places] = _label(_record(file, int(starts[own][places][0]), head=True))
        alone = np.flatnonzero(labels < 0)
        labels[alone] = [_label(_record(file, start, head=True)) for start in starts[own][alone].tolist()]
    except ValueError as error:
        raise DataSetError(path, [str(error)]) from None
    if not labels.size:
        raise DataSetError(path, ["holds no picture"])
    return labels, starts[own]


def _record(file: BinaryIO, start: int, *, head: bool = False) -> Record:
    """The record that starts there; with ``head`` its labels alone.

    Raises:
        ValueError: if it is none, or is cut off.
    """
    content = _content(file, start, head=head)
    if len(content) < _HEADER.size:
        raise ValueError(f"the record at byte {start} is shorter than its header")
    flag, label, _, _ = _HEADER.unpack_from(content)
    if flag > MAX_LABELS or len(content) < _HEADER.size + 4 * flag:
        raise ValueError(f"the record at byte {start} promises {flag} labels that it does not have")
    end = _HEADER.size + 4 * flag
    labels = struct.unpack_from(f"<{flag}f", content, _HEADER.size) if flag else (label,)
    return Record(labels, b"" if head else content[end:])


def _content(file: BinaryIO, start: int, *, head: bool) -> bytes:
    """What is in a record; one that held the magic number was cut there, and is put together again."""
    parts: list[bytes] = []
    file.seek(start)
    while True:
        frame = file.read(8)
        if len(frame) < 8 or frame[:4] != MAGIC:
            raise ValueError(f"there is no record at byte {start}")
        word = int.from_bytes(frame[4:], "little")
        part, length = word >> _LENGTH_BITS, word & ((1 << _LENGTH_BITS) - 1)
        if sum(map(len, parts)) + length > MAX_RECORD_BYTES or part > 3 or (part in {0, 1}) != (not parts):
            raise ValueError(f"the record at byte {start} has a length or part that no picture has")
        if head:
            wanted = min(length, _HEADER.size + 4 * MAX_LABELS)
            return _read(file, wanted, start)
        parts.append(_read(file, length, start))
        if part in {0, 3}:
            return MAGIC.join(parts)
        file.seek(-length % 4, 1)


def _read(file: BinaryIO, length: int, start: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise ValueError(f"the record at byte {start} is cut off")
    return content


def _label(record: Record) -> int:
    return _whole(record.labels[0])


def _whole(value: float) -> int:
    if not (value >= 0 and value.is_integer() and value < MAX_RECORDS):
        raise ValueError(f"label {value:g} is no number of a person or record")
    return int(value)


def _numbered(numbers: Numbers) -> tuple[Numbers, Labels]:
    names, labels = np.unique(numbers, return_inverse=True)
    return names, labels.astype(np.int32)


def _property(path: Path, people: int) -> list[str]:
    """What is wrong with it; nothing where there is none."""
    if not path.is_file():
        return []
    with _opened(path) as file:
        words = file.read(100).decode("latin-1").strip().split(",")
    if len(words) != 3 or not all(word.strip().isdecimal() for word in words):
        return ["must be 'people,height,width', such as '85742,112,112'"]
    return [f"tells of {words[0]} people, the records of {people}"] if int(words[0]) != people else []
