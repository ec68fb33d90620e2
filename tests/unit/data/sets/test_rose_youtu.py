"""ROSE-Youtu: names tell instrument, device, glasses and talking; the folder tells the subject."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from livegate.data.sets.rose_youtu import SET

SUBJECTS = [2, 3, 4, 5, 6, 7, 9, *range(10, 24)]
TYPES = {
    "G": None,
    "Ps": "print-still",
    "Pq": "print-quivering",
    "Vl": "replay-lenovo",
    "Vm": "replay-mac",
    "Mc": "paper-mask-cropped",
    "Mf": "paper-mask-full",
    "Mu": "paper-mask-upper",
    "Ml": "paper-mask-lower",
}


@pytest.fixture(scope="module")
def root(plant: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One video of each type and subject, and two that are not of this set."""
    names = [f"{subject}/{kind}_NT_5s_wg_E_{subject}_1.mp4" for subject, kind in product(SUBJECTS, TYPES)]
    names += ["2/G_T_HS_g_E_2_45.mp4", "8/G_T_HS_g_E_8_1.mp4", "2/X_T_HS_g_E_2_1.mp4"]
    return plant(tmp_path_factory.mktemp("rose"), names)


def test_types_become_species(root: Path) -> None:
    """Each of the nine, in every split."""
    listing = SET.read(root, "grandtest")
    assert len(listing.samples) == len(SUBJECTS) * len(TYPES) + 1
    for split in ("train", "dev", "test"):
        assert {s.name.split("/")[1].split("_")[0]: s.species for s in listing.samples if s.split == split} == TYPES


def test_subjects_stay_in_one_split(root: Path) -> None:
    """2 to 10 train, 11 and 12 are dev, 13 to 23 test."""
    pairs = {(sample.subject, sample.split) for sample in SET.read(root, "grandtest").samples}
    splits = dict(pairs)
    assert len(pairs) == len(splits) == len(SUBJECTS)
    assert [subject for subject in sorted(splits) if splits[subject] == "train"] == [
        "02",
        "03",
        "04",
        "05",
        "06",
        "07",
        "09",
        "10",
    ]
    assert [subject for subject in sorted(splits) if splits[subject] == "dev"] == ["11", "12"]
    assert [subject for subject in sorted(splits) if splits[subject] == "test"] == [str(subject) for subject in range(13, 24)]


def test_facts_come_from_the_name(root: Path) -> None:
    """Device, glasses and talking in words."""
    samples = {sample.name: sample.facts for sample in SET.read(root, "grandtest").samples}
    assert samples["2/G_T_HS_g_E_2_45.mp4"] == {"device": "hasee", "glasses": "yes", "talking": "yes", "environment": "E"}
    assert samples["2/G_NT_5s_wg_E_2_1.mp4"] == {"device": "iphone-5s", "glasses": "no", "talking": "no", "environment": "E"}


def test_other_videos_are_counted(root: Path) -> None:
    """A subject that is not public and a type that does not exist."""
    notes = SET.read(root, "grandtest").notes
    assert notes[0] == "2 video(s) left out that have names that are not of this set, such as '2/X_T_HS_g_E_2_1.mp4'"
    assert "dev is subjects 11 and 12 of train" in notes[1]
