"""NUAA: four lists, names that tell the rest, and people who are in train and in test."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.index import Index
from livegate.data.sets.nuaa import SET
from livegate.errors import DataSetError

LISTS = {
    "client_train": ["0001/0001_00_00_01_0.jpg", "0001/0001_00_00_01_5.jpg", "0002/0002_01_00_02_0.jpg"],
    "imposter_train": ["0001/0001_00_00_01_0.jpg", "0002/0002_01_03_01_9.jpg"],
    "client_test": ["0002/0002_00_05_03_1.jpg"],
    "imposter_test": ["0003/0003_00_08_03_2.jpg"],
}


def grow(root: Path, lists: Mapping[str, list[str]] = LISTS, way: str = "{}") -> Path:
    """Pictures for the whole lists, and lists that name them in some way."""
    (root / "raw").mkdir(parents=True, exist_ok=True)
    for folder in ("ClientRaw", "ImposterRaw"):
        (root / "raw" / folder).mkdir(exist_ok=True)
    for name, lines in LISTS.items():
        for line in lines:
            path = root / "raw" / f"{name.split('_')[0].title()}Raw" / line
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(path)
    for name, lines in lists.items():
        (root / "raw" / f"{name}_raw.txt").write_text("".join(way.format(line) + "\r\n" for line in lines))
    return root


@pytest.mark.parametrize("way", ["{}", "/some/where/raw/ClientRaw/{}", " {} "])
def test_lists_and_names_tell_everything(tmp_path: Path, way: str) -> None:
    """Label, split, subject, glasses and clip; whatever a copy of a list writes before the subject."""
    samples = {sample.name: sample for sample in SET.read(grow(tmp_path, way=way), "standard").samples}
    assert len(samples) == 7
    one = samples["raw/ClientRaw/0002/0002_01_00_02_0.jpg"]
    assert (one.species, one.subject, one.facts, one.source) == (None, "0002", {"glasses": "with"}, "nuaa")
    other = samples["raw/ImposterRaw/0003/0003_00_08_03_2.jpg"]
    assert (other.species, other.subject, other.facts, other.split) == ("print", "0003", {"glasses": "without"}, "test")
    assert all(sample.path.is_file() for sample in samples.values())
    clips = [
        samples[f"raw/{name}"].clip for name in ("ClientRaw/0001/0001_00_00_01_0.jpg", "ClientRaw/0001/0001_00_00_01_5.jpg")
    ]
    assert clips == ["raw/ClientRaw/0001/0001_00_00_01"] * 2
    assert samples["raw/ImposterRaw/0001/0001_00_00_01_0.jpg"].clip == "raw/ImposterRaw/0001/0001_00_00_01"


def test_backslashes_are_slashes(tmp_path: Path) -> None:
    """As a list from Windows writes them."""
    lists = {name: [line.replace("/", "\\") for line in lines] for name, lines in LISTS.items()}
    assert len(SET.read(grow(tmp_path, lists), "standard").samples) == 7


def test_dev_is_carved_by_subject_and_the_overlap_with_test_is_seen(tmp_path: Path) -> None:
    """One of two subjects of train; 0002 is in test, too, as the set has it."""
    listing = SET.read(grow(tmp_path), "standard")
    people = {
        split: {sample.subject for sample in listing.samples if sample.split == split} for split in ("train", "dev", "test")
    }
    assert sorted(map(len, (people["train"], people["dev"]))) == [1, 1]
    assert people["train"] | people["dev"] == {"0001", "0002"}
    shared = Index(tmp_path, listing.samples, labelled=True, boxed=False).shared_subjects()
    assert shared.keys() == {("nuaa", "0002")}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Every list and folder."""
    with pytest.raises(DataSetError, match=r"has no raw/client_train_raw.txt; has no raw/imposter_train_raw.txt; "):
        SET.read(tmp_path, "standard")
    root = grow(tmp_path)
    (root / "raw/ClientRaw/0002/0002_01_00_02_0.jpg").unlink()
    assert SET.read(root, "standard").notes == (
        "1 picture(s) are listed but not there, such as 'raw/ClientRaw/0002/0002_01_00_02_0.jpg'",
    )


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    """Lines of another form, and a picture listed twice; nothing leads out of the folder."""
    lines = [
        "../0001/0002_00_00_01_0.jpg",
        "0001/0001_02_00_01_0.jpg",
        "0001/0001_00_00_01_0.png",
        "",
        LISTS["client_train"][0],
    ]
    lists = LISTS | {"client_train": [*LISTS["client_train"], *lines], "imposter_test": ["../../../0001/0001_00_00_01_0.jpg"]}
    with pytest.raises(DataSetError) as caught:
        SET.read(grow(tmp_path, lists), "standard")
    assert caught.value.faults == (
        "3 line(s) of the lists name no picture of this set, such as 'raw/client_train_raw.txt: ../0001/0002_00_00_01_0.jpg'",
        "2 picture(s) are listed twice, such as 'raw/ClientRaw/0001/0001_00_00_01_0.jpg'",
    )


def test_published_counts_add_up() -> None:
    """12,614 pictures: 5,105 of people and 7,509 of photographs."""
    counts = SET.expected["standard"]
    assert [sum(number for (_, label), number in counts.items() if label == bona_fide) for bona_fide in (True, False)] == [
        5_105,
        7_509,
    ]
