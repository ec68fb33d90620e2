"""LCC_FASD: labels are folders or, in its evaluation part, the beginnings of names."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.sets.lcc_fasd import SET
from livegate.errors import DataSetError

FOLDERS = ("LCC_FASD_training", "LCC_FASD_development", "LCC_FASD_evaluation")


def grow(root: Path, names: Iterable[str]) -> Path:
    """Put a small picture under each name, into the folders of the set."""
    for name in (*(f"{folder}/" for folder in FOLDERS), *names):
        path = root / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            Image.new("RGB", (8, 8)).save(path)
    return root


TRAINED = ("LCC_FASD_training/real/AGL752VM_id147_s0_120.png", "LCC_FASD_training/spoof/FT720P_G780_REDMI4X_id0_s0_15.png")
DEVELOPED = ("LCC_FASD_development/real/a.jpg", "LCC_FASD_development/spoof/spoof_2.png")
LOOSE = ("LCC_FASD_evaluation/real_1.png", "LCC_FASD_evaluation/spoof_1.png")
REPACKED = ("LCC_FASD_evaluation/real/real_1.png", "LCC_FASD_evaluation/spoof/real_2.png")


@pytest.mark.parametrize("evaluated", [LOOSE, REPACKED])
def test_both_packings_are_read(tmp_path: Path, evaluated: tuple[str, str]) -> None:
    """Loose files in the evaluation part, or folders as in the others; the folder counts more than the name."""
    listing = SET.read(grow(tmp_path, (*TRAINED, *DEVELOPED, *evaluated)), "standard")
    assert [(sample.name, sample.split, sample.species) for sample in listing.samples] == [
        (TRAINED[0], "train", None),
        (TRAINED[1], "train", "unspecified"),
        (DEVELOPED[0], "dev", None),
        (DEVELOPED[1], "dev", "unspecified"),
        (evaluated[0], "test", None),
        (evaluated[1], "test", "unspecified"),
    ]
    assert (listing.boxed, listing.notes) == (False, ())
    assert all(sample.path.is_file() and sample.source == "lcc-fasd" for sample in listing.samples)


def test_frames_of_one_name_are_a_clip(tmp_path: Path) -> None:
    """Without the number of the frame; a name of another kind is a presentation of its own."""
    more = ("LCC_FASD_training/real/AGL752VM_id147_s0_90.png", "LCC_FASD_training/real/AGL752VM_id147_s1_90.png")
    samples = SET.read(grow(tmp_path, (*TRAINED, *more, *DEVELOPED)), "standard").samples
    assert {sample.name: sample.clip for sample in samples} == {
        TRAINED[0]: "LCC_FASD_training/real/AGL752VM_id147_s0",
        more[0]: "LCC_FASD_training/real/AGL752VM_id147_s0",
        more[1]: "LCC_FASD_training/real/AGL752VM_id147_s1",
        TRAINED[1]: "LCC_FASD_training/spoof/FT720P_G780_REDMI4X_id0_s0",
        DEVELOPED[0]: "",
        DEVELOPED[1]: "",
    }


def test_all_parts_can_be_tested(tmp_path: Path) -> None:
    """For models that were trained elsewhere."""
    listing = SET.read(grow(tmp_path, (*TRAINED, *DEVELOPED, *LOOSE)), "all")
    assert listing.counts() == {("test", True): 3, ("test", False): 3}


def test_what_has_no_label_is_counted(tmp_path: Path) -> None:
    """Other files, and pictures that are neither real nor spoof."""
    root = grow(tmp_path, (*LOOSE, "LCC_FASD_evaluation/other.png"))
    (root / "LCC_FASD_evaluation" / "spoof_list.txt").write_text("")
    assert SET.read(root, "standard").notes == (
        "2 file(s) left out that are no pictures, or neither real nor spoof, such as 'LCC_FASD_evaluation/other.png'",
    )


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Parts, or pictures in them."""
    (tmp_path / "LCC_FASD_training").mkdir()
    with pytest.raises(
        DataSetError, match="has no LCC_FASD_development; has no LCC_FASD_evaluation; expected: LCC_FASD_training/"
    ):
        SET.read(tmp_path, "standard")
    with pytest.raises(DataSetError, match="holds no picture of this set"):
        SET.read(grow(tmp_path, ()), "standard")


def test_published_counts_add_up() -> None:
    """1,942 bona fide and 16,885 attacks in three parts."""
    for bona_fide, total in ((True, 1_942), (False, 16_885)):
        assert sum(number for (_, label), number in SET.expected["standard"].items() if label == bona_fide) == total
        assert SET.expected["all"]["test", bona_fide] == total
