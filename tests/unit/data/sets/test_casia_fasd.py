"""CASIA-FASD: twelve videos a subject, whose names tell attack and quality."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from livegate.data.sets.casia_fasd import SET
from livegate.errors import DataSetError

CLIPS = ("1", "2", "3", "4", "5", "6", "7", "8", "HR_1", "HR_2", "HR_3", "HR_4")


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole set: 20 and 30 subjects."""
    names = [f"train_release/{subject}/{clip}.avi" for subject in range(1, 21) for clip in CLIPS]
    names += [f"test_release/{subject}/{clip}.avi" for subject in range(1, 31) for clip in CLIPS]
    assert len(names) == 600
    return plant(tmp_path_factory.mktemp("casia"), names)


def test_the_whole_set_has_the_published_counts(root: Path) -> None:
    """240 videos of train, of which 60 are dev, and 360 of test; a third of each for each quality."""
    assert SET.read(root, "whole").counts() == SET.expected["whole"]
    assert sum(SET.expected["whole"].values()) == 600
    for quality in ("low", "normal", "high"):
        listing = SET.read(root, quality)
        assert listing.counts() == SET.expected[quality]
        assert {sample.facts["quality"] for sample in listing.samples} == {quality}


def test_names_tell_species_and_quality(root: Path) -> None:
    """Odd is normal, even low, HR high; in pairs bona fide, warped, cut, replay."""
    found = {
        Path(sample.name).stem: (sample.species, sample.facts["quality"])
        for sample in SET.read(root, "whole").samples
        if sample.name.startswith("test_release/7/")
    }
    assert found == {
        "1": (None, "normal"),
        "2": (None, "low"),
        "HR_1": (None, "high"),
        "3": ("print-warped", "normal"),
        "4": ("print-warped", "low"),
        "HR_2": ("print-warped", "high"),
        "5": ("print-cut", "normal"),
        "6": ("print-cut", "low"),
        "HR_3": ("print-cut", "high"),
        "7": ("replay", "normal"),
        "8": ("replay", "low"),
        "HR_4": ("replay", "high"),
    }


def test_subjects_of_both_parts_are_other_people(root: Path) -> None:
    """Subject 1 of test is not subject 1 of train; fifty in all, none in two splits, dev is 16 to 20."""
    listing = SET.read(root, "whole")
    splits = {sample.subject: sample.split for sample in listing.samples}
    assert {(sample.subject, sample.split) for sample in listing.samples} == set(splits.items())
    assert Counter(splits.values()) == {"train": 15, "dev": 5, "test": 30}
    assert sorted(subject for subject, split in splits.items() if split == "dev") == ["16", "17", "18", "19", "20"]
    assert splits["21"] == "test"
    assert any("dev is subjects 16 to 20" in note for note in listing.notes)


@pytest.mark.parametrize(
    "name", ["train_release/21/1.avi", "test_release/31/1.avi", "train_release/1/9.avi", "train_release/01/1.avi"]
)
def test_a_video_by_another_name_is_none_of_this_set(plant: Callable[..., Path], tmp_path: Path, name: str) -> None:
    """A subject or a number that does not exist is not guessed at."""
    with pytest.raises(DataSetError, match="holds no video of this set; expected: train_release/"):
        SET.read(plant(tmp_path, [name]), "whole")
