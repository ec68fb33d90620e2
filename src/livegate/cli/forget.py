"""``livegate forget``: a person leaves the store."""

from __future__ import annotations

from typing import Annotated

import typer

from livegate.cli import people
from livegate.cli.check import printable


def forget(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As it was enrolled.")],
    store: people.Store = None,
    key_file: people.KeyFile = None,
) -> None:
    """Delete a person's templates, name and consent from the store; copies of its file are yours to delete."""
    with people.opened(store, key_file) as opened:
        subject = opened.forget(name)
    print(f"{printable(name)}: forgotten; the log keeps {subject}, which leads to nobody now")
