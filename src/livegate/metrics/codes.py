"""Text columns as integers: the same text has the same number, so that rows are grouped and compared without Python objects."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Codes: TypeAlias = npt.NDArray[np.int64]
Text: TypeAlias = npt.NDArray[Any]
"""Strings of any length, ``numpy.dtypes.StringDType``: one long name does not widen a million others."""

_LARGEST = 2**63


class _Numbers(dict[str, int]):
    """A dict that numbers its keys when they are first asked for."""

    def __missing__(self, key: str) -> int:
        number = self[key] = len(self)
        return number


def factorise(column: Text) -> tuple[list[str], Codes]:
    """Each text of a column (N,) once, in order of first appearance, and each row's place in that list, (N,) int64."""
    numbers = _Numbers()
    codes = np.fromiter(map(numbers.__getitem__, column.tolist()), np.int64, column.size)
    return list(numbers), codes


def ranked(column: Text) -> Codes:
    """The place of each row's text among all texts of the column (N,) in sorted order, (N,) int64: no matter how rows lie."""
    names, codes = factorise(column)
    rank = np.empty(len(names), np.int64)
    rank[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return rank[codes]


def keys(columns: Iterable[Codes]) -> Codes:
    """One number a row, (N,) int64, equal exactly where rows are alike in all columns (N,) of codes, and sorting as these do."""
    found, *others = columns
    size = _size(found)
    for codes in others:
        if size * _size(codes) >= _LARGEST:
            found = np.unique(found, return_inverse=True)[1]
            size = _size(found)
        found, size = found * _size(codes) + codes, size * _size(codes)
    return found


def _size(codes: Codes) -> int:
    return int(codes.max(initial=0)) + 1
