"""MSU-MFSD: a phone and a laptop before people, prints, tablets and phones."""

from __future__ import annotations

import re
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import counts, named
from livegate.sample import Sample, Split

LAYOUT = """\
scene01/real/real_client<001>_{android,laptop}_SD_scene01.{mp4,mov}
scene01/attack/attack_client<001>_{android,laptop}_SD_{ipad_video,iphone_video,printed_photo}_scene01.{mp4,mov}"""
VIDEO = re.compile(
    r"""scene01/(?:(?P<real>real/real)|attack/attack)_client(?P<client>[0-9]{3})_(?P<device>android|laptop)_SD_
    (?(real)|(?P<instrument>ipad_video|iphone_video|printed_photo)_)scene01\.(?:mp4|mov)""",
    re.VERBOSE,
)
SPECIES = {"printed_photo": "print", "ipad_video": "replay-tablet-video", "iphone_video": "replay-phone-video", None: None}
TRAIN = frozenset({"002", "003", "005", "006", "008", "009", "011", "012", "022", "034", "053", "054"})
DEV = frozenset({"007", "021", "055"})
"""Every fifth of the fifteen subjects of train_sub_list.txt; the set itself has no dev."""
TURNED = re.compile(r"scene01/real/real_client00[35-9]_android_SD_scene01\.mp4")
"""Clips that bob.db.msu_mfsd_mod turns upside down on reading."""
LOOK = "are turned upside down by another reader, bob; here a frame is turned as its file says and no further: look at them"


def read(root: Path, protocol: str) -> Listing:  # noqa: ARG001 - there is one protocol
    """List the videos.

    Raises:
        DataSetError: if the folder holds no video of this set.
    """
    matches, notes = named(root, ("scene01",), VIDEO, LAYOUT)
    if turned := sum(TURNED.fullmatch(match.string) is not None for match in matches):
        notes += (f"{turned} bona fide clip(s) of the phone (clients 003, 005 to 009) {LOOK}",)
    samples = tuple(_sample(root, match) for match in matches)
    return Listing(samples, notes=(*notes, "dev is subjects 007, 021 and 055 of train: the set itself has no dev"))


def _sample(root: Path, match: re.Match[str]) -> Sample:
    client = match["client"]
    return Sample(
        name=match.string,
        folder=root,
        species=SPECIES[match["instrument"]],
        source=SET.name,
        split=Split.TRAIN if client in TRAIN else Split.DEV if client in DEV else Split.TEST,
        subject=client,
        clip=match.string,
        facts={"device": match["device"]},
    )


SET = DataSet(
    name="msu-mfsd",
    title="MSU Mobile Face Spoofing Database",
    description=(
        "280 public videos of 35 subjects by the front camera of an Android phone and the camera of a laptop. Attacks are a large "
        "print, a video on a tablet and a video on a phone. The set's own face boxes (.face) are not used: the detector finds faces."
    ),
    citation=(
        "D. Wen, H. Han, A. K. Jain: Face spoof detection with image distortion analysis. "
        "IEEE Transactions on Information Forensics and Security 10(4), 2015"
    ),
    licence="research only, after a signed agreement; may not be passed on",
    request=(
        "Michigan State University: "
        "https://www.cse.msu.edu/rgroups/biometrics/Publications/Databases/MSUMobileFaceSpoofing/index.htm"
    ),
    layout=LAYOUT,
    protocols={"grandtest": "15 subjects to train, of which 3 serve as dev, and 20 to test"},
    read=read,
    expected={"grandtest": counts((24, 72), (6, 18), (40, 120))},
    video=True,
)
