"""Where tables are printed."""

from __future__ import annotations

from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or a pipe: no number is cut there."""


def tables() -> Console:
    """Standard output; wide enough for every table where no terminal sets the width."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDE)
