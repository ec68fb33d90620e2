"""CASIA-SURF: the colour pictures, by lists that label one way or the other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.sets.casia_surf import SET
from livegate.errors import DataSetError

REAL = "Training/real_part/CLKJ_CS0110/real.rssdk/{}/91.jpg"
FAKE = "Training/fake_part/CLKJ_AS0005/04_en_b.rssdk/{}/101.jpg"
VAL, UNKNOWN = "Val/0007/007243-{}.jpg", "Testing/0000/000037-{}.jpg"
TRAINED = {REAL: 1, FAKE: 0}


def lines(labels: Mapping[str, int], channels: tuple[str, ...] = ("color", "depth", "ir")) -> str:
    """Lines of a list: three paths and the label."""
    return "".join(" ".join([*(name.format(channel) for channel in channels), f"{label}\n"]) for name, label in labels.items())


def grow(root: Path, train: str, val: str, test: str) -> Path:
    """Write the lists, and the colour pictures of the four names."""
    for name, content in (("train_list", train), ("val_private_list", val), ("test_private_list", test)):
        (root / f"{name}.txt").write_text(content)
    for name in (REAL, FAKE, VAL, UNKNOWN):
        path = root / name.format("color")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(path)
    return root


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("channels", [("color", "depth", "ir"), ("ir", "depth", "color")])
def test_both_labellings_and_orders_are_read(tmp_path: Path, channels: tuple[str, ...], *, turned: bool) -> None:
    """The folders of train tell whether 1 or 0 is bona fide; the path tells the channel."""
    parts = ({name: label ^ turned for name, label in labels.items()} for labels in (TRAINED, {VAL: 1}, {UNKNOWN: 0}))
    listing = SET.read(grow(tmp_path, *(lines(part, channels) for part in parts)), "standard")
    found = {sample.name: (sample.split, sample.species, sample.subject) for sample in listing.samples}
    assert found == {
        REAL.format("color"): ("train", None, "CLKJ_CS0110"),
        FAKE.format("color"): ("train", "print-bent-cut-eyes-nose", "CLKJ_AS0005"),
        VAL.format("color"): ("dev", None, ""),
        UNKNOWN.format("color"): ("test", "unspecified", ""),
    }
    assert listing.notes == (f"label {int(not turned)} of the lists is bona fide",)
    assert listing.boxed
    assert all(sample.box is None and sample.path.is_file() for sample in listing.samples)


def test_a_video_of_train_is_a_clip(tmp_path: Path) -> None:
    """Its folder, below the part."""
    samples = SET.read(grow(tmp_path, lines(TRAINED), lines({VAL: 1}), lines({UNKNOWN: 0})), "standard").samples
    assert {sample.clip for sample in samples} == {
        "real_part/CLKJ_CS0110/real.rssdk",
        "fake_part/CLKJ_AS0005/04_en_b.rssdk",
        "",
    }


@pytest.mark.parametrize(
    ("folder", "species"),
    [
        ("01_e_x.rssdk", "print-flat-cut-eyes"),
        ("02_e_b.rssdk", "print-bent-cut-eyes"),
        ("05_enm_x.rssdk", "print-flat-cut-eyes-nose-mouth"),
        ("06_enm_b.rssdk", "print-bent-cut-eyes-nose-mouth"),
        ("07_e_b.rssdk", "unspecified"),
        ("photo.rssdk", "unspecified"),
    ],
)
def test_the_number_of_a_folder_is_the_attack(tmp_path: Path, folder: str, species: str) -> None:
    """Two bendings of three cuts; any other number is unknown."""
    name = FAKE.replace("04_en_b.rssdk", folder)
    root = grow(tmp_path, lines(TRAINED | {name: 0}), lines({VAL: 1}), lines({UNKNOWN: 0}))
    path = root / name.format("color")
    path.parent.mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(path)
    (sample,) = (sample for sample in SET.read(root, "standard").samples if sample.path == path)
    assert sample.species == species


def test_lists_that_contradict_the_folders_are_refused(tmp_path: Path) -> None:
    """A label that means two things means nothing."""
    for train in ({REAL: 1, FAKE: 1}, {FAKE: 0}, TRAINED | {REAL.replace("91", "92"): 0}):
        with pytest.raises(DataSetError, match="contradict the folders real_part and fake_part"):
            SET.read(grow(tmp_path, lines(train), lines({VAL: 1}), lines({UNKNOWN: 0})), "standard")


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    """Lines without a label, with another, with two colour pictures; paths that lead out; a picture listed twice."""
    train = lines(TRAINED) + "Training/a.jpg Training/b.jpg\n" + lines({VAL: 2}) + lines({VAL: 1}, ("color", "color"))
    with pytest.raises(DataSetError) as caught:
        SET.read(grow(tmp_path, train, lines({VAL: 1}) * 2, lines({"../{}/secret.jpg": 0})), "standard")
    assert caught.value.faults == (
        (
            "3 line(s) of the lists are not one colour picture, its other channels and a label 0 or 1, such as "
            "'train_list.txt: Training/a.jpg Training/b.jpg'"
        ),
        f"1 picture(s) are listed twice, such as '{VAL.format('color')}'",
        "1 listed name(s) lead out of the folder, such as '../color/secret.jpg'",
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Lists with labels are asked for on their own."""
    with pytest.raises(DataSetError, match=r"has no train_list.txt; has no val_private_list.txt; has no test_private_list.txt"):
        SET.read(tmp_path, "standard")
    root = grow(tmp_path, lines(TRAINED), lines({VAL: 1, "Val/9-{}.jpg": 0}), "")
    assert SET.read(root, "standard").notes[0] == "1 picture(s) are listed but not there, such as 'Val/9-color.jpg'"


def test_published_counts_add_up() -> None:
    """29,266, 9,608 and 57,710 pictures."""
    sums = [
        sum(number for (part, _), number in SET.expected["standard"].items() if part == split)
        for split in ("train", "dev", "test")
    ]
    assert sums == [29_266, 9_608, 57_710]
