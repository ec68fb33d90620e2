"""LCC_FASD: pictures that a crowd took of faces and of screens that showed them.

Names such as ``AGL752VM_id147_s0_120.png`` seem to tell device, person, scene and frame, but no description of them is known: frames of
one name are taken for one clip, and nobody is named as its subject. Published counts are from memory; they add up to the totals of the paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.reading import below
from livegate.data.sets.stills import UNSPECIFIED, Root, is_picture
from livegate.data.sets.videos import counts
from livegate.sample import Sample, Split

LAYOUT = """\
LCC_FASD_training/{real,spoof}/*.png
LCC_FASD_development/{real,spoof}/*.png
LCC_FASD_evaluation/{real,spoof}/*.png, or real*.png and spoof*.png without folders"""
PARTS = {
    "LCC_FASD_training": Split.TRAIN,
    "LCC_FASD_development": Split.DEV,
    "LCC_FASD_evaluation": Split.TEST,
}
STANDARD, ALL = "standard", "all"
LABEL = re.compile(r"(?P<bona_fide>real)|spoof")
FRAME = re.compile(r"(?P<clip>.+_id\d+_s\d+)_\d+\.\w+")


def read(root: Path, protocol: str) -> Listing:
    """List the pictures of the three parts; with the protocol "all", every one is for test.

    Raises:
        DataSetError: if a part is missing, or none of its files is a picture of this set.
    """
    base = Root(root)
    base.require(list(PARTS), LAYOUT)
    samples = tuple(sample for part in PARTS for sample in _samples(base, part, protocol))
    base.require_sound(samples)
    return Listing(samples, notes=base.notes.sentences())


def _samples(base: Root, part: str, protocol: str) -> Iterator[Sample]:
    for name in below(base.path, part):
        # The label is the folder or, in the evaluation part as it was published, the beginning of the file's name.
        inside = name.removeprefix(f"{part}/")
        label = LABEL.match(inside)
        if not is_picture(name) or label is None:
            base.notes.add("file(s) left out that are no pictures, or neither real nor spoof", name)
            continue
        frame = FRAME.fullmatch(name)
        yield Sample(
            name=name,
            folder=base.path,
            species=None if label["bona_fide"] else UNSPECIFIED,
            source=SET.name,
            split=Split.TEST if protocol == ALL else PARTS[part],
            clip=frame["clip"] if frame else "",
        )


SET = DataSet(
    name="lcc-fasd",
    title="Large Crowdcollected Face Anti-Spoofing Dataset (LCC_FASD)",
    description=(
        "1,942 bona fide pictures and 16,885 attacks, cut loosely about the face: faces from the web and a crowd, and recaptures of "
        "screens by many devices. Attacks are not told apart, nor is it said who is shown, so nobody can check that the parts "
        "show other people. Find the faces with --find-faces."
    ),
    citation=(
        "D. Timoshenko, K. Simonchik, V. Shutov, P. Zhelezneva, V. Grishkin: Large crowdcollected facial anti-spoofing dataset. "
        "Computer Science and Information Technologies (CSIT), 2019"
    ),
    licence="research; the paper has the terms, no licence text is known",
    request="https://csit.am/2019/proceedings/PRIP/PRIP3.pdf",
    layout=LAYOUT,
    protocols={
        STANDARD: "train, development as dev, evaluation as test",
        ALL: "all three parts as test, for models that were trained elsewhere",
    },
    read=read,
    expected={
        STANDARD: counts((1_223, 7_076), (405, 2_543), (314, 7_266)),
        ALL: {(Split.TEST, True): 1_942, (Split.TEST, False): 16_885},
    },
)
