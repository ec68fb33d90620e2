"""Packs are read without running them: what real ones hold comes out, and whatever else a pickle can say is refused."""

from __future__ import annotations

import io
import os
import pickle  # noqa: TID251 - packs are pickles: the test writes them, the library never loads one
import struct
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from livegate.data import packs
from livegate.data.packs import read_pack
from livegate.errors import PairsError

PICTURES = [bytes([number]) * (10 if number % 2 else 300) for number in range(1, 9)]
SAME = [True, False, False, True]


def packed(folder: Path, value: object, protocol: int = 4) -> Path:
    """A pack as Python 3 writes it."""
    path = folder / "lfw.bin"
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def python_2(pictures: list[bytes], same: list[bool]) -> bytes:
    """A pack as Python 2 writes it, protocol 2: byte strings are of its kind of text."""
    out = io.BytesIO()
    out.write(b"\x80\x02]q\x00(")
    for place, picture in enumerate(pictures, start=1):
        short = len(picture) < 256
        out.write(b"U" + bytes([len(picture)]) if short else b"T" + struct.pack("<i", len(picture)))
        out.write(picture + b"q" + bytes([place]))
    out.write(b"e]q\x70(" + b"".join(b"\x88" if one else b"\x89" for one in same) + b"e\x86q\x71.")
    return out.getvalue()


def refused(path: Path, data: bytes) -> str:
    """The message with which these bytes are refused."""
    path.write_bytes(data)
    with pytest.raises(PairsError) as caught:
        read_pack(path)
    return str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize(
    "same",
    [SAME, tuple(SAME), [1, 0, 0, 1], [np.bool_(one) for one in SAME], np.array(SAME)],
    ids=["list", "tuple", "integers", "numpy booleans", "array"],
)
def test_every_kind_of_pack_that_python_3_writes(tmp_path: Path, protocol: int, same: Any) -> None:
    """Pictures two by two, in order, with whether they are mated; folds are for whoever measures."""
    pairs = read_pack(packed(tmp_path, (PICTURES, same), protocol))
    assert [one.mated for one in pairs.comparisons] == SAME
    assert [(pairs.pictures[one.reference], pairs.pictures[one.probe]) for one in pairs.comparisons] == [
        (PICTURES[2 * place], PICTURES[2 * place + 1]) for place in range(4)
    ]
    assert (pairs.name, pairs.folds) == ("lfw", ())


def test_the_pack_of_python_2(tmp_path: Path) -> None:
    """Byte strings with one byte of length and with four."""
    path = tmp_path / "old.bin"
    path.write_bytes(python_2(PICTURES, SAME))
    assert pickle.loads(path.read_bytes(), encoding="bytes") == (PICTURES, SAME)  # noqa: S301 - the crafted bytes are what they should be
    pairs = read_pack(path)
    assert list(pairs.pictures.values()) == PICTURES
    assert [one.mated for one in pairs.comparisons] == SAME


@pytest.mark.parametrize("protocol", [2, 4])
def test_pictures_as_arrays(tmp_path: Path, protocol: int) -> None:
    """Some packs keep the bytes of a picture in an array of numpy."""
    arrays = [np.frombuffer(one, np.uint8) for one in PICTURES]
    assert list(read_pack(packed(tmp_path, [arrays, SAME], protocol)).pictures.values()) == PICTURES


def test_pictures_that_are_one_and_the_same(tmp_path: Path) -> None:
    """A picture that a pack recalls instead of repeating."""
    assert list(read_pack(packed(tmp_path, ([PICTURES[0]] * 4, [True, False]))).pictures.values()) == [PICTURES[0]] * 4


class Hostile:
    """What a pickle of this does when it is loaded: leave a file."""

    def __init__(self, path: Path, call: Any = os.system) -> None:
        self.path, self.call = path, call

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return self.call, (f"touch {self.path}",)


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize("call", [os.system, eval, __import__])
def test_nothing_in_a_pack_is_run(tmp_path: Path, protocol: int, call: Any) -> None:
    """A call of os.system, eval or import is an error, and leaves nothing behind."""
    message = refused(tmp_path / "x.bin", pickle.dumps((PICTURES, [Hostile(tmp_path / "ran", call)]), protocol))
    assert "is no pack that can be read" in message
    assert not (tmp_path / "ran").exists()


def test_names_that_are_known_are_called_in_no_other_way(tmp_path: Path) -> None:
    """What stands for bytes and arrays takes its own arguments and nothing else."""
    path = tmp_path / "x.bin"
    for body in (
        b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x03\x00\x00\x00rottR",  # another codec
        b"cnumpy\nndarray\n)R",
        b"cnumpy\ndtype\n(X\x01\x00\x00\x00OtR",
        b"cnumpy.core.multiarray\nscalar\n)R",
        b"cnumpy.core.multiarray\n_reconstruct\n)R",
        b"K\x01)R",
        b"]Nb",
    ):
        assert "is no pack that can be read" in refused(path, b"\x80\x02" + body + b".")


def test_every_instruction_that_is_not_known_is_refused(tmp_path: Path) -> None:
    """All 256, each after the header: persistent ids, extensions, objects, dictionaries and the rest."""
    known = set(packs._Reader(b"")._steps) | {ord(".")}
    assert len(known) == 36
    for code in set(range(256)) - known:
        assert "none that a pack needs" in refused(tmp_path / "x.bin", b"\x80\x02" + bytes([code]) + b"aaaa.")


@pytest.mark.parametrize("end", range(0, 120, 7))
def test_a_pack_that_is_cut_off(tmp_path: Path, end: int) -> None:
    """Wherever it ends, it is told."""
    refused(tmp_path / "x.bin", pickle.dumps((PICTURES, SAME), 4)[:end])


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x03B\xff\xff\xff\xff.",  # promises four gigabytes
        b"\x80\x04\x8e" + b"\xff" * 8 + b".",
        b"\x80\x02T\xff\xff\xff\xff.",  # a length below nothing
        b"\x80\x02h\x05.",
        b"\x80\x02(h\x00.",
        b"\x80\x02(q\x00h\x00.",
        b"\x80\x02e.",
        b"\x80\x02K\x01K\x02a.",
        b"\x80\x63.",
        b"\x80\x02c" + b"a" * 200,
        b".",
        b"",
    ],
)
def test_damaged_instructions(tmp_path: Path, data: bytes) -> None:
    """Lengths, places and marks that do not hold."""
    assert "is no pack that can be read" in refused(tmp_path / "x.bin", data)


@pytest.mark.parametrize(
    "value",
    [
        PICTURES,
        (PICTURES,),
        (PICTURES, SAME, SAME),
        (PICTURES[:-1], SAME),
        ([], []),
        (["a", "b"], [True]),
        ([b"", b"b"], [True]),
        ([b"a", b"b"], [2]),
        ([b"a", b"b"], [b"1"]),
        ("ab", "c"),
        None,
    ],
)
def test_something_else_that_is_a_pickle(tmp_path: Path, value: object) -> None:
    """Two lists of the right lengths and kinds, or nothing."""
    assert "is no pack that can be read" in refused(tmp_path / "x.bin", pickle.dumps(value, 4))


def test_a_bomb_of_recalled_lists_takes_no_time(tmp_path: Path) -> None:
    """Lists of lists that double forty times would be a trillion items; a deep nest would exhaust a recursion."""
    started = time.perf_counter()
    doubling = (
        b"\x80\x02]q\x00"
        + b"".join(b"]q" + bytes([n]) + b"(" + (b"h" + bytes([n - 1])) * 2 + b"e" for n in range(1, 41))
        + b"."
    )
    refused(tmp_path / "x.bin", doubling)
    refused(tmp_path / "x.bin", b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")
    refused(tmp_path / "x.bin", b"\x80\x02" + b"N" + b"\x85" * 500_000 + b".")
    assert time.perf_counter() - started < 20


def test_instructions_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of marks ends after so many of them; one that is too large is not opened."""
    monkeypatch.setattr(packs, "MAX_STEPS", 1000)
    assert "more than 1,000 instructions" in refused(tmp_path / "x.bin", b"\x80\x02" + b"(" * 5000)
    monkeypatch.setattr(packs, "MAX_BYTES", 100)
    assert "more than 100 bytes" in refused(tmp_path / "x.bin", b"\x80\x02" + b"(" * 5000)


def test_no_file(tmp_path: Path) -> None:
    """A pack that is not there, and a folder."""
    for path in (tmp_path / "none.bin", tmp_path):
        with pytest.raises(PairsError, match="cannot be read"):
            read_pack(path)
