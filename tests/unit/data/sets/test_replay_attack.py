"""Replay-Attack: six sub-protocols are choices of attacks beside the same bona fide videos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from livegate.data.sets.replay_attack import SET

CLIENTS = {"train": range(1, 16), "devel": range(16, 31), "test": range(101, 121)}
"""The numbers do not matter here, only that there are 15, 15 and 20."""
ATTACKS = (
    "print_{}_highdef_photo",
    "mobile_{}_mobile_photo",
    "mobile_{}_mobile_video",
    "highdef_{}_highdef_photo",
    "highdef_{}_highdef_video",
)


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole set, with one video of enrolment."""
    names = ["enroll/train/client001_session01_webcam_enroll_adverse.mov"]
    for part, clients in CLIENTS.items():
        for client, light in product(clients, ("controlled", "adverse")):
            who = f"client{client:03d}_session01"
            names += [f"{part}/real/{who}_webcam_authenticate_{light}_{take}.mov" for take in (1, 2)]
            for support, attack in product(("fixed", "hand"), ATTACKS):
                names.append(f"{part}/attack/{support}/attack_{attack.format(who)}_{light}.mov")
    assert len(names) == 1201
    return plant(tmp_path_factory.mktemp("replay"), names)


def test_every_protocol_has_the_published_counts(root: Path) -> None:
    """Seven protocols; attacks of all splits are 1000, 200, 400, 400, 600, 400 and 400."""
    totals = {}
    for protocol in SET.protocols:
        counts = SET.read(root, protocol).counts()
        assert counts == SET.expected[protocol]
        assert {split: number for (split, bona_fide), number in counts.items() if bona_fide} == {
            "train": 60,
            "dev": 60,
            "test": 80,
        }
        totals[protocol] = sum(number for (_, bona_fide), number in counts.items() if not bona_fide)
    assert totals == {
        "grandtest": 1000,
        "print": 200,
        "mobile": 400,
        "highdef": 400,
        "photo": 600,
        "video": 400,
        "digitalphoto": 400,
    }


def test_species_are_what_was_shown_and_on_what(root: Path) -> None:
    """Five species, each 200 times."""
    found = Counter(sample.species for sample in SET.read(root, "grandtest").samples)
    assert found == {
        None: 200,
        "print": 200,
        "replay-phone-photo": 200,
        "replay-phone-video": 200,
        "replay-tablet-photo": 200,
        "replay-tablet-video": 200,
    }


def test_names_tell_light_support_and_client(root: Path) -> None:
    """A bona fide video has no support."""
    samples = {sample.name: sample for sample in SET.read(root, "grandtest").samples}
    attack = samples["devel/attack/hand/attack_mobile_client016_session01_mobile_video_adverse.mov"]
    assert (attack.subject, attack.split, attack.species) == ("016", "dev", "replay-phone-video")
    assert attack.facts == {"session": "01", "light": "adverse", "support": "hand"}
    real = samples["test/real/client101_session01_webcam_authenticate_controlled_2.mov"]
    assert (real.subject, real.split, real.species) == ("101", "test", None)
    assert real.facts == {"session": "01", "light": "controlled", "support": ""}


def test_enrolment_is_not_listed_nor_a_mixture_of_names(plant: Callable[..., Path], root: Path, tmp_path: Path) -> None:
    """What is no presentation to the detector under test is not counted; a name half bona fide, half attack is left out."""
    assert SET.read(root, "grandtest").notes == ()
    good = "train/real/client001_session01_webcam_authenticate_adverse_1.mov"
    mixed = [
        "train/real/attack_print_client001_session01_highdef_photo_adverse.mov",
        "train/attack/fixed/client001_session01_webcam_authenticate_adverse_1.mov",
        "train/attack/fixed/attack_print_client001_session01_highdef_photo_adverse_1.mov",
        "train/real/client001_session01_webcam_authenticate_adverse.mov",
    ]
    listing = SET.read(plant(tmp_path, [good, *mixed]), "grandtest")
    assert [sample.name for sample in listing.samples] == [good]
    assert listing.notes == (f"4 video(s) left out that have names that are not of this set, such as {min(mixed)!r}",)
