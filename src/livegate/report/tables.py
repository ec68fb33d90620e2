"""Tables that several sections of a report share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from livegate.report.document import RateFigure, Report, Result
from livegate.report.page import Block, Folded, Table
from livegate.report.wording import counted, exact, of, span

Rows: TypeAlias = tuple[tuple[str, ...], ...]

UNNAMED = "(unnamed)"


def drawn_header(title: str) -> tuple[str, ...]:
    """The header of ``drawn``."""
    return title, "exact 95 %", "bootstrap 95 %"


def drawn(rate: RateFigure) -> tuple[str, ...]:
    """A rate with both of its intervals, in three cells."""
    return counted(rate), exact(rate), span(rate.bootstrap)


def judged(rate: RateFigure) -> tuple[str, ...]:
    """A rate with its exact interval, in two cells."""
    return counted(rate), exact(rate)


def tables(report: Report, header: tuple[str, ...], rows: Callable[[Result], Rows], words: int = 1) -> tuple[Block, ...]:
    """The rows of the headline configurations, and those of all others folded."""
    shown_rows = tuple(row for result in report.results if result.configuration in report.headline for row in rows(result))
    others = tuple(row for result in report.results if result.configuration not in report.headline for row in rows(result))
    table = Table(header, shown_rows, words)
    title = of(len(report.results) - len(report.headline), "other configuration")
    return (table, Folded(title, (Table(header, others, words),))) if others else (table,)
