"""The licence line is told to people, once for each weights."""

from __future__ import annotations

import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from livegate.cli.notice import licence_line, licence_once
from livegate.runtime.manifest import Licence

LICENCE = Licence(spdx="CC0-1.0", summary="Do as you like.", file=None)
OTHER = LICENCE.model_copy(update={"spdx": "MIT"})
Told = Callable[..., list[str]]


class Terminal(StringIO):
    """What a person reads."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Told:
    """A function: the lines that a person with a new cache reads, of weights by name and licence."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def tell(*weights: tuple[str, Licence], screen: type[StringIO] = Terminal) -> list[str]:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", screen())
            for name, licence in weights:
                licence_once(name, licence)
            return str(sys.stderr.getvalue()).splitlines()  # type: ignore[attr-defined] # it is the screen

    return tell


def test_the_line_is_told_once_for_each_name_and_licence(told: Told) -> None:
    """Other weights, and other terms for the same ones, are told again."""
    said = told(("a", LICENCE), ("a", LICENCE), ("b", LICENCE), ("a", OTHER), ("b", LICENCE))
    assert said == [f"Note: {licence_line(name, licence)}" for name, licence in (("a", LICENCE), ("b", LICENCE), ("a", OTHER))]


def test_a_program_is_told_nothing(told: Told) -> None:
    """A person is, the next time."""
    assert told(("a", LICENCE), screen=StringIO) == []
    assert len(told(("a", LICENCE))) == 1


def test_a_name_of_any_length_is_told_once(told: Told) -> None:
    """It need not be the name of a file."""
    long = "a" * 5000, LICENCE
    assert len(told(long, long)) == 1


def test_where_nothing_can_be_remembered_it_is_told_each_time(told: Told, tmp_path: Path) -> None:
    """A cache that is a file, say."""
    (tmp_path / "cache").write_text("")
    assert len(told(("a", LICENCE), ("a", LICENCE))) == 2
