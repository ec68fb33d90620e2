"""ROSE-Youtu: five phones and tablets, paper masks among the attacks."""

from __future__ import annotations

import re
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import named
from livegate.sample import Sample, Split

LAYOUT = "<2..23>/{G,Ps,Pq,Vl,Vm,Mc,Mf,Mu,Ml}_{T,NT}_{HS,HW,IP,5s,ZTE}_{g,wg}_<environment>_<subject>_<number>.mp4"
VIDEO = re.compile(
    r"""(?P<subject>[2-7]|9|1[0-9]|2[0-3])/
    (?:G|(?P<attack>Ps|Pq|Vl|Vm|Mc|Mf|Mu|Ml))_(?P<talking>T|NT)_(?P<device>HS|HW|IP|5s|ZTE)_(?P<glasses>g|wg)
    _(?P<environment>[A-Za-z0-9]+)_[0-9]{1,2}_[0-9]{1,4}\.mp4""",
    re.VERBOSE,
)
SPECIES = {
    "Ps": "print-still",
    "Pq": "print-quivering",
    "Vl": "replay-lenovo",
    "Vm": "replay-mac",
    "Mc": "paper-mask-cropped",
    "Mf": "paper-mask-full",
    "Mu": "paper-mask-upper",
    "Ml": "paper-mask-lower",
    None: None,
}
DEVICES = {"HS": "hasee", "HW": "huawei", "IP": "ipad", "5s": "iphone-5s", "ZTE": "zte"}
TRAIN = frozenset({2, 3, 4, 5, 6, 7, 9, 10})
DEV = frozenset({11, 12})
"""Two of the ten subjects of train, as in Gradiant's index of the set; the set itself has no dev."""


def read(root: Path, protocol: str) -> Listing:  # noqa: ARG001 - there is one protocol
    """List the videos.

    Raises:
        DataSetError: if the folder holds no video of this set.
    """
    matches, notes = named(root, (".",), VIDEO, LAYOUT)
    samples = tuple(_sample(root, match) for match in matches)
    return Listing(samples, notes=(*notes, "dev is subjects 11 and 12 of train: the set itself has no dev"))


def _sample(root: Path, match: re.Match[str]) -> Sample:
    subject = int(match["subject"])
    return Sample(
        name=match.string,
        folder=root,
        species=SPECIES[match["attack"]],
        source=SET.name,
        split=Split.TRAIN if subject in TRAIN else Split.DEV if subject in DEV else Split.TEST,
        subject=f"{subject:02d}",
        clip=match.string,
        facts={
            "device": DEVICES[match["device"]],
            "glasses": "yes" if match["glasses"] == "g" else "no",
            "talking": "yes" if match["talking"] == "T" else "no",
            "environment": match["environment"],
        },
    )


SET = DataSet(
    name="rose-youtu",
    title="ROSE-Youtu Face Liveness Detection Database",
    description=(
        "The public part: 20 subjects by four phones and a tablet. Attacks are still and quivering prints, replays on two screens "
        "and paper masks (whole, with holes, or cut). 3,350 videos were announced; those who list the files count 3,497, so that "
        "no count is expected here. Some readers turn clips on reading: look at the frames."
    ),
    citation=(
        "H. Li, W. Li, H. Cao, S. Wang, F. Huang, A. C. Kot: Unsupervised domain adaptation for face anti-spoofing. "
        "IEEE Transactions on Information Forensics and Security 13(7), 2018"
    ),
    licence="research only, after an agreement with NTU Singapore; may not be passed on",
    request="ROSE Lab, NTU Singapore: https://rose1.ntu.edu.sg/dataset/faceLivenessDetection/",
    layout=LAYOUT,
    protocols={"grandtest": "subjects 2 to 12 to train, of whom 11 and 12 serve as dev, and 13 to 23 to test"},
    read=read,
    video=True,
)
