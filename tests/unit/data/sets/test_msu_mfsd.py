"""MSU-MFSD: eight videos a subject, two of them bona fide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from livegate.data.sets.msu_mfsd import SET

TRAIN = ["02", "03", "05", "06", "07", "08", "09", "11", "12", "21", "22", "34", "53", "54", "55"]
TEST = ["01", "13", "14", "23", "24", "26", "28", "29", "30", "32", "33", "35", "36", "37", "39", "42", "48", "49", "50", "51"]
"""As train_sub_list.txt and test_sub_list.txt have them."""


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public set: 35 subjects."""
    names = []
    for client, (device, suffix) in product(TRAIN + TEST, (("android", "mp4"), ("laptop", "mov"))):
        names.append(f"scene01/real/real_client0{client}_{device}_SD_scene01.{suffix}")
        attack = f"scene01/attack/attack_client0{client}_{device}_SD"
        names += [f"{attack}_{shown}_scene01.{suffix}" for shown in ("ipad_video", "iphone_video", "printed_photo")]
    assert len(names) == 280
    return plant(tmp_path_factory.mktemp("msu"), names)


def test_the_set_has_the_published_counts(root: Path) -> None:
    """70 bona fide, 210 attacks, 70 of each species; 15 subjects of train, of whom 3 are dev, and 20 of test."""
    listing = SET.read(root, "grandtest")
    assert listing.counts() == SET.expected["grandtest"]
    assert Counter(sample.species for sample in listing.samples) == {
        None: 70,
        "print": 70,
        "replay-tablet-video": 70,
        "replay-phone-video": 70,
    }


def test_the_split_is_the_published_one(root: Path) -> None:
    """Train and dev together are the subjects of the train list, test those of the test list; none is in two."""
    listing = SET.read(root, "grandtest")
    pairs = {(sample.subject, sample.split) for sample in listing.samples}
    splits = dict(pairs)
    assert len(pairs) == len(splits) == 35
    assert sorted(subject[1:] for subject, split in splits.items() if split == "test") == TEST
    assert sorted(subject[1:] for subject, split in splits.items() if split != "test") == TRAIN
    assert sorted(subject for subject, split in splits.items() if split == "dev") == ["007", "021", "055"]
    assert any("dev is subjects 007, 021 and 055" in note for note in listing.notes)


def test_clips_that_may_be_upside_down_are_named(plant: Callable[..., Path], root: Path, tmp_path: Path) -> None:
    """Six of the whole set, none of a part without them."""
    assert sum(note.startswith("6 bona fide clip(s) of the phone") for note in SET.read(root, "grandtest").notes) == 1
    part = plant(
        tmp_path, ["scene01/real/real_client010_android_SD_scene01.mp4", "scene01/real/real_client003_laptop_SD_scene01.mov"]
    )
    assert not [note for note in SET.read(part, "grandtest").notes if "upside down" in note]


def test_a_bona_fide_clip_names_no_instrument(plant: Callable[..., Path], tmp_path: Path) -> None:
    """And an attack names one; anything else is left out."""
    good = "scene01/real/real_client001_laptop_SD_scene01.mov"
    bad = [
        "scene01/real/real_client001_laptop_SD_ipad_video_scene01.mov",
        "scene01/attack/attack_client001_laptop_SD_scene01.mov",
        "scene01/attack/real_client001_laptop_SD_scene01.mov",
    ]
    listing = SET.read(plant(tmp_path, [good, *bad]), "grandtest")
    assert [sample.name for sample in listing.samples] == [good]
    assert listing.samples[0].facts == {"device": "laptop"}
    assert listing.notes[0].startswith("3 video(s) left out")
