"""``livegate train``: from a recipe to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe (TOML), or the name of a shipped one such as default.")
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="key=value", help="Changes to it, such as optimiser.epochs=5.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the run; runs/NAME without it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last state, bit for bit.")] = False,
) -> None:
    """Train a network. A run that was stopped, however hard, continues with --resume."""
    from livegate.cli.interrupt import resumable
    from livegate.training.loop import train as run
    from livegate.training.recipes import read_recipe

    chosen = read_recipe(recipe, overrides or ())
    with resumable("run it again with --resume to go on"):
        checkpoint = run(chosen, out or Path("runs") / chosen.name, resume=resume)
    print(checkpoint)
