"""``livegate index``: from a data set as its owners hand it out to an index."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from livegate.data.index import Index
    from livegate.data.sets.dataset import DataSet, Listing

FRAMES = 10


def index(
    name: Annotated[str | None, typer.Argument(metavar="[SET]", help="A data set; --list shows them.")] = None,
    folder: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="Folder that holds it, as its owners pack it.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="index.csv", help="Index to write.")] = None,
    protocol: Annotated[str | None, typer.Option(metavar="P", help="One of its protocols; without it the first one.")] = None,
    frames: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"Frames of each video, evenly spaced; {FRAMES} without it.")
    ] = None,
    find_faces: Annotated[
        bool, typer.Option("--find-faces", help="Write face boxes and landmarks, where the set has none.")
    ] = False,
    every: Annotated[bool, typer.Option("--list", help="List the data sets that are read.")] = False,
    about: Annotated[bool, typer.Option("--about", help="Tell what a data set is and where to ask for it.")] = False,
) -> None:
    """Read a data set into an index, and check it against the published counts. Videos become pictures beside the index."""
    from livegate.data.sets import SETS, named
    from livegate.errors import LivegateError
    from livegate.files import require_place

    if every:
        _list(SETS)
        return
    if name is None:
        raise LivegateError("give a data set and its folder: livegate index SET DIR --out index.csv; --list shows the sets")
    chosen = named(name)
    if about:
        _describe(chosen)
        return
    if folder is None or out is None:
        what = "the folder of the data set" if folder is None else "where to write the index"
        raise LivegateError(f"give {what}: livegate index {name} DIR --out index.csv; --about tells how to get {name}")
    require_place(out)
    if frames is not None and not chosen.video:
        raise LivegateError(f"--frames is for videos, and {name} has pictures; leave it out")
    _make(chosen, folder, out, _protocol(chosen, protocol), frames or FRAMES, find_faces=find_faces)


def _protocol(data_set: DataSet, text: str | None) -> str:
    from livegate.errors import LivegateError

    if text is not None and text not in data_set.protocols:
        raise LivegateError(f"{data_set.name} has no protocol {text!r}; it has {', '.join(data_set.protocols)}")
    return text or next(iter(data_set.protocols))


def _make(data_set: DataSet, folder: Path, out: Path, protocol: str, frames: int, *, find_faces: bool) -> None:
    from rich.console import Console

    from livegate.cli.interrupt import resumable
    from livegate.cli.progress import counting
    from livegate.data.index import Index
    from livegate.errors import LivegateError

    with Console(stderr=True).status(f"reading {data_set.name}"):
        found = listing = data_set.read(folder, protocol)
    if find_faces and listing.boxed:
        raise LivegateError(f"{data_set.name} brings its faces; leave --find-faces out")
    if data_set.video:
        from livegate.data.frames import extract

        with resumable(), counting("videos", len(listing.samples)) as advance:
            listing = extract(listing, out.parent / f"{data_set.name}-frames", frames, advance)
    if find_faces:
        from livegate.data.finding import find_faces as look
        from livegate.faces import FaceFinder

        with counting("faces", len(listing.samples)) as advance:
            listing = look(listing, FaceFinder(), advance)
    written = Index(out, listing.samples, labelled=True, boxed=listing.boxed).write(out)
    _report(data_set, protocol, found, written, listing.notes)


def _report(data_set: DataSet, protocol: str, found: Listing, written: Index, notes: tuple[str, ...]) -> None:
    """What was found, beside what was published."""
    from rich.table import Table

    from livegate.cli.console import tables
    from livegate.data.sets import against_published

    table = Table("split", title=f"{data_set.name}, protocol {protocol}: {'videos' if data_set.video else 'pictures'}")
    for heading in ("bona fide", "attacks", "subjects"):
        table.add_column(heading, justify="right")
    counts = found.counts()
    for split in sorted({split for split, _ in counts}, key=_place):
        people = {sample.subject for sample in found.samples if sample.split == split and sample.subject}
        numbers = counts.get((split, True), 0), counts.get((split, False), 0), len(people)
        table.add_row(split, *(f"{number:,}" for number in numbers))
    console = tables()
    console.print(table)
    compared = against_published(data_set, protocol, found)
    unlike = [
        f"Warning: {split} has {number:,} {'bona fide' if bona_fide else 'attacks'}; published are {published:,}"
        for (split, bona_fide), (number, published) in compared.items()
        if number != published
    ]
    if compared and not unlike:
        unlike = ["The counts are the published ones."]
    told = (
        *unlike,
        *_lacking(found),
        *(f"Note: {note}" for note in notes),
        overlap(written),
        f"Index: {written.path}, {len(written.samples):,} pictures",
    )
    for line in told:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _lacking(found: Listing) -> Iterator[str]:
    """Which splits lack a class, and what to do, in one sentence."""
    from livegate.sample import Split

    counts = found.counts()
    kinds = {True: "bona fide", False: "attacks"}
    lacks = {split: [word for kind, word in kinds.items() if not counts.get((split, kind))] for split in Split}
    if told := [f"{split} has no {' and no '.join(words)}" for split, words in lacks.items() if words]:
        yield (
            f"Warning: {', '.join(told)}. Training (train), thresholds (dev) and error rates (test) want both: add people, "
            "or change the column split of the index"
        )


def overlap(index: Index) -> str:
    """Whether somebody is in two splits, in one sentence."""
    people = {(sample.source, sample.subject) for sample in index.samples if sample.subject}
    if not people:
        return "Warning: subjects are not known, so nobody can check that the splits show other people"
    shared = index.shared_subjects()
    nameless = sum(not sample.subject for sample in index.samples)
    doubt = f"; {nameless:,} pictures have no subject" if nameless else ""
    if not shared:
        return f"No subject of {len(people):,} is in two splits{doubt}."
    (_, subject), splits = min(shared.items())
    among = " and ".join(sorted(splits, key=_place))
    return f"Warning: {len(shared):,} of {len(people):,} subjects are in more than one split, such as {subject!a} in {among}{doubt}"


def _place(split: str) -> tuple[int, str]:
    """Train, dev, test, then whatever else."""
    from livegate.sample import Split

    known = tuple(Split)
    return (known.index(Split(split)) if split in known else len(known)), split


def _list(sets: Mapping[str, DataSet]) -> None:
    from rich.table import Table

    from livegate.cli.console import tables

    table = Table("set", "what", "protocols", "licence")
    table.add_column("where to ask", overflow="fold")
    for data_set in sets.values():
        what = f"{data_set.title} ({'videos' if data_set.video else 'pictures'})"
        table.add_row(data_set.name, what, ", ".join(data_set.protocols), data_set.licence, data_set.request)
    tables().print(table)


def _describe(data_set: DataSet) -> None:
    protocols = "\n".join(f"  {name}: {what}" for name, what in data_set.protocols.items())
    layout = "\n".join(f"  {line}" for line in data_set.layout.splitlines())
    print(f"{data_set.name}: {data_set.title}\n\n{data_set.description}\n\nProtocols\n{protocols}\n\nLayout\n{layout}\n")
    print(f"Licence: {data_set.licence}\nWhere to ask: {data_set.request}\nCitation: {data_set.citation}")
