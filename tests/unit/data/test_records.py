"""RecordIO without MXNet: what is packed comes out, with the people it was packed with; what is damaged is told."""

from __future__ import annotations

import pickle  # noqa: TID251 - what hands a reader to another process
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from livegate.data import records
from livegate.data.identities import Person
from livegate.data.records import MAGIC, Records
from livegate.errors import DataSetError, PictureError

PICTURES = [bytes([65 + number]) * (5 + number) for number in range(7)]
PEOPLE = [3, 3, 3, 8, 8, 20, 20]
"""Labels as the file tells them; in memory they are 0, 1, 2."""


def framed(content: bytes, part: int = 0) -> bytes:
    """A record, or a part of one."""
    return MAGIC + struct.pack("<I", part << 29 | len(content)) + content + bytes(-len(content) % 4)


def packed(labels: tuple[float, ...], picture: bytes = b"") -> bytes:
    """The content of a record with one label or several."""
    if len(labels) == 1:
        return struct.pack("<IfQQ", 0, labels[0], 0, 0) + picture
    return struct.pack(f"<IfQQ{len(labels)}f", len(labels), 0.0, 0, 0, *labels) + picture


def written(folder: Path, contents: dict[int, bytes], people: int | None = 3) -> Path:
    """Files of these records, which are whole frames already."""
    data, lines = b"", []
    for key, frame in contents.items():
        lines.append(f"{key}\t{len(data)}\n")
        data += frame
    (folder / "train.rec").write_bytes(data)
    (folder / "train.idx").write_text("".join(lines), "ascii")
    if people is not None:
        (folder / "property").write_text(f"{people},112,112\n", "ascii")
    return folder / "train.rec"


def emore(*, several: bool = False) -> dict[int, bytes]:
    """As MS1MV2 is packed: a header, pictures, then a range for each person."""
    found = {0: framed(packed((8.0, 11.0)))}
    for key, (person, picture) in enumerate(zip(PEOPLE, PICTURES, strict=True), start=1):
        found[key] = framed(packed((float(person), 1.0) if several else (float(person),), picture))
    for key, (low, high) in enumerate(((1, 4), (4, 6), (6, 8)), start=8):
        found[key] = framed(packed((float(low), float(high))))
    return found


@pytest.mark.parametrize("several", [False, True])
def test_a_set_with_a_header(tmp_path: Path, several: bool) -> None:  # noqa: FBT001 - pytest's
    """Pictures in order, people numbered from 0; header and ranges are no pictures; labels may be lists."""
    found = Records(written(tmp_path, emore(several=several)))
    assert [found.source(place) for place in range(len(found))] == PICTURES
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 2, 2]
    assert (found.people, len(found), found.labels.dtype) == (3, 7, np.int32)
    assert [found.person(label) for label in range(3)] == [Person("", "3"), Person("", "8"), Person("", "20")]
    assert len({found.name(place) for place in range(7)}) == 7


def test_a_set_without_a_header(tmp_path: Path) -> None:
    """Every record is a picture, record 0 as well."""
    contents = {
        key: framed(packed((float(person),), picture))
        for key, (person, picture) in enumerate(zip(PEOPLE, PICTURES, strict=True))
    }
    found = Records(written(tmp_path, contents, None))
    assert [found.source(place) for place in range(7)] == PICTURES
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_a_picture_of_no_range_tells_its_own_label(tmp_path: Path) -> None:
    """Ranges that leave pictures out do not lose them."""
    contents = emore()
    contents[9] = framed(packed((4.0, 5.0)))
    assert Records(written(tmp_path, contents)).labels.tolist() == [0, 0, 0, 1, 1, 2, 2]


def test_records_in_any_order_of_the_index(tmp_path: Path) -> None:
    """Keys decide, not lines."""
    path = written(tmp_path, emore())
    lines = path.with_suffix(".idx").read_text("ascii").splitlines()
    path.with_suffix(".idx").write_text("\n".join(reversed(lines)), "ascii")
    assert Records(path).source(2) == PICTURES[2]


def test_a_picture_that_holds_the_magic_number(tmp_path: Path) -> None:
    """Such a record is cut there into parts, and is put together again."""
    whole = packed((20.0,), b"1234" + MAGIC + b"5678" + MAGIC + b"end")
    first, second, third = whole.split(MAGIC)
    contents = emore() | {7: framed(first, 1) + framed(second, 2) + framed(third, 3)}
    assert Records(written(tmp_path, contents)).source(6) == b"1234" + MAGIC + b"5678" + MAGIC + b"end"


def test_a_reader_goes_to_another_process(tmp_path: Path) -> None:
    """It holds no open file."""
    found = pickle.loads(pickle.dumps(Records(written(tmp_path, emore()))))  # noqa: S301 - our own
    assert found.source(3) == PICTURES[3]


def test_many_records_are_arrays(tmp_path: Path) -> None:
    """Twenty thousand pictures of two thousand people: 12 bytes each, and opened without reading every one."""
    contents = {0: framed(packed((20001.0, 22001.0)))}
    contents |= {key: framed(packed((float((key - 1) // 10),), b"x")) for key in range(1, 20001)}
    contents |= {20001 + n: framed(packed((1.0 + 10 * n, 11.0 + 10 * n))) for n in range(2000)}
    path = written(tmp_path, contents, 2000)
    started = time.perf_counter()
    found = Records(path)
    assert time.perf_counter() - started < 10
    assert (len(found), found.people) == (20000, 2000)
    assert found.labels.tolist() == [place // 10 for place in range(20000)]
    assert found.labels.nbytes + found._starts.nbytes == 12 * 20000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({0: framed(packed((0.5, 11.0)))}, "label 0.5 is no number"),
        ({3: framed(packed((float("nan"),), b"x")), 8: framed(packed((3.0, 4.0)))}, "label nan"),
        ({8: b"no record, and yet some bytes  "}, "there is no record at byte"),
        ({8: framed(b"short")}, "is shorter than its header"),
        ({8: framed(struct.pack("<IfQQ", 5000, 0.0, 0, 0))}, "promises 5000 labels"),
        ({8: framed(packed((1.0, 4.0)), 2)}, "a length or part that no picture has"),
        ({8: MAGIC + struct.pack("<I", (1 << 29) - 1)}, "a length or part that no picture has"),
        ({10: framed(packed((6.0, 8.0)))[:-8]}, "is cut off"),
    ],
)
def test_damaged_records(tmp_path: Path, change: dict[int, bytes], message: str) -> None:
    """What the header and the ranges do not hold to."""
    with pytest.raises(DataSetError) as caught:
        Records(written(tmp_path, emore() | change))
    assert message in str(caught.value)


def test_a_damaged_picture_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    """The set opens; the picture has an error of its own."""
    path = written(tmp_path, emore())
    data = bytearray(path.read_bytes())
    second = int(path.with_suffix(".idx").read_text("ascii").splitlines()[2].split()[1])
    data[second] ^= 1
    path.write_bytes(data)
    found = Records(path)
    assert found.source(0) == PICTURES[0]
    with pytest.raises(PictureError, match="picture 1: there is no record"):
        found.source(1)


@pytest.mark.parametrize(
    ("index", "message"),
    [
        ("", "lists no record"),
        ("0 x\n", "key TAB place"),
        ("0\t0\n1\n", "key TAB place"),
        ("0\t0\n0\t4\n", "lists a key twice"),
        ("0\t99999999\n", "leads beyond"),
        ("0\t" + "9" * 30, "key TAB place"),
        ("-1\t-5\n", "leads beyond"),
        ("7" * 300, "no index"),
    ],
)
def test_damaged_indexes(tmp_path: Path, index: str, message: str) -> None:
    """Lines, keys and places that do not hold."""
    path = written(tmp_path, emore())
    path.with_suffix(".idx").write_text(index, "ascii")
    with pytest.raises(DataSetError) as caught:
        Records(path)
    assert message in str(caught.value)


def test_an_index_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that two blocks share is one line."""
    monkeypatch.setattr(records, "_BLOCK", 7)
    assert Records(written(tmp_path, emore())).source(6) == PICTURES[6]


def test_files_that_do_not_fit_together(tmp_path: Path) -> None:
    """Another number of people, a property that is none, a file that is missing."""
    with pytest.raises(DataSetError, match="tells of 4 people, the records of 3"):
        Records(written(tmp_path, emore(), 4))
    (tmp_path / "property").write_text("many\n", "ascii")
    with pytest.raises(DataSetError, match="people,height,width"):
        Records(tmp_path / "train.rec")
    (tmp_path / "train.idx").unlink()
    with pytest.raises(DataSetError, match=r"train\.idx: cannot be read"):
        Records(tmp_path / "train.rec")
