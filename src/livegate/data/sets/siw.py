"""SiW, Spoof in the Wild: a camera and a webcam before people, prints and four screens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import FIRST_FRAMES, counts, named
from livegate.sample import Sample, Split

LAYOUT = """\
{Train,Test}/live/<001>/<001>-<sensor>-1-<medium>-<session>.mov
{Train,Test}/spoof/<001>/<001>-<sensor>-{2,3}-<medium>-<session>.mov"""
VIDEO = re.compile(
    r"""(?P<part>Train|Test)/(?:(?P<live>live)|spoof)/(?P<subject>[0-9]{3})/
    (?P=subject)-(?P<sensor>[12])-(?(live)1|(?P<type>[23]))-(?P<medium>[1-4])-(?P<session>[0-9])\.(?:mov|mp4)""",
    re.VERBOSE,
)
TYPES = {"2": "print-kind", "3": "replay-screen"}
REPLAY = "3"
DEVICES = {"1": "canon-eos-t6", "2": "logitech-c920"}
DEV = frozenset({"003", "006", "007", "011", "014", "016", "017", "022", "028", "030"})
"""The first ten subjects of train, as in bob.db.siw; the set itself has no dev."""
TRAINED = "60"
"""How many frames of a training video protocol 1 grants."""


def read(root: Path, protocol: str) -> Listing:
    """List the videos of one protocol.

    Raises:
        DataSetError: if the folder holds no video of this set.
    """
    matches, notes = named(root, ("Train", "Test"), VIDEO, LAYOUT)
    samples = tuple(_samples(root, protocol, matches))
    return Listing(samples, notes=(*notes, "dev is the first ten subjects of train: the set itself has no dev"))


def _samples(root: Path, protocol: str, matches: list[re.Match[str]]) -> Iterator[Sample]:
    for match in matches:
        split = Split.TEST if match["part"] == "Test" else Split.DEV if match["subject"] in DEV else Split.TRAIN
        if not (match["live"] or _takes(protocol, match, held_out=split == Split.TEST)):
            continue
        facts = {"device": DEVICES[match["sensor"]], "medium": match["medium"], "session": match["session"]}
        yield Sample(
            name=match.string,
            folder=root,
            species=None if match["live"] else f"{TYPES[match['type']]}-{match['medium']}",
            source=SET.name,
            split=split,
            subject=match["subject"],
            clip=match.string,
            facts=facts | ({FIRST_FRAMES: TRAINED} if protocol == "1" and split != Split.TEST else {}),
        )


def _takes(protocol: str, match: re.Match[str], *, held_out: bool) -> bool:
    """Whether an attack takes part: protocols 2 and 3 hold a medium or a type back for test."""
    number, _, fold = protocol.partition(".")
    replay = match["type"] == REPLAY
    if number == "2":
        return replay and (match["medium"] == fold) == held_out
    if number == "3":
        return replay == (held_out == (fold == "1"))
    return True


SET = DataSet(
    name="siw",
    title="Spoof in the Wild (SiW)",
    description=(
        "4,478 videos of 165 subjects by a Canon EOS T6 and a Logitech C920, 1080p. Attacks are two kinds of print and replays on "
        "four screens (1 iPad Pro, 2 iPhone 7 Plus, 3 Galaxy S8, 4 Asus MB168B). The set's own face boxes (.face) are not used, "
        "since others found them poor: the detector finds faces."
    ),
    citation=(
        "Y. Liu, A. Jourabloo, X. Liu: Learning deep models for face anti-spoofing: binary or auxiliary supervision. CVPR, 2018"
    ),
    licence="research only, after a signed agreement; may not be passed on",
    request="Michigan State University: http://cvlab.cse.msu.edu/siw-spoof-in-the-wild-database.html",
    layout=LAYOUT,
    protocols={"1": f"all attacks; of a training video only its first {TRAINED} frames"}
    | {f"2.{medium}": f"replays; the screen {medium} is held back for test" for medium in range(1, 5)}
    | {"3.1": "prints to train, replays to test", "3.2": "replays to train, prints to test"},
    read=read,
    # As bob.db.siw counts the public release with the same ten subjects as dev.
    expected={
        "1": counts((636, 1505), (78, 198), (599, 1462)),
        "2.1": counts((636, 884), (78, 120), (599, 300)),
        "2.2": counts((636, 884), (78, 120), (599, 300)),
        "2.3": counts((636, 885), (78, 120), (599, 298)),
        "2.4": counts((636, 959), (78, 120), (599, 250)),
        "3.1": counts((636, 301), (78, 38), (599, 1148)),
        "3.2": counts((636, 1204), (78, 160), (599, 314)),
    },
    video=True,
)
