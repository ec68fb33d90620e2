"""A page as its content alone: what stands on it and in which order. Markdown and HTML give it a look.

All text is plain: whoever renders it escapes it. Names that others wrote have gone through ``livegate.report.names.shown``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Prose:
    """One paragraph; ``lead`` is its first words, set off."""

    text: str
    lead: str = ""


@dataclass(frozen=True, slots=True)
class Items:
    """A list, one sentence each."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Fact:
    """One large number: what it is, the number, and what it rests on."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Facts:
    """The numbers that a reader sees first."""

    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a header, all of one length; the first ``words`` columns hold words, the others numbers."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: int = 1

    def __post_init__(self) -> None:
        if wrong := [row for row in self.rows if len(row) != len(self.header)]:
            raise ValueError(f"a row has {len(wrong[0])} cells, the header {len(self.header)}")


@dataclass(frozen=True, slots=True)
class Plots:
    """Figures side by side, by the names that ``livegate.report.plots`` gives them, each with a sentence on how to read it."""

    captions: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """Blocks that a reader of the HTML opens on demand; on paper they are open."""

    title: str
    blocks: tuple[Prose | Items | Table | Plots, ...]


Block: TypeAlias = Prose | Items | Facts | Table | Plots | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The whole."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
