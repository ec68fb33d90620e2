"""``livegate protocol``: from indexes to indexes that ask a harder question. No picture is copied."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from livegate.data.index import Index

protocol = typer.Typer(help="Make the indexes of a protocol: who trains, who sets the threshold, who is tested.")

Given = Annotated[Path, typer.Argument(metavar="INDEX", help="Index with the splits train, dev and test.")]
File = Annotated[Path, typer.Option(metavar="FILE", help="Index to write.")]
Folder = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the indexes, one a round.")]


@protocol.command()
def intra(index: Given, out: File) -> None:
    """Train, dev and test as the index has them, checked: each has bona fide presentations and attacks."""
    from livegate.data import protocols
    from livegate.data.index import Index

    _write({"intra": protocols.intra(Index.read(index))}, {"intra": out}, index)


@protocol.command()
def cross(
    train: Annotated[Path, typer.Argument(metavar="INDEX", help="Index whose train and dev are taken.")],
    test: Annotated[Path, typer.Argument(metavar="INDEX", help="Index whose test is taken.")],
    out: File,
    whole: Annotated[bool, typer.Option("--whole", help="Test on all rows of the second index.")] = False,
) -> None:
    """Train and dev of one index, test of another; nobody is on both sides."""
    from livegate.data import protocols
    from livegate.data.index import Index

    _write({"cross": protocols.cross(Index.read(train), Index.read(test), whole=whole)}, {"cross": out}, train, test)


@protocol.command()
def leave_one_out(
    indexes: Annotated[list[Path], typer.Argument(metavar="INDEX...", help="Two indexes or more, each of another source.")],
    out: Folder,
) -> None:
    """Each index in turn is the test, all its rows; the others train and set the threshold."""
    from livegate.data import protocols
    from livegate.data.index import Index

    _write_rounds(protocols.leave_one_out([Index.read(path) for path in indexes]), out, *indexes)


@protocol.command()
def leave_one_species_out(index: Given, out: Folder) -> None:
    """Each species of test in turn is kept out of train and dev, and is the only one in test."""
    from livegate.data import protocols
    from livegate.data.index import Index

    _write_rounds(protocols.leave_one_species_out(Index.read(index)), out, index)


@protocol.command()
def resplit(
    index: Given,
    out: File,
    by: Annotated[
        str, typer.Option(metavar="subject|picture", help="What is drawn. By picture, the same people are in train and dev.")
    ] = "subject",
    share: Annotated[float, typer.Option("--dev-share", metavar="X", help="Share of dev in what is not test.")] = 0.2,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed, another draw.")] = 0,
) -> None:
    """Carve dev out of train anew, by subject or by picture; test stays as it is."""
    from livegate.data import protocols
    from livegate.data.index import Index
    from livegate.errors import LivegateError

    if by not in tuple(protocols.By):
        raise LivegateError(f"--by takes subject or picture, got {by!r}")
    _write({"resplit": protocols.resplit(Index.read(index), protocols.By(by), share, seed)}, {"resplit": out}, index)


def _write_rounds(rounds: Mapping[str, Index], folder: Path, *read: Path) -> None:
    """One file a round, named after it in characters that every file system takes."""
    from livegate.errors import LivegateError

    files = {name: folder / (re.sub(r"[^\w+-]+", "-", name).strip("-") + ".csv") for name in rounds}
    if len(set(files.values())) < len(files):
        raise LivegateError(
            f"the rounds {', '.join(map(repr, rounds))} would need files of one name; rename a source or species"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LivegateError(f"{folder} cannot be made: {error.strerror}; give a folder") from None
    _write(rounds, files, *read)


def _write(rounds: Mapping[str, Index], files: Mapping[str, Path], *read: Path) -> None:
    from rich.markup import escape
    from rich.table import Table

    from livegate.cli.console import tables
    from livegate.cli.index import overlap
    from livegate.files import require_other
    from livegate.sample import Split

    for path in files.values():
        require_other(path, *read)
    table = Table("round", *Split, title="Pictures: bona fide + attacks")
    told = []
    for name, index in rounds.items():
        written = index.write(files[name])
        cells = []
        for split in Split:
            labels = [sample.bona_fide for sample in written.samples if sample.split == split]
            cells.append(f"{sum(labels):,} + {len(labels) - sum(labels):,}")
        table.add_row(escape(name), *cells)
        told += [f"Index: {written.path}", overlap(written)]
    console = tables()
    console.print(table)
    for line in told:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
