"""From a plain folder of your own pictures to an artifact that is yours, in one command.

    python examples/own_weights.py PICTURES OUT

PICTURES holds ``bona-fide/SUBJECT/…`` and ``attack/SPECIES/SUBJECT/…``; a picture that lies higher up counts as a subject of its own.
OUT then holds ``index.csv`` (faces found, subjects split), ``run/`` (the training), ``artifact/`` (what you deploy) and ``report/`` (what it is
worth on subjects that it has not seen). Started again after a stop, it goes on where it was.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from livegate import report
from livegate.data.finding import find_faces
from livegate.data.index import Index
from livegate.data.sets import SETS
from livegate.evaluation import score
from livegate.export.exporter import NO_LICENCE, Order, Papers, export
from livegate.faces import FaceFinder
from livegate.models.checkpoint import Checkpoint
from livegate.runtime.engine import Engine
from livegate.sample import Split
from livegate.training.loop import train
from livegate.training.recipe import Recipe


def main() -> None:
    """Read the command line and do it all."""
    parser = argparse.ArgumentParser(description="From a folder of pictures to an artifact of your own.")
    parser.add_argument("pictures", type=Path, help="folder with bona-fide/SUBJECT/… and attack/SPECIES/SUBJECT/…")
    parser.add_argument("out", type=Path, help="folder for everything that is made")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="changes to the recipe scratch")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    index_path = out / "index.csv"
    if not index_path.exists():
        write_index(arguments.pictures, index_path)
    index = Index.read(index_path)
    changes = [f'data.index="{index_path.name}"', f'data.root="{out}"', "sampling.shares={}", *arguments.changes]
    checkpoint = train(Recipe.read("scratch", changes), out / "run", resume=True)

    artifact = out / "artifact"
    if not artifact.exists():
        papers = Papers(licence=NO_LICENCE)
        export(Checkpoint.load(checkpoint), artifact, name="own", papers=papers, order=Order(dev=index.split(Split.DEV)))
    engine = Engine(artifact)
    dev, test = (score(engine, index.split(split), engine.configurations) for split in (Split.DEV, Split.TEST))
    written = report.write(report.evaluate(dev, test), out / "report")
    print(f"artifact: {artifact}\nreport: {written.html}")


def write_index(folder: Path, path: Path) -> None:
    """Find the face of every picture and write the index; pictures without one are counted and left out."""
    listing = find_faces(SETS["folder"].read(folder, "by-name"), FaceFinder(), lambda _: None)
    found = tuple(sample for sample in listing.samples if sample.box)
    Index(path, found, labelled=True, boxed=True).write(path)
    print(f"{len(found)} pictures with a face; {len(listing.samples) - len(found)} without one are left out")


if __name__ == "__main__":
    main()
