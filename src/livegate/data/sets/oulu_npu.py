"""OULU-NPU: six phones, three sessions, and four protocols that each hold something back for test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import counts, lines, listed
from livegate.sample import Sample, Split

LAYOUT = """\
{Train,Dev,Test}_files/<phone>_<session>_<user>_<type>.avi
Protocols/Protocol_{1,2}/{Train,Dev,Test}.txt
Protocols/Protocol_{3,4}/{Train,Dev,Test}_<fold>.txt     lines such as +1,1_1_01_1"""
LINE = re.compile(
    r"(?:(?P<live>\+1)|-[12]),[ ]*"
    r"(?P<video>(?P<phone>[1-6])_(?P<session>[1-3])_(?P<user>0[1-9]|[1-4][0-9]|5[0-5])_(?(live)1|(?P<type>[2-5])))"
)
PARTS = {"Train": (Split.TRAIN, range(1, 21)), "Dev": (Split.DEV, range(21, 36)), "Test": (Split.TEST, range(36, 56))}
"""List → split and its users."""
SPECIES = {"2": "print-printer-1", "3": "print-printer-2", "4": "replay-display-1", "5": "replay-display-2", None: None}
FOLDS = {f"{protocol}.{fold}": fold for protocol in "34" for fold in range(1, 7)}


def read(root: Path, protocol: str) -> Listing:
    """List the videos of one protocol, as its own lists say.

    Raises:
        DataSetError: if a list is missing or cannot be read, or no listed video is there.
    """
    return listed(root, _rows(root, protocol), LAYOUT)


def _rows(root: Path, protocol: str) -> Iterator[tuple[str, Sample | None]]:
    number, _, fold = protocol.partition(".")
    for part, (split, users) in PARTS.items():
        path = root / "Protocols" / f"Protocol_{number}" / (f"{part}_{fold}.txt" if fold else f"{part}.txt")
        for line in lines(path, LAYOUT):
            match = LINE.fullmatch(line)
            fits = match is not None and int(match["user"]) in users
            yield line, _sample(root, f"{part}_files/{match['video']}.avi", split, match) if match and fits else None


def _sample(root: Path, name: str, split: Split, match: re.Match[str]) -> Sample:
    return Sample(
        name=name,
        folder=root,
        species=SPECIES[match["type"]],
        source=SET.name,
        split=split,
        subject=match["user"],
        clip=name,
        facts={"device": f"phone-{match['phone']}", "session": match["session"]},
    )


SET = DataSet(
    name="oulu-npu",
    title="OULU-NPU",
    description=(
        "4,950 videos of 55 subjects by the front cameras of six phones in three sessions of other light and background. Attacks "
        "are prints by two printers and videos on two displays. The set's own eye positions (.txt) are not used: the detector "
        "finds faces."
    ),
    citation=(
        "Z. Boulkenafet, J. Komulainen, L. Li, X. Feng, A. Hadid: OULU-NPU: a mobile face presentation attack database with "
        "real-world variations. IEEE Conference on Automatic Face and Gesture Recognition (FG), 2017"
    ),
    licence="research only, after an agreement (EULA); may not be passed on",
    request="University of Oulu: https://sites.google.com/site/oulunpudatabase",
    layout=LAYOUT,
    protocols={
        "1": "another light and background: sessions 1 and 2 to train, session 3 to test",
        "2": "other attacks: printer 1 and display 1 to train, printer 2 and display 2 to test",
    }
    | {
        name: f"another phone, fold {fold}" + ("" if name[0] == "3" else ", with other attacks in another session")
        for name, fold in FOLDS.items()
    },
    read=read,
    expected={
        "1": counts((240, 960), (180, 720), (120, 480)),
        "2": counts((360, 720), (270, 540), (360, 720)),
    }
    | {
        name: counts((300, 1200), (225, 900), (60, 240)) if name[0] == "3" else counts((200, 400), (150, 300), (20, 40))
        for name in FOLDS
    },
    video=True,
)
