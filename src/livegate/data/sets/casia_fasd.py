"""CASIA-FASD, also called CASIA-MFSD: three cameras of three qualities."""

from __future__ import annotations

import re
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import counts, named
from livegate.sample import Sample, Split

LAYOUT = """\
train_release/<1..20>/{1,2,3,4,5,6,7,8,HR_1,HR_2,HR_3,HR_4}.avi
test_release/<1..30>/…"""
VIDEO = re.compile(
    r"(?:train_release/(?P<train>[1-9]|1[0-9]|20)|test_release/(?P<test>[1-9]|[12][0-9]|30))/(?P<clip>[1-8]|HR_[1-4])\.avi"
)
KINDS = (None, "print-warped", "print-cut", "replay")
CLIPS = {
    clip: (species, quality)
    for number, species in enumerate(KINDS)
    for clip, quality in ((f"{2 * number + 1}", "normal"), (f"{2 * number + 2}", "low"), (f"HR_{number + 1}", "high"))
}
"""File name → species and quality. Odd = normal and even = low is how bob.db.casia_fasd reads them."""
DEV = range(16, 21)
"""Subjects of train that serve as dev, as in bob.pad.face; the set itself has no dev."""
TRAINED = 20
WHOLE = "whole"
QUALITIES = ("low", "normal", "high")


def read(root: Path, protocol: str) -> Listing:
    """List the videos of one protocol.

    Raises:
        DataSetError: if the folder holds no video of this set.
    """
    matches, notes = named(root, ("train_release", "test_release"), VIDEO, LAYOUT)
    samples = (_sample(root, match) for match in matches)
    chosen = tuple(sample for sample in samples if protocol in (WHOLE, sample.facts["quality"]))
    return Listing(chosen, notes=(*notes, "dev is subjects 16 to 20 of train: the set itself has no dev"))


def _sample(root: Path, match: re.Match[str]) -> Sample:
    # Subjects are numbered from 1 in both parts, but they are other people.
    subject = int(match["train"] or 0) or TRAINED + int(match["test"])
    species, quality = CLIPS[match["clip"]]
    return Sample(
        name=match.string,
        folder=root,
        species=species,
        source=SET.name,
        split=Split.TEST if subject > TRAINED else Split.DEV if subject in DEV else Split.TRAIN,
        subject=f"{subject:02d}",
        clip=match.string,
        facts={"quality": quality},
    )


SET = DataSet(
    name="casia-fasd",
    title="CASIA Face Anti-Spoofing Database",
    description=(
        "600 videos of 50 subjects by an old and a new USB camera (low and normal quality) and a Sony NEX-5 (high). "
        "Attacks are a warped photo, a photo with its eyes cut out before living eyes, and a replay on a tablet."
    ),
    citation=(
        "Z. Zhang, J. Yan, S. Liu, Z. Lei, D. Yi, S. Z. Li: A face antispoofing database with diverse attacks. "
        "International Conference on Biometrics (ICB), 2012"
    ),
    licence="research only, after a signed agreement; may not be passed on",
    request="Center for Biometrics and Security Research, CASIA: http://www.cbsr.ia.ac.cn/english/FaceAntiSpoofDatabases.asp",
    layout=LAYOUT,
    protocols={WHOLE: "all videos; dev is subjects 16 to 20 of train"}
    | {quality: f"the videos of {quality} quality; dev is subjects 16 to 20 of train" for quality in QUALITIES},
    read=read,
    expected={WHOLE: counts((45, 135), (15, 45), (90, 270))}
    | {quality: counts((15, 45), (5, 15), (30, 90)) for quality in QUALITIES},
    video=True,
)
