"""The index of a data set says everything about its pictures, or all that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from livegate.data.index import Index
from livegate.errors import IndexFileError
from livegate.sample import Box

Write = Callable[[str | bytes], Path]
FULL = """path,source,split,subject,species,clip,box,landmarks
a/1.png,phone,train,ann,,ann-1,1 2 30 40,1 2 3 4 5 6 7 8 9 10
a/2.png,phone,dev,bob,print,,1.5 -2 30 40,
b/3.png,webcam,test,cid,replay,c,,
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write an index with this content and tell where it lies."""

    def writer(content: str | bytes) -> Path:
        path = tmp_path / "index.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return writer


def faults(path: Path) -> tuple[str, ...]:
    """What is wrong with an index."""
    with pytest.raises(IndexFileError) as caught:
        Index.read(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    return caught.value.faults


def test_every_column_is_read(write: Write) -> None:
    """Paths are relative to the file, names verbatim; empty cells are unknown; no species is bona fide."""
    path = write(FULL)
    index = Index.read(path)
    assert (index.labelled, index.boxed) == (True, True)
    first, second, third = index.samples
    assert (first.name, first.path) == ("a/1.png", path.parent / "a" / "1.png")
    assert (first.source, first.split, first.subject, first.clip) == ("phone", "train", "ann", "ann-1")
    assert first.box == Box(1, 2, 30, 40)
    assert first.landmarks == ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    assert (first.species, first.bona_fide) == (None, True)
    assert (second.species, second.bona_fide, second.clip) == ("print", False, "")
    assert second.box == Box(1.5, -2, 30, 40)
    assert (third.box, third.landmarks) == (None, None)


def test_the_generated_set_is_an_index(generated: Path) -> None:
    """Eight subjects of six pictures, a third bona fide, every picture there."""
    index = Index.read(generated)
    assert len(index.samples) == 48
    assert sum(sample.bona_fide for sample in index.samples) == 16
    assert all(sample.path.is_file() for sample in index.samples)
    assert index.shared_subjects() == {}


def test_one_column_is_enough(write: Write) -> None:
    """Only path: unlabelled and without boxes, which are two different things."""
    index = Index.read(write("path\nx.png\n"))
    assert (index.labelled, index.boxed, len(index.samples)) == (False, False, 1)
    index = Index.read(write("path,species\nx.png,\n"))
    assert (index.labelled, index.boxed) == (True, False)
    index = Index.read(write("box,path\n,x.png\n"))
    assert (index.labelled, index.boxed, index.samples[0].box) == (False, True, None)


def test_an_unlabelled_index_cannot_be_evaluated(write: Write) -> None:
    """The line names the column and what to write into it; a labelled one passes."""
    Index.read(write(FULL)).require_labels()
    with pytest.raises(IndexFileError, match="has no column 'species'; add it: empty for bona fide"):
        Index.read(write("path\nx.png\n")).require_labels()


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_marks_and_line_ends_do_not_matter(write: Write, start: bytes, end: bytes) -> None:
    """What a spreadsheet writes is read."""
    index = Index.read(write(start + FULL.encode().replace(b"\n", end)))
    assert index.samples == Index.read(write(FULL)).samples


def test_names_may_hold_anything_that_csv_can(write: Write) -> None:
    """Commas, quotes, spaces and emoji, verbatim."""
    index = Index.read(write('path\n"a, ""b"" 😀.png"\n'))
    assert index.samples[0].name == 'a, "b" 😀.png'


def test_a_missing_path_column_is_told_with_what_is_there(write: Write) -> None:
    """Names are not guessed."""
    assert faults(write("file,species\nx.png,\n")) == ("has no column 'path'; got file, species",)
    assert faults(write("")) == ("has no column 'path'; got an empty file",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("path\n", "lists no picture"),
        ("path\nx.png\nx.png\n", "line 3: picture 'x.png' is listed twice"),
        ("path,species\n,print\n", "line 2: no path"),
        ("path,box\nx.png,1 2 3\n", "line 2: box '1 2 3' must be four numbers 'x y w h'"),
        ("path,box\nx.png,1 2 3 4 5\n", "line 2: box"),
        ("path,box\nx.png,1 2 0 4\n", "w and h above 0"),
        ("path,box\nx.png,1 2 3 -4\n", "w and h above 0"),
        ("path,box\nx.png,a b c d\n", "line 2: 'a b c d' holds something that is no number"),
        ('path,box\nx.png,"1,2,3,4"\n', "line 2: '1,2,3,4' holds something that is no number"),
        ("path,box\nx.png,nan 2 3 4\n", "is no pixel position"),
        ("path,box\nx.png,1 2 inf 4\n", "is no pixel position"),
        ("path,box\nx.png,1 2 1e300 4\n", "is no pixel position"),
        ("path,landmarks\nx.png,1 2 3 4\n", "line 2: landmarks '1 2 3 4' must be five pairs 'x y'"),
        ("path,species\nx.png,print,more\n", "line 2: 3 cells, the header has 2"),
        ("path,species\nx.png\n", "line 2: 1 cells, the header has 2"),
        ("path,species,species\nx.png,print,\n", "repeats"),
    ],
)
def test_a_fault_names_its_line(write: Write, content: str, words: str) -> None:
    """One fault, with the line, what is there and what should be."""
    (fault,) = faults(write(content))
    assert words in fault


def test_all_faults_are_told_together(write: Write) -> None:
    """A person corrects a file once."""
    path = write("path,box,landmarks\na.png,1 2 3,\na.png,,\n,,\nb.png,,1 2\nc.png,1 2 3 4,\nc.png,0 0 1 1,\n")
    assert [fault.split(":")[0] for fault in faults(path)] == ["line 2", "line 3", "line 4", "line 5", "line 7"]


@pytest.mark.parametrize("content", ["path\nä.png\n".encode("latin-1"), b"\x00\xff" * 100, b"\x89PNG\r\n\x1a\n" + bytes(100)])
def test_a_file_that_is_no_text_is_refused(write: Write, content: bytes) -> None:
    """A picture or another encoding in place of the index."""
    assert len(faults(write(content))) == 1


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    """With the system's own words."""
    assert "No such file" in faults(tmp_path / "none.csv")[0]
    assert "Is a directory" in faults(tmp_path)[0]


def test_a_split_keeps_its_samples_in_order(write: Write) -> None:
    """One split of three; one that is not there is refused with those that are."""
    index = Index.read(write(FULL))
    assert [sample.name for sample in index.split("dev").samples] == ["a/2.png"]
    with pytest.raises(IndexFileError, match="has no sample of split 'eval'; splits are dev, test, train"):
        index.split("eval")
    with pytest.raises(IndexFileError, match="splits are not given"):
        Index.read(write("path\nx.png\n")).split("dev")


def test_pictures_are_counted(write: Write) -> None:
    """By source, split and species."""
    assert Index.read(write(FULL)).counts() == {
        ("phone", "train", "bona-fide"): 1,
        ("phone", "dev", "print"): 1,
        ("webcam", "test", "replay"): 1,
    }


def test_subjects_in_two_splits_are_found(write: Write) -> None:
    """Those only; unknown subjects are nobody."""
    rows = ["1,train,ann", "2,test,ann", "3,train,bob", "4,train,bob", "5,dev,", "6,test,"]
    index = Index.read(write("path,split,subject\n" + "\n".join(rows) + "\n"))
    assert index.shared_subjects() == {"ann": frozenset({"train", "test"})}


def test_a_species_named_bona_fide_is_refused(tmp_path: Path) -> None:
    """It would count as an attack; bona fide is an empty cell."""
    path = tmp_path / "index.csv"
    path.write_text("path,species\na.jpg,bona-fide\n", encoding="utf-8")
    with pytest.raises(IndexFileError, match="leave the cell empty"):
        Index.read(path)
