"""WMCA, of which the colour channel is read. Its layout and the meaning of its numbers are taken from public readers, unverified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import lines, listed
from livegate.sample import Sample, Split

LAYOUT = """\
wmca-protocols-csv/PROTOCOL-<protocol>.csv     lines such as face-station/12.02.18/100_03_015_2_10,1,…,train
{preprocessed-face-station_RGB,WMCA_preprocessed_RGB/WMCA}/face-station/<date>/<client>_<session>_<presenter>_<type>_<pai>.hdf5"""
FOLDERS = ("preprocessed-face-station_RGB", "WMCA_preprocessed_RGB/WMCA")
LINE = re.compile(
    r"""(?P<video>face-station/[0-9]{2}\.[0-9]{2}\.[0-9]{2}/
    (?P<client>[0-9]{3})_(?P<session>[0-9]{2})_(?P<presenter>[0-9]{3})_(?P<type>[0-4])_(?P<pai>[0-9]{2}))
    ,(?P<label>[0-9])(?:,[^,]*)*,(?P<part>train|dev|eval)""",
    re.VERBOSE,
)
SPLITS = {"train": Split.TRAIN, "dev": Split.DEV, "eval": Split.TEST}
NUMBERS = (
    ("fake-head", "2", range(1, 8)),
    ("flexible-mask", "2", (18, *range(75, 100))),
    ("glasses", "1", (1, *range(3, 8), 15, 16)),
    ("paper-mask", "2", range(8, 12)),
    ("print", "3", (*range(1, 5), *range(6, 10), *range(11, 15))),
    ("replay", "3", (5, 10, 15)),
    ("replay", "4", range(1, 19)),
    ("rigid-mask", "1", (2, 13, 14)),
    ("rigid-mask", "2", range(12, 18)),
)
SPECIES = {(kind, number): species for species, kind, numbers in NUMBERS for number in numbers}
"""(type, number of the instrument) → species, as bob.pad.face reads the numbers of the set from which WMCA was made."""
HELD_OUT = ("fakehead", "flexiblemask", "glasses", "papermask", "prints", "replay", "rigidmask")


def read(root: Path, protocol: str) -> Listing:
    """List the recordings of one protocol, as its own list says.

    Raises:
        DataSetError: if the list is missing or cannot be read, or no listed recording is there.
    """
    # Faces come cut out: there is nothing to look for.
    return replace(listed(root, _rows(root, protocol), LAYOUT), boxed=True)


def _rows(root: Path, protocol: str) -> Iterator[tuple[str, Sample | None]]:
    folder = next((folder for folder in FOLDERS if (root / folder).is_dir()), FOLDERS[0])
    for number, line in enumerate(lines(root / "wmca-protocols-csv" / f"PROTOCOL-{protocol}.csv", LAYOUT)):
        match = LINE.fullmatch(line)
        if match or number:  # the first line may be a header
            yield line, _sample(root, folder, match) if match else None


def _sample(root: Path, folder: str, match: re.Match[str]) -> Sample | None:
    bona_fide = match["type"] == "0"
    species = SPECIES.get((match["type"], int(match["pai"])))
    if bona_fide != (match["label"] == "0") or bona_fide != (species is None):
        return None
    name = f"{folder}/{match['video']}.hdf5"
    return Sample(
        name=name,
        folder=root,
        species=species,
        source=SET.name,
        split=SPLITS[match["part"]],
        subject=match["client"],
        clip=name,
        facts={"session": match["session"], "presenter": match["presenter"]},
    )


SET = DataSet(
    name="wmca",
    title="Wide Multi-Channel presentation Attack (WMCA)",
    description=(
        "347 bona fide recordings and 1,332 attacks of 72 subjects in colour, depth, near infrared and heat; here the colour channel "
        "of the release with faces cut out, 50 frames each. Attacks are prints, replays, glasses, fake heads and masks: rigid, "
        "flexible, of paper. Thresholds are set at BPCER 1 % on dev. Layout and numbers follow public readers and are unverified."
    ),
    citation=(
        "A. George, Z. Mostaani, D. Geissenbuhler, O. Nikisins, A. Anjos, S. Marcel: Biometric face presentation attack detection "
        "with multi-channel convolutional neural network. IEEE Transactions on Information Forensics and Security 15, 2020"
    ),
    licence="research only, after an agreement (EULA) with Idiap; may not be passed on",
    request="Idiap Research Institute: https://www.idiap.ch/en/scientific-research/data/wmca",
    layout=LAYOUT,
    protocols={"grandtest": "all attacks in each split"}
    | {f"LOO_{attack}": f"{attack} is held back for test, the other attacks serve to train" for attack in HELD_OUT},
    read=read,
    video=True,
)
