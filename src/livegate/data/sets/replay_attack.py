"""Replay-Attack: a laptop's camera before people, prints, phones and tablets."""

from __future__ import annotations

import re
from pathlib import Path

from livegate.data.sets.dataset import DataSet, Listing
from livegate.data.sets.videos import counts, named
from livegate.sample import Sample, Split

LAYOUT = """\
{train,devel,test}/real/client<001>_session<01>_webcam_authenticate_{controlled,adverse}_<1>.mov
{train,devel,test}/attack/{fixed,hand}/attack_{print,mobile,highdef}_client<001>_session<01>_{mobile,highdef}_{photo,video}_{controlled,adverse}.mov"""
VIDEO = re.compile(
    r"""(?P<part>train|devel|test)/
    (?:real/|attack/(?P<support>fixed|hand)/attack_(?P<instrument>print|mobile|highdef)_)
    client(?P<client>[0-9]{3})_session(?P<session>[0-9]{2})_
    (?(support)(?:mobile|highdef)_(?P<medium>photo|video)|webcam_authenticate)
    _(?P<light>controlled|adverse)(?(support)|_[0-9])\.mov""",
    re.VERBOSE,
)
SPLITS = {"train": Split.TRAIN, "devel": Split.DEV, "test": Split.TEST}
SCREENS = {"mobile": "phone", "highdef": "tablet"}
ATTACKS = {
    "grandtest": ("print", "replay-phone-photo", "replay-phone-video", "replay-tablet-photo", "replay-tablet-video"),
    "print": ("print",),
    "mobile": ("replay-phone-photo", "replay-phone-video"),
    "highdef": ("replay-tablet-photo", "replay-tablet-video"),
    "photo": ("print", "replay-phone-photo", "replay-tablet-photo"),
    "video": ("replay-phone-video", "replay-tablet-video"),
    "digitalphoto": ("replay-phone-photo", "replay-tablet-photo"),
}
"""Protocol → the species that stand beside all bona fide videos."""


def read(root: Path, protocol: str) -> Listing:
    """List the videos of one protocol.

    Raises:
        DataSetError: if the folder holds no video of this set.
    """
    matches, notes = named(root, tuple(SPLITS), VIDEO, LAYOUT)
    samples = (_sample(root, match) for match in matches)
    return Listing(tuple(s for s in samples if s.species is None or s.species in ATTACKS[protocol]), notes=notes)


def _sample(root: Path, match: re.Match[str]) -> Sample:
    return Sample(
        name=match.string,
        folder=root,
        species=_species(match),
        source=SET.name,
        split=SPLITS[match["part"]],
        subject=match["client"],
        clip=match.string,
        facts={"session": match["session"], "light": match["light"], "support": match["support"] or ""},
    )


def _species(match: re.Match[str]) -> str | None:
    if match["instrument"] is None:
        return None
    if match["instrument"] == "print":
        return "print"
    return f"replay-{SCREENS[match['instrument']]}-{match['medium']}"


SET = DataSet(
    name="replay-attack",
    title="The Replay-Attack Database",
    description=(
        "1,200 videos of 50 subjects by the camera of a laptop, 320 x 240, in controlled and adverse light. Attacks are prints, and "
        "photos and videos on a phone and a tablet, fixed or held by hand. "
        "The videos of enrolment are not listed."
    ),
    citation=(
        "I. Chingovska, A. Anjos, S. Marcel: On the effectiveness of local binary patterns in face anti-spoofing. BIOSIG, 2012"
    ),
    licence="research only, after an agreement (EULA) with Idiap; may not be passed on",
    request="Idiap Research Institute: https://www.idiap.ch/en/scientific-research/data/replayattack",
    layout=LAYOUT,
    protocols={name: f"all bona fide videos, and attacks of {', '.join(species)}" for name, species in ATTACKS.items()},
    read=read,
    # A subject has 2 lights x 2 takes bona fide, and 2 lights x 2 supports of each species; there are 15, 15 and 20 subjects.
    expected={
        name: counts((60, 60 * len(species)), (60, 60 * len(species)), (80, 80 * len(species)))
        for name, species in ATTACKS.items()
    },
    video=True,
)
