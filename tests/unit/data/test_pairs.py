"""Lists of pairs: every fault is told with its line, and nothing is guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from livegate.data.pairs import Pairs
from livegate.errors import PairsError
from livegate.sample import Comparison

HEAD = "fold,reference,probe,mated\n"
LFW = """2\t1
Ann_Lee\t1\t4
Bob\t2\tCy\t3
Dee\t1\t2
Ann_Lee\t2\tBob\t1
"""


def written(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_a_csv_becomes_comparisons(tmp_path: Path) -> None:
    """Paths start at the file, 1 is mated, folds keep their order; columns may stand anywhere and others are left alone."""
    path = written(tmp_path, "probe,x,mated,reference,fold\nb.jpg,?,1,a.jpg,2\nc.jpg,?,0,a.jpg,1\n")
    pairs = Pairs.read(path)
    assert pairs.comparisons == (Comparison("a.jpg", "b.jpg", True, "2"), Comparison("a.jpg", "c.jpg", False, "1"))
    assert pairs.folds == ("2", "1")
    assert pairs.pictures == {name: tmp_path / name for name in ("a.jpg", "b.jpg", "c.jpg")}
    assert pairs.name == "pairs"


def test_subjects_come_from_columns_or_folders(tmp_path: Path) -> None:
    """A column wins; folders speak only when they are asked to."""
    path = written(tmp_path, "reference,probe,mated,reference_subject\nx/ann/1.jpg,x/bob/2.jpg,0,eve\n")
    assert Pairs.read(path).comparisons[0].probe_subject == ""
    (one,) = Pairs.read(path, subject_folders=True).comparisons
    assert (one.reference_subject, one.probe_subject) == ("eve", "bob")


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (HEAD, ["lists no pair"]),
        ("", ["has no column reference, probe, mated; got an empty file"]),
        ("reference;probe;mated\n", ["semicolons"]),
        ("reference,probe,probe,mated\n", ["repeats the column(s) probe"]),
        (
            HEAD + "1,a,b,yes\n1,a,,1\n1,,b,1\n",
            ["line 2: mated is 'yes'", "line 3: names no probe", "line 4: names no reference"],
        ),
        (HEAD + "1,a,a,1\n1,a,b\n1,a,b,1,2\n", ["compared with itself", "line 3: has more or fewer cells", "line 4: has more"]),
        (HEAD + "1,a,b,1\n2,b,a,1\n", ["line 3: 'b' and 'a' are compared twice"]),
        (HEAD + "1,a,b,1\n,a,c,1\n", ["a fold for some pairs only"]),
        (HEAD + "1,a\0,b,1\n", ["NUL"]),
    ],
)
def test_faults_are_told_together(tmp_path: Path, text: str, messages: list[str]) -> None:
    """Whatever is wrong, at once and with its line."""
    with pytest.raises(PairsError) as caught:
        Pairs.read(written(tmp_path, text))
    for message in messages:
        assert message in str(caught.value)


def test_labels_that_contradict_the_subjects_are_refused(tmp_path: Path) -> None:
    """Mated and two names, or non-mated and one."""
    text = "reference,probe,mated\nann/1.jpg,bob/1.jpg,1\nann/1.jpg,ann/2.jpg,0\n"
    with pytest.raises(PairsError, match=r"mated, but shows 'ann' and 'bob'.*non-mated, but shows only 'ann'"):
        Pairs.read(written(tmp_path, text), subject_folders=True)


def test_no_list_at_all(tmp_path: Path) -> None:
    """A file that is not there, a folder, and bytes that are no text."""
    with pytest.raises(PairsError, match="cannot be read"):
        Pairs.read(tmp_path / "none.csv")
    with pytest.raises(PairsError, match="cannot be read"):
        Pairs.read(tmp_path)
    (tmp_path / "b.csv").write_bytes(b"reference,probe,mated\n\xff,b,1\n")
    with pytest.raises(PairsError, match="no text in UTF-8"):
        Pairs.read(tmp_path / "b.csv")


def test_pictures_that_are_missing_are_named(tmp_path: Path) -> None:
    """Reading opens no picture; asking for them names those that are not there."""
    (tmp_path / "a.jpg").touch()
    pairs = Pairs.read(written(tmp_path, HEAD + "1,a.jpg,b.jpg,1\n"))
    with pytest.raises(PairsError, match=r"'.*b\.jpg' does not exist") as caught:
        pairs.require_pictures()
    assert "a.jpg'" not in str(caught.value)


def people(folder: Path, suffix: str = ".jpg") -> Path:
    """The pictures that the list above names, empty."""
    for name, number in (
        ("Ann_Lee", 1),
        ("Ann_Lee", 2),
        ("Ann_Lee", 4),
        ("Bob", 1),
        ("Bob", 2),
        ("Cy", 3),
        ("Dee", 1),
        ("Dee", 2),
    ):
        path = folder / name / f"{name}_{number:04d}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_classic_list(tmp_path: Path, suffix: str) -> None:
    """Folds of mated and non-mated pairs, people as subjects, and the suffix that the folder has."""
    pairs = Pairs.read_lfw(written(tmp_path, LFW, "pairs.txt"), people(tmp_path / "faces", suffix))
    assert [(one.fold, one.mated) for one in pairs.comparisons] == [("1", True), ("1", False), ("2", True), ("2", False)]
    first = pairs.comparisons[0]
    assert (first.reference_subject, first.probe_subject) == ("Ann_Lee", "Ann_Lee")
    assert pairs.pictures[first.probe] == tmp_path / "faces" / "Ann_Lee" / f"Ann_Lee_0004{suffix}"
    assert len(pairs.pictures) == 8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("300\n", "line 1: must be the number of folds"),
        (LFW + "Bob\t1\t2\n", "line 6: is one pair more than the 2 folds of 2"),
        (LFW.rsplit("A", 1)[0], "ends after 3 pairs"),
        (LFW.replace("Dee\t1\t2", "Dee\t1\tx"), "line 4: 'x' is no number"),
        (LFW.replace("Dee\t1\t2", "../Dee\t1\t2"), "line 4: '../Dee' is no name"),
        (LFW.replace("Dee\t1\t2", "Dee\t1\tBob\t2"), "line 4: has 4 words"),
        (LFW.replace("Dee\t1\t2", "Dee\t1\t1"), "compared with itself"),
        (LFW.replace("Dee\t1\t2", "Dee\t1\t3"), "Dee_0003.jpg' does not exist"),
    ],
)
def test_faults_of_the_classic_list(tmp_path: Path, text: str, message: str) -> None:
    """A line that does not fit, a name that would leave the folder, and a picture that is not there."""
    with pytest.raises(PairsError) as caught:
        Pairs.read_lfw(written(tmp_path, text, "pairs.txt"), people(tmp_path / "faces"))
    assert message in str(caught.value)
