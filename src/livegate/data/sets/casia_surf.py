"""CASIA-SURF, of which the colour pictures are read: faces cut out before black, prints with holes as attacks.

Two generations of its lists label the other way round: 1 = bona fide in those of the challenge, 0 in the author's newer ones. The
list of train tells which, because its folders say what they hold. What the numbers of the attacks' folders mean is from memory of the
paper; counts by class are too, and add up to its totals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.reading import text
from livegate.data.sets.stills import UNSPECIFIED, Root
from livegate.data.sets.videos import counts
from livegate.sample import Sample, Split

LAYOUT = """\
train_list.txt, val_private_list.txt, test_private_list.txt     three paths and the label in a line
Training/{real_part,fake_part}/<subject>/<video>/{color,depth,ir}/<number>.jpg
{Val,Testing}/<group>/<number>-{color,depth,ir}.jpg"""
LISTS = {Split.TRAIN: "train_list.txt", Split.DEV: "val_private_list.txt", Split.TEST: "test_private_list.txt"}
COLOUR = re.compile(r".*/color/[^/]+|.*-color\.\w+")
TRAINED = re.compile(
    r"Training/(?P<part>real|fake)_part/(?P<clip>(?P<subject>[^/]+)/(?:(?P<number>0[1-6])_)?[^/]+)/color/[^/]+"
)
CUTS = ("eyes", "eyes-nose", "eyes-nose-mouth")
SPECIES = {
    f"0{2 * number + bent + 1}": f"print-{('flat', 'bent')[bent]}-cut-{cut}"
    for number, cut in enumerate(CUTS)
    for bent in (0, 1)
}


class _Line(NamedTuple):
    """A line of a list: the colour picture, and its label as written."""

    name: str
    label: str


def read(root: Path, protocol: str) -> Listing:  # noqa: ARG001 - there is one
    """List the colour pictures.

    Raises:
        DataSetError: if a list is missing, has lines that do not fit or contradicts its folders, or no listed picture is there.
    """
    base = Root(root)
    base.require(list(LISTS.values()), LAYOUT)
    lines = {split: list(_lines(base, name)) for split, name in LISTS.items()}
    bona_fide = _bona_fide_label(base, lines[Split.TRAIN])
    samples = [
        _sample(base, line.name, split, bona_fide=line.label == bona_fide)
        for split, listed in lines.items()
        for line in listed
        if base.admits(line.name)
    ]
    base.require_sound(samples)
    samples.sort(key=lambda sample: sample.name)
    # The faces come cut out: there is nothing to look for.
    return Listing(tuple(samples), boxed=True, notes=(*base.notes.sentences(), f"label {bona_fide} of the lists is bona fide"))


def _lines(base: Root, list_name: str) -> Iterator[_Line]:
    for line in text(base.path / list_name).splitlines():
        *paths, label = line.replace("\\", "/").split() or [""]
        # Readers disagree on the order of the columns; the paths themselves tell the channel.
        colour = [path for path in paths if COLOUR.fullmatch(path)]
        if len(colour) == 1 and label in {"0", "1"}:
            yield _Line(colour[0], label)
        elif line.strip():
            base.faults.add(
                "line(s) of the lists are not one colour picture, its other channels and a label 0 or 1", f"{list_name}: {line}"
            )


def _bona_fide_label(base: Root, lines: Sequence[_Line]) -> str:
    """The label of what lies in ``real_part``."""
    labels: dict[str, set[str]] = {"real": set(), "fake": set()}
    for line in lines:
        if match := TRAINED.fullmatch(line.name):
            labels[match["part"]].add(line.label)
        else:
            base.faults.add(
                "path(s) of the list of train are not Training/{real_part,fake_part}/<subject>/<video>/color/…", line.name
            )
    if sorted(map(sorted, labels.values())) != [["0"], ["1"]]:
        base.faults.add("list(s) have labels that contradict the folders real_part and fake_part", LISTS[Split.TRAIN])
    return next(iter(labels["real"]), "")


def _sample(base: Root, name: str, split: Split, *, bona_fide: bool) -> Sample:
    match = TRAINED.fullmatch(name)
    return Sample(
        name=name,
        folder=base.path,
        species=None if bona_fide else SPECIES.get(match["number"] or "", UNSPECIFIED) if match else UNSPECIFIED,
        source=SET.name,
        split=split,
        subject=match["subject"] if match else "",
        clip=f"{match['part']}_part/{match['clip']}" if match else "",
    )


SET = DataSet(
    name="casia-surf",
    title="CASIA-SURF",
    description=(
        "Frames of 21,000 videos of 1,000 subjects by an Intel RealSense SR300; here its colour pictures. Attacks are colour prints, "
        "flat or bent, with eyes, nose or mouth cut out before a living face. Faces come cut out, with black around them. Only "
        "train says which attack it is and who is shown."
    ),
    citation=(
        "S. Zhang, A. Liu, J. Wan, Y. Liang, G. Guo, S. Escalera, H. J. Escalante, S. Z. Li: CASIA-SURF: a large-scale multi-modal "
        "benchmark for face anti-spoofing. IEEE Transactions on Biometrics, Behavior, and Identity Science 2 (2), 2020"
    ),
    licence="non-commercial research only, after a signed agreement; may not be passed on",
    request="Institute of Automation, Chinese Academy of Sciences: https://github.com/liuajian/CASIA-FAS-Dataset",
    layout=LAYOUT,
    protocols={"standard": "train, val as dev, test; subjects are said to be disjoint"},
    read=read,
    expected={"standard": counts((8_942, 20_324), (2_994, 6_614), (17_458, 40_252))},
)
