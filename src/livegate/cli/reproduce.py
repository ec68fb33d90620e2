"""``livegate reproduce``: published experiments, repeated, every figure beside the printed one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

reproduce = typer.Typer(help="Repeat a published experiment; every figure stands beside the printed one.")


@reproduce.callback()
def _experiments() -> None:
    """Keep the name of the experiment a word of the command, also while there is only one."""


@reproduce.command()
def pta(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the experiment; the same command goes on where it was.")],
    overrides: Annotated[
        list[str] | None, typer.Argument(metavar="key=value", help="Changes to the paper's recipe, such as optimiser.epochs=8.")
    ] = None,
    celeba_spoof: Annotated[
        Path | None, typer.Option(metavar="DIR", help="CelebA-Spoof as downloaded, with its folders Data and metas.")
    ] = None,
    index: Annotated[
        str | None, typer.Option(metavar="INDEX", help="Another index instead, with the splits train, dev and test.")
    ] = None,
    by_subject: Annotated[
        bool, typer.Option("--by-subject", help="Carve dev out of train by subject; the paper does it by picture, which leaks.")
    ] = False,
    seeds: Annotated[int, typer.Option(metavar="N", min=1, help="Trainings of each network; the paper has one.")] = 3,
    test: Annotated[str, typer.Option(metavar="SPLIT", help="The split that errors are reported on.")] = "test",
) -> None:
    """Khabarlak 2022, Tables 3, 4, 5 and Figure 2: the plain MobileNetV2 against the adaptive one."""
    from livegate.cli.interrupt import resumable
    from livegate.cli.progress import counting
    from livegate.errors import LivegateError
    from livegate.reproduce.pta import RECIPE
    from livegate.reproduce.pta import reproduce as run
    from livegate.reproduce.pta_report import write
    from livegate.training.recipe import Recipe

    if (celeba_spoof is None) == (index is None):
        raise LivegateError("give either --celeba-spoof DIR or --index INDEX")
    if by_subject and index is not None:
        raise LivegateError("--by-subject is for --celeba-spoof; an index says itself which pictures are dev")
    out.mkdir(parents=True, exist_ok=True)
    chosen = index or str(_celeba_spoof(celeba_spoof or Path(), out, by_subject=by_subject))
    base = Recipe.read(RECIPE, [f"data.index={chosen}", *(overrides or ())])
    with resumable():
        experiment = run(base, range(seeds), out, test, counting)
    print(write(experiment, out))


def _celeba_spoof(folder: Path, out: Path, *, by_subject: bool) -> Path:
    """The index of the intra-dataset protocol, made once; its name tells how dev was carved out."""
    from livegate.data.index import Index
    from livegate.data.sets import SETS

    protocol = "intra-by-subject" if by_subject else "intra"
    path = out / f"celeba-spoof-{protocol}.csv"
    if not path.exists():
        listing = SETS["celeba-spoof"].read(folder, protocol)
        Index(path, listing.samples, labelled=True, boxed=listing.boxed).write(path)
        for note in listing.notes:
            print(note, file=sys.stderr)
    return path.absolute()
