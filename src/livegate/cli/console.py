"""Where tables are printed."""

from __future__ import annotations

from rich.console import Console

WIDE = 160
"""Columns of a table that goes to a file or a pipe: no number is cut there."""


class _Heard(Console):
    """Leaves it to the command line to say that nobody listens; Rich would end with 1, which here means an attack."""

    def on_broken_pipe(self) -> None:
        """Pass it on."""
        raise BrokenPipeError


def tables() -> Console:
    """Standard output; wide enough for every table where no terminal sets the width."""
    console = _Heard()
    return console if console.is_terminal else _Heard(width=WIDE)
