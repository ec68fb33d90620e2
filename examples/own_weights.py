"""From a plain folder of your own pictures to an artifact that is yours, in one command.

    python examples/own_weights.py PICTURES OUT

PICTURES holds ``bona-fide/SUBJECT/…`` and ``attack/SPECIES/SUBJECT/…``; a picture that lies higher up counts as a subject of its own.
OUT then holds ``index.csv`` (faces found, subjects split), ``run/`` (the training), ``artifact/`` (what you deploy) and ``report/`` (what it is
worth on subjects that it has not seen). Started again after a stop, it goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from livegate import report
from livegate.data.index import Index
from livegate.errors import LivegateError
from livegate.evaluation import score
from livegate.export.exporter import NO_LICENCE, Papers, export
from livegate.faces import Face, FaceFinder
from livegate.metrics import Rule
from livegate.models.checkpoint import Checkpoint
from livegate.pictures import SUFFIXES, read
from livegate.runtime.engine import Engine
from livegate.sample import Split
from livegate.training.loop import train
from livegate.training.recipe import Recipe

RECIPE = Path(__file__).parent.parent / "recipes" / "default.toml"
COLUMNS = ("path", "species", "source", "split", "subject", "box")


def main() -> None:
    """Read the command line and do it all."""
    parser = argparse.ArgumentParser(description="From a folder of pictures to an artifact of your own.")
    parser.add_argument("pictures", type=Path, help="folder with bona-fide/SUBJECT/… and attack/SPECIES/SUBJECT/…")
    parser.add_argument("out", type=Path, help="folder for everything that is made")
    parser.add_argument("changes", nargs="*", metavar="key=value", help="changes to recipes/default.toml")
    arguments = parser.parse_args()
    out = arguments.out
    out.mkdir(parents=True, exist_ok=True)

    index_path = out / "index.csv"
    if not index_path.exists():
        write_index(arguments.pictures, index_path)
    index = Index.read(index_path)
    changes = [f'data.index="{index_path.name}"', f'data.root="{out}"', "sampling.shares={}", *arguments.changes]
    checkpoint = train(Recipe.read(RECIPE, changes), out / "run", resume=True)

    artifact = out / "artifact"
    if not artifact.exists():
        papers = Papers(licence=NO_LICENCE)
        export(Checkpoint.load(checkpoint), artifact, name="own", papers=papers, dev=index.split(Split.DEV))
    engine = Engine(artifact)
    dev, test = (score(engine, index.split(split), engine.configurations) for split in (Split.DEV, Split.TEST))
    _, readable = report.write(report.evaluate(dev, test, Rule.parse("bpcer=0.05")), out / "report", {})
    print(f"artifact: {artifact}\nreport: {readable}")


def write_index(folder: Path, path: Path) -> None:
    """Find the face of every picture and write the index; pictures without a face are named and left out."""
    finder = FaceFinder()
    rows = []
    for picture, species, subject in labelled(folder):
        face = largest(finder, picture)
        if face is None:
            print(f"no face, left out: {picture}")
            continue
        box = " ".join(f"{number:.1f}" for number in face.box)
        rows.append((os.path.relpath(picture, path.parent), species, "own", split_of(subject), subject, box))
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    partial.replace(path)


def labelled(folder: Path) -> Iterator[tuple[Path, str, str]]:
    """Every picture of the folder with its species (empty for bona fide) and its subject."""
    for picture in sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES):
        parts = picture.relative_to(folder).parts
        if parts[0] == "bona-fide" and len(parts) >= 2:
            yield picture, "", parts[1]
        elif parts[0] == "attack" and len(parts) >= 3:
            yield picture, parts[1], parts[2]
        else:
            raise LivegateError(f"{picture} lies in neither bona-fide/SUBJECT/ nor attack/SPECIES/SUBJECT/ of {folder}")


def largest(finder: FaceFinder, picture: Path) -> Face | None:
    """The largest face of a picture, if there is one."""
    return next(iter(finder.find(read(picture))), None)


def split_of(subject: str) -> Split:
    """Seven of ten subjects train, the others are for dev and test; the name decides, so that a new picture moves nobody."""
    tenth = int(hashlib.sha256(subject.encode()).hexdigest(), 16) % 20
    return Split.TRAIN if tenth < 14 else Split.DEV if tenth < 17 else Split.TEST


if __name__ == "__main__":
    main()
