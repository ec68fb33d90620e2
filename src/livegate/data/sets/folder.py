"""A plain folder of one's own pictures: ``bona-fide/`` and ``attack/<species>/``, a folder for each person within."""

from __future__ import annotations

import hashlib
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.reading import below
from livegate.data.sets.stills import Root, is_picture
from livegate.sample import Sample, Split

LAYOUT = """\
bona-fide/<subject>/…jpg              or bona-fide/…jpg
attack/<species>/<subject>/…jpg       or attack/<species>/…jpg"""
TRAIN, DEV, ALL = 14, 3, 20
"""Of twenty subjects so many train and so many are dev; the others are test."""


def read(root: Path, protocol: str) -> Listing:  # noqa: ARG001 - there is one
    """List the pictures of a plain folder.

    Raises:
        DataSetError: if a folder is missing, there is no picture, or one lies where it has no label.
    """
    base = Root(root)
    base.require(["bona-fide", "attack"], LAYOUT)
    samples = []
    for name in (*below(root, "bona-fide"), *below(root, "attack")):
        kind, *inside = name.split("/")
        species = None if kind == "bona-fide" else inside.pop(0)
        if not is_picture(name):
            base.notes.add("file(s) left out that are no pictures", name)
        elif not inside:
            base.faults.add("picture(s) lie in no folder attack/<species>", name)
        else:
            samples.append(_sample(root, name, species, subject=inside[0] if len(inside) > 1 else "", file=inside[-1]))
    base.require_sound(samples)
    return Listing(tuple(samples), notes=base.notes.sentences())


def _sample(root: Path, name: str, species: str | None, *, subject: str, file: str) -> Sample:
    return Sample(
        name=name,
        folder=root,
        species=species,
        source=SET.name,
        split=_split(subject or file),
        subject=subject,
    )


def _split(unit: str) -> Split:
    """The name decides, so that a new picture moves nobody: of 20 names about 14 train, 3 are dev, 3 are test."""
    place = int(hashlib.sha256(unit.encode("utf-8", "surrogateescape")).hexdigest(), 16) % ALL
    return Split.TRAIN if place < TRAIN else Split.DEV if place < TRAIN + DEV else Split.TEST


SET = DataSet(
    name="folder",
    title="A plain folder",
    description=(
        "Your own pictures. A folder for each person keeps train, dev and test apart; pictures outside of one are divided by the "
        "name of their file. Find the faces with --find-faces."
    ),
    citation="yours",
    licence="yours",
    request="nobody; --about shows how to lay them out",
    layout=LAYOUT,
    protocols={
        "by-name": "seven of ten subjects train, the others are dev and test; the name decides, so new pictures move nobody"
    },
    read=read,
)
