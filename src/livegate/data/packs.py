"""Verification packs of insightface (``lfw.bin``, ``cfp_fp.bin``, …): encoded pictures two by two, and which pairs are mated.

A pack is a Python pickle of (pictures, same): 2 N byte strings, pictures 2 i and 2 i + 1 make pair i, and N booleans; contiguous tenths are the
folds of the protocol. **Unpickling runs whatever code the file names, so nothing is unpickled here**: the few instructions that real packs
are made of are read one by one into lists, byte strings and booleans, and any other one is an error. No name in a pack is ever looked up. Of the names
that numpy and Python write for arrays, booleans and bytes, the meaning is known here and nothing is called.

Pictures are RGB JPEG of aligned 112 x 112 faces.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from livegate.data.pairs import Pairs
from livegate.errors import PairsError
from livegate.sample import Comparison

SUFFIX = ".bin"
MAX_BYTES = 1024**3
MAX_PICTURE_BYTES = 4 * 1024**2
MAX_STEPS = 2_000_000
"""Instructions in a pack; real ones take about three a picture."""
PAIRS: Mapping[str, int] = {
    "lfw": 6000,
    "cfp_ff": 7000,
    "cfp_fp": 7000,
    "agedb_30": 6000,
    "calfw": 6000,
    "cplfw": 6000,
    "vgg2_fp": 5000,
}
"""The packs that are known, and how many pairs each has, as insightface hands them out."""


def read_pack(path: str | Path) -> Pairs:
    """Read a pack; its pictures are kept encoded, named by their place.

    Raises:
        PairsError: if it is no pack, is cut off or holds an instruction that no pack needs.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PairsError(path, [f"has more than {MAX_BYTES:,} bytes, so it is no pack"])
        data = path.read_bytes()
    except OSError as error:
        raise PairsError(path, [f"cannot be read ({error.strerror}); give a pack (.bin)"]) from None
    try:
        pictures, same = _parts(_Reader(data).read())
    except _NotAPack as error:
        raise PairsError(path, [f"is no pack that can be read: {error}"]) from None
    comparisons = tuple(Comparison(str(2 * place), str(2 * place + 1), mated) for place, mated in enumerate(same))
    return Pairs(path.stem, comparisons, {str(place): picture for place, picture in enumerate(pictures)})


class _NotAPack(Exception):  # noqa: N818 - never leaves this module
    """Why not."""


def _parts(value: object) -> tuple[list[bytes], list[bool]]:
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise _NotAPack("it must hold two lists, pictures and booleans")
    pictures, same = (_items(_settled(part)) for part in value)
    if not same or len(pictures) != 2 * len(same):
        raise _NotAPack(f"it has {len(pictures)} pictures for {len(same)} pairs; there must be two for each")
    return [_picture(_settled(one)) for one in pictures], [_boolean(one) for one in same]


def _items(part: object) -> list[Any]:
    if isinstance(part, np.ndarray):
        return list(part)
    if not isinstance(part, (list, tuple)):
        raise _NotAPack("it must hold two lists, pictures and booleans")
    return list(part)


def _picture(value: object) -> bytes:
    data = value.tobytes() if isinstance(value, np.ndarray) and value.dtype == np.uint8 else value
    if not isinstance(data, bytes) or not 0 < len(data) <= MAX_PICTURE_BYTES:
        raise _NotAPack(f"a picture must be a byte string of at most {MAX_PICTURE_BYTES:,} bytes")
    return data


def _boolean(value: object) -> bool:
    if not isinstance(value, (bool, np.bool_, int)) or value not in {0, 1}:
        raise _NotAPack("whether a pair is mated must be a boolean")
    return bool(value)


_MARK = object()
_ARRAY, _BUFFER, _SCALAR, _DTYPE, _BYTES, _CLASS = "array", "buffer", "scalar", "dtype", "bytes", "class"
_KNOWN = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _ARRAY for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _BUFFER for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _SCALAR for core in ("core", "_core")},
    ("numpy", "ndarray"): _CLASS,
    ("numpy", "dtype"): _DTYPE,
    ("_codecs", "encode"): _BYTES,
}
"""What is written for an array, a boolean of numpy, its type, and for bytes by the older protocols. Symbols: nothing is imported."""
_TYPES = {"b1": np.dtype(np.bool_), "u1": np.dtype(np.uint8), "?": np.dtype(np.bool_)}


@dataclass(frozen=True, slots=True)
class _Symbol:
    kind: str


@dataclass(frozen=True, slots=True)
class _Type:
    dtype: np.dtype[Any]


@dataclass(slots=True)
class _Array:
    """An array of which the type and content follow."""

    value: np.ndarray[Any, Any] | None = None


class _Reader:
    """The instructions of a pack, in a loop that ends after ``MAX_STEPS`` of them or with the file."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._place = 0
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}
        self._steps: Mapping[int, Callable[[], None]] = {ord(code): step for code, step in self._table().items()}

    def read(self) -> object:
        for _ in range(MAX_STEPS):
            code = self._take(1)[0]
            if code == ord("."):
                return _settled(self._pop())
            step = self._steps.get(code)
            if step is None:
                raise _NotAPack(f"instruction {bytes([code])!r} at byte {self._place - 1} is none that a pack needs")
            step()
        raise _NotAPack(f"it has more than {MAX_STEPS:,} instructions")

    def _table(self) -> Mapping[str, Callable[[], None]]:
        push = self._stack.append
        return {
            "\x80": lambda: self._protocol(self._number("<B")),
            "\x95": lambda: self._skip(8),
            "(": lambda: push(_MARK),
            "]": lambda: push([]),
            ")": lambda: push(()),
            "l": lambda: push(self._marked()),
            "t": lambda: push(tuple(self._marked())),
            "\x85": lambda: self._tuple(1),
            "\x86": lambda: self._tuple(2),
            "\x87": lambda: self._tuple(3),
            "a": lambda: self._extend([self._pop()]),
            "e": lambda: self._extend(self._marked()),
            "q": lambda: self._remember(self._number("<B")),
            "r": lambda: self._remember(self._number("<I")),
            "\x94": lambda: self._remember(len(self._memo)),
            "h": lambda: push(self._recall(self._number("<B"))),
            "j": lambda: push(self._recall(self._number("<I"))),
            "\x88": lambda: push(True),
            "\x89": lambda: push(False),
            "N": lambda: push(None),
            "K": lambda: push(self._number("<B")),
            "M": lambda: push(self._number("<H")),
            "J": lambda: push(self._number("<i")),
            "U": lambda: push(self._bytes("<B")),
            "T": lambda: push(self._bytes("<i")),
            "C": lambda: push(self._bytes("<B")),
            "B": lambda: push(self._bytes("<I")),
            "\x8e": lambda: push(self._bytes("<Q")),
            "\x96": lambda: push(self._bytes("<Q")),
            "X": lambda: push(self._text("<I")),
            "\x8c": lambda: push(self._text("<B")),
            "c": lambda: push(self._symbol(self._line(), self._line())),
            "\x93": self._stack_symbol,
            "R": self._build_value,
            "b": self._fill,
        }

    def _take(self, size: int) -> memoryview:
        end = self._place + size
        if size < 0 or end > len(self._data):
            raise _NotAPack(f"it is cut off: byte {self._place} promises more than the {len(self._data):,} there are")
        taken, self._place = self._data[self._place : end], end
        return taken

    def _skip(self, size: int) -> None:
        self._take(size)

    def _number(self, kind: str) -> int:
        """A number of this kind, as ``struct`` names it."""
        return int(struct.unpack(kind, self._take(struct.calcsize(kind)))[0])

    def _bytes(self, kind: str) -> bytes:
        return bytes(self._take(self._number(kind)))

    def _text(self, kind: str) -> str:
        try:
            return str(self._take(self._number(kind)), "utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise _NotAPack("it holds a text that is none") from None

    def _line(self) -> str:
        rest = bytes(self._data[self._place : self._place + 100])
        line, found, _ = rest.partition(b"\n")
        if not found:
            raise _NotAPack("it holds a name without end")
        self._place += len(line) + 1
        return line.decode("latin-1")

    def _protocol(self, number: int) -> None:
        if number > 5:
            raise _NotAPack(f"protocol {number} is none that is known")

    def _pop(self) -> Any:  # noqa: ANN401 a stack of everything
        if not self._stack or self._stack[-1] is _MARK:
            raise _NotAPack("an instruction takes more than there is")
        return self._stack.pop()

    def _marked(self) -> list[Any]:
        """What lies above the last mark, which goes with it."""
        items: list[Any] = []
        while self._stack and self._stack[-1] is not _MARK:
            items.append(self._stack.pop())
        if not self._stack:
            raise _NotAPack("a list has no beginning")
        self._stack.pop()
        return items[::-1]

    def _tuple(self, size: int) -> None:
        items = [self._pop() for _ in range(size)]
        self._stack.append(tuple(items[::-1]))

    def _extend(self, items: list[Any]) -> None:
        if not self._stack or not isinstance(self._stack[-1], list):
            raise _NotAPack("something is added to what is no list")
        self._stack[-1].extend(map(_settled, items))

    def _remember(self, place: int) -> None:
        self._memo[place] = self._stack[-1] if self._stack else None

    def _recall(self, place: int) -> object:
        if place not in self._memo or self._memo[place] is _MARK:
            raise _NotAPack(f"it recalls what it never said, {place}")
        return self._memo[place]

    def _symbol(self, module: str, name: str) -> _Symbol:
        if (module, name) not in _KNOWN:
            raise _NotAPack(f"it names {module[:50]}.{name[:50]}, which no pack needs")
        return _Symbol(_KNOWN[module, name])

    def _stack_symbol(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise _NotAPack("a name is no text")
        self._stack.append(self._symbol(module, name))

    def _build_value(self) -> None:
        arguments, symbol = self._pop(), self._pop()
        kind = symbol.kind if isinstance(symbol, _Symbol) and isinstance(arguments, tuple) else ""
        match kind, arguments:
            case "bytes", (str() as text, "latin1" | "latin-1" | b"latin1"):
                self._stack.append(_latin(text))
            case "dtype", (name, *_):
                self._stack.append(_Type(_dtype(name)))
            case "scalar", (_Type(dtype), bytes() as content) if len(content) == 1:
                self._stack.append(np.frombuffer(content, dtype)[0])
            case "array", (_Symbol(kind="class"), *_):
                self._stack.append(_Array())
            case "buffer", (bytes() as content, _Type(dtype), tuple() as shape, _):
                self._stack.append(_filled(shape, dtype, content))
            case _:
                raise _NotAPack("it calls something in a way that no pack needs")

    def _fill(self) -> None:
        """The state of an array or a type: only an array's matters."""
        state = self._pop()
        target = self._stack[-1] if self._stack else None
        match target, state:
            case _Type(), tuple():
                return
            case _Array(value=None), (int(), tuple() as shape, _Type(dtype), _, bytes() as content):
                target.value = _filled(shape, dtype, content)
            case _:
                raise _NotAPack("it changes what no pack needs to change")


def _settled(value: object) -> object:
    """An array that is complete, for what stands for it."""
    return value.value if isinstance(value, _Array) else value


def _latin(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise _NotAPack("it holds bytes that are none") from None


def _dtype(name: object) -> np.dtype[Any]:
    text = name.decode("latin-1") if isinstance(name, bytes) else name
    if not isinstance(text, str) or text not in _TYPES:
        raise _NotAPack("it holds an array of another type than bytes or booleans")
    return _TYPES[text]


def _filled(shape: tuple[Any, ...], dtype: np.dtype[Any], content: bytes) -> np.ndarray[Any, Any]:
    if not all(isinstance(side, int) and side >= 0 for side in shape) or len(shape) > 1 or math.prod(shape) != len(content):
        raise _NotAPack("it holds an array of another shape than its content")
    return np.frombuffer(content, dtype)
