"""A page as Markdown; figures are left to the HTML."""

from __future__ import annotations

import re

from livegate.report.page import Block, Facts, Folded, Items, Page, Plots, Prose, Table

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>|~$&#]|!(?=\[)|:(?=//)|@")


def markdown(page: Page) -> str:
    """The page as GitHub-flavoured Markdown, in which no text can become markup, link or picture."""
    lines = [f"# {_text(page.title)}", _text(page.subtitle)]
    for section in page.sections:
        if blocks := [text for block in section.blocks if (text := _block(block))]:
            lines += [f"## {_text(section.title)}", *blocks]
    return "\n\n".join(line for line in lines if line) + "\n"


def _block(block: Block) -> str:
    match block:
        case Prose(text, lead):
            return f"**{_text(lead)}** {_text(text)}" if lead else _text(text)
        case Items(lines):
            return "\n".join(f"- {_text(line)}" for line in lines)
        case Facts(facts):
            return "\n".join(f"- {_text(fact.label)}: **{_text(fact.value)}** ({_text(fact.note)})" for fact in facts)
        case Table():
            return _table(block)
        case Plots():
            return ""
        case Folded(title, blocks):
            return "\n\n".join([f"### {_text(title)}", *(_block(part) for part in blocks)])


def _table(table: Table) -> str:
    rule = [*["---"] * table.words, *["---:"] * (len(table.header) - table.words)]
    cells = [[_text(cell) for cell in row] for row in (table.header, *table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], rule, *cells[1:]))


def _text(text: str) -> str:
    """Text on one line that Markdown takes for nothing but text."""
    return _SPECIAL.sub(r"\\\g<0>", " ".join(text.split(" ")).replace("\n", " "))
