"""A plain folder: folders are labels, names decide splits, and a new picture moves nobody."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from PIL import Image

from livegate.data.sets.folder import SET
from livegate.errors import DataSetError


def grow(root: Path, names: Iterable[str]) -> Path:
    """Put a small picture under each name."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(root / name)
    return root


PICTURES = (
    "bona-fide/anna/1.jpg",
    "bona-fide/loose.png",
    "attack/print/anna/2.JPG",
    "attack/print/loose.png",
    "attack/replay-phone/boris/monday/3.webp",
)


def test_folders_tell_species_and_subject(tmp_path: Path) -> None:
    """A person's folder may hold folders; a picture outside of one has no subject."""
    listing = SET.read(grow(tmp_path, PICTURES), "by-name")
    assert {sample.name: (sample.species, sample.subject) for sample in listing.samples} == {
        "bona-fide/anna/1.jpg": (None, "anna"),
        "bona-fide/loose.png": (None, ""),
        "attack/print/anna/2.JPG": ("print", "anna"),
        "attack/print/loose.png": ("print", ""),
        "attack/replay-phone/boris/monday/3.webp": ("replay-phone", "boris"),
    }
    assert (listing.boxed, listing.notes) == (False, ())
    assert all(sample.path.is_file() and sample.source == "folder" for sample in listing.samples)


def test_names_decide_the_split(tmp_path: Path) -> None:
    """Nobody is in two splits, and seven of ten people train: SHA-256 of the name modulo 20, below 14, below 17."""
    people = [f"person {number}" for number in range(200)]
    names = [f"{kind}/{person}/1.jpg" for kind in ("bona-fide", "attack/print") for person in people]
    splits: dict[str, set[str]] = {}
    for sample in SET.read(grow(tmp_path, names), "by-name").samples:
        splits.setdefault(sample.subject, set()).add(sample.split)
    assert all(len(found) == 1 for found in splits.values())
    shares = [sum(found == {split} for found in splits.values()) / 200 for split in ("train", "dev", "test")]
    assert shares == pytest.approx([0.7, 0.15, 0.15], abs=0.07)
    # sha256sum says 5, 0, 18, 8 and 15, modulo 20: by the sum of the digits modulo 5 and the last one modulo 4.
    golden = {0: "train", 1: "train", 2: "test", 3: "train", 7: "dev"}
    assert {number: splits[f"person {number}"] for number in golden} == {number: {split} for number, split in golden.items()}


def test_more_pictures_move_nobody(tmp_path: Path) -> None:
    """Whatever is added, everyone stays where they were."""
    first = SET.read(grow(tmp_path, PICTURES), "by-name").samples
    more = [f"bona-fide/person {number}/1.jpg" for number in range(20)] + ["attack/mask/anna/9.png", "attack/print/2.png"]
    second = SET.read(grow(tmp_path, more), "by-name").samples
    assert all(sample in second for sample in first)
    assert len(second) == len(first) + 22
    assert len({sample.split for sample in second if sample.subject == "anna"}) == 1


def test_pictures_without_a_subject_go_by_their_file(tmp_path: Path) -> None:
    """The same file name in both folders stays in one split: it often is one person."""
    samples = SET.read(
        grow(tmp_path, [f"{kind}/{n}.png" for kind in ("bona-fide", "attack/print") for n in range(30)]), "by-name"
    ).samples
    splits = {(sample.path.name, sample.split) for sample in samples}
    assert len(splits) == 30
    assert len({split for _, split in splits}) == 3


def test_what_does_not_fit_is_told(tmp_path: Path) -> None:
    """Pictures without a species are an error, other files a note."""
    root = grow(tmp_path, PICTURES)
    (root / "bona-fide" / "anna" / "notes.txt").write_text("")
    (root / "bona-fide" / "anna" / "clip.mp4").write_text("")
    assert SET.read(root, "by-name").notes == ("2 file(s) left out that are no pictures, such as 'bona-fide/anna/clip.mp4'",)
    grow(root, ["attack/lonely.jpg"])
    with pytest.raises(DataSetError, match=r"1 picture\(s\) lie in no folder attack/<species>, such as 'attack/lonely.jpg'"):
        SET.read(root, "by-name")


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Folders, or pictures."""
    (tmp_path / "bona-fide").mkdir()
    with pytest.raises(DataSetError, match="has no attack; expected: bona-fide/<subject>"):
        SET.read(tmp_path, "by-name")
    (tmp_path / "attack").mkdir()
    with pytest.raises(DataSetError, match="holds no picture of this set"):
        SET.read(tmp_path, "by-name")


def test_names_that_are_no_text_are_read(tmp_path: Path) -> None:
    """A file system may hold bytes that no encoding explains."""
    root = grow(tmp_path, PICTURES)
    (root / "bona-fide" / "anna" / "1.jpg").rename(root / "bona-fide" / "anna" / "\udcff.jpg")
    assert len(SET.read(root, "by-name").samples) == 5
