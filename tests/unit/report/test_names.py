"""Names that others wrote are shown without doing anything."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.report.names import LONGEST, shown


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("print", "print"),
        ("", ""),
        ("two words", "two words"),
        ("a\nb\tc", r"a\u000ab\u0009c"),
        ("\x1b[31m", r"\u001b[31m"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("a\u200bb\u2028c\u00a0d", r"a\u200bb\u2028c d"),
        ("\u05d0", "\u2068\u05d0\u2069"),
        ("x" * 48, "x" * 48),
    ],
)
def test_shown(name: str, expected: str) -> None:
    """What is invisible stands as its number; letters that run from right to left are kept apart from what follows."""
    assert shown(name) == expected


def test_the_middle_of_a_long_name_goes() -> None:
    """Both ends tell names apart."""
    assert shown("a" * 1000 + "b" * 1000) == "a" * 23 + " … " + "b" * 23


@given(st.text())
def test_nothing_invisible_is_left(name: str) -> None:
    """No control, no format character but the two that keep directions apart; one line; bounded."""
    text = shown(name).strip("\u2068\u2069")
    assert not any(unicodedata.category(letter)[0] == "C" or letter in "\u2028\u2029" for letter in text)
    assert len(text) <= (LONGEST + 1) * 10
