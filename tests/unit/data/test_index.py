"""The index of a data set says everything about its pictures, or all that is wrong with it."""

from __future__ import annotations

import csv
import gc
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from livegate.data.index import COLUMNS, Index
from livegate.errors import IndexFileError, LivegateError
from livegate.sample import Box, Sample

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


@pytest.mark.parametrize(("sign", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_cells_between_other_signs_than_commas_are_told(write: Write, sign: str, word: str) -> None:
    """As some spreadsheets save them; a comma in the header, or such a sign in a name, is no such thing."""
    assert faults(write(f'path{sign}"species"\nx.png{sign}\n')) == (f"separates its cells by {word}; save it with commas",)
    assert len(Index.read(write(f"path,a{sign}b\nx{sign}1.png,\n")).samples) == 1


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
    """With the system's own words. A pipe is not waited for."""
    assert "No such file" in faults(tmp_path / "none.csv")[0]
    assert "Is a directory" in faults(tmp_path)[0]
    os.mkfifo(tmp_path / "pipe")
    assert faults(tmp_path / "pipe") == ("cannot be read (it is a pipe or a device; give a file); give a CSV file",)
    assert "it is a pipe or a device" in faults(Path("/dev/zero"))[0]


def test_a_cell_as_long_as_a_book_is_refused(write: Write) -> None:
    """The message is about the cell, not about the encoding."""
    assert faults(write("path,species\n" + "a" * 200_000 + ",\n")) == (
        "is no sound CSV file (field larger than field limit (131072))",
    )


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
    assert index.shared_subjects() == {("", "ann"): frozenset({"train", "test"})}


def test_a_name_in_two_sources_is_two_people(write: Write) -> None:
    """Every data set counts its subjects from 1."""
    index = Index.read(write("path,source,split,subject\n1,a,train,1\n2,b,test,1\n3,b,dev,1\n"))
    assert index.shared_subjects() == {("b", "1"): frozenset({"test", "dev"})}


def test_a_species_named_bona_fide_is_refused(tmp_path: Path) -> None:
    """It would count as an attack; bona fide is an empty cell."""
    path = tmp_path / "index.csv"
    path.write_text("path,species\na.jpg,bona-fide\n", encoding="utf-8")
    with pytest.raises(IndexFileError, match="leave the cell empty"):
        Index.read(path)


# ------------------------------------------------------------------------------------------------------------- facts


def test_other_columns_are_facts(write: Write) -> None:
    """All of them, to the letter, wherever they stand; an empty cell is an empty text."""
    index = Index.read(write("age,path,species,light,\n 30 ,a.png,,, x\n,b.png,print,dark,\n"))
    assert [sample.facts for sample in index.samples] == [
        {"age": " 30 ", "light": "", "": " x"},
        {"age": "", "light": "dark", "": ""},
    ]
    assert Index.read(write(FULL)).samples[0].facts == {}


def test_one_fact_alone_is_a_fact(write: Write) -> None:
    """A column of one letter is not taken for letters of a text."""
    assert Index.read(write("path,k\na,xyz\n")).samples[0].facts == {"k": "xyz"}


# ---------------------------------------------------------------------------------------------------------------- write


def test_a_written_index_is_the_same_index(write: Write, tmp_path: Path) -> None:
    """Beside where it was read: names stay to the letter, odd ones too."""
    path = write(FULL.replace("a/1.png", "./a//1.png"))
    index = Index.read(path)
    written = index.write(tmp_path / "copy.csv")
    assert written == replace(index, path=tmp_path / "copy.csv") == Index.read(tmp_path / "copy.csv")
    assert written.samples[0].name == "./a//1.png"


def test_paths_are_relative_to_the_new_file(write: Write, tmp_path: Path) -> None:
    """The same pictures, by another way; the letters of the way are those of the folders."""
    index = Index.read(write(FULL))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"here")
    written = index.write(tmp_path / "deep" / "er" / "index.csv")
    assert [sample.name for sample in written.samples] == ["../../a/1.png", "../../a/2.png", "../../b/3.png"]
    assert written.samples[0].path.read_bytes() == b"here"
    assert Index.read(written.path) == written
    assert written.write(tmp_path / "a" / "index.csv").samples[0].name == "1.png"


def test_a_link_to_the_folder_is_no_trap(write: Write, tmp_path: Path) -> None:
    """From a folder that is reached through a link, "up" leads where the link points to."""
    index = Index.read(write(FULL))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.png").write_bytes(b"here")
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "near").symlink_to(tmp_path / "far" / "away")
    written = index.write(tmp_path / "near" / "index.csv")
    assert written.samples[0].path.read_bytes() == b"here"
    assert Index.read(written.path) == written


def test_relative_folders_are_fine(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a command line."""
    write(FULL)
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    written = Index.read("index.csv").write("out/index.csv")
    assert [sample.name for sample in written.samples] == ["../a/1.png", "../a/2.png", "../b/3.png"]
    assert Index.read("out/index.csv") == written


def test_only_columns_with_a_meaning_are_written(write: Write, tmp_path: Path) -> None:
    """No species where nothing is labelled; box where the set has boxes, even none; landmarks where one has them; then facts."""

    def header(content: str) -> str:
        Index.read(write(content)).write(tmp_path / "out.csv")
        return (tmp_path / "out.csv").read_text().splitlines()[0]

    assert header("path\nx.png\n") == "path,source,split,subject,clip"
    assert header("box,light,path,species\n,,x.png,\n") == "path,source,split,subject,species,clip,box,light"
    assert header(FULL) == ",".join(COLUMNS)


def test_facts_of_some_samples_are_empty_for_the_others(tmp_path: Path) -> None:
    """Sets with other facts may be joined."""
    samples = [Sample(name, tmp_path, facts=facts) for name, facts in (("a", {"k": "1"}), ("b", {"l": "2"}), ("c", {}))]
    Index(tmp_path / "x.csv", tuple(samples), labelled=True, boxed=False).write(tmp_path / "x.csv")
    assert [sample.facts for sample in Index.read(tmp_path / "x.csv").samples] == [
        {"k": "1", "l": ""},
        {"k": "", "l": "2"},
        {"k": "", "l": ""},
    ]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([], "lists no picture"),
        ([Sample("a", Path()), Sample("a", Path())], "picture 'a' is listed twice"),
        ([Sample("a", Path(), species="")], "species ''"),
        ([Sample("a", Path(), species="bona-fide")], "species 'bona-fide'"),
        ([Sample("a", Path(), species=" ")], "species ' '"),
        ([Sample("a", Path(), clip="c\0")], "a NUL character"),
        ([Sample("a", Path(), facts={"box": "1"})], "fact 'box' has the name of a column"),
        ([Sample("\udcff", Path())], "is no text in UTF-8; rename the picture"),
    ],
)
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, samples: list[Sample], words: str) -> None:
    """An error, and the file that was there before stays."""
    path = tmp_path / "index.csv"
    path.write_text("before")
    index = Index(path, tuple(replace(sample, folder=tmp_path) for sample in samples), labelled=True, boxed=False)
    with pytest.raises(IndexFileError) as caught:
        index.write(path)
    assert words in str(caught.value)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told(write: Write, tmp_path: Path) -> None:
    """In one line, with the path."""
    with pytest.raises(LivegateError, match=r"nowhere/index.csv cannot be written: No such file"):
        Index.read(write(FULL)).write(tmp_path / "nowhere" / "index.csv")


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=8).filter(
    lambda name: name not in {".", ".."}
)
SPECIES = TEXTS.filter(lambda text: text.strip() not in {"", "bona-fide"})
PIXELS = st.floats(-1e6, 1e6)
SIZES = st.floats(1e-3, 1e6)
FACTS = st.sampled_from([("age",), ("age", "camera, old\r\n"), (), ("",)])


@st.composite
def indexes(draw: st.DrawFn) -> tuple[list[Sample], bool, bool]:
    """Samples in a folder that is not yet known, labelled or not, boxed or not."""
    labelled, boxed, facts = draw(st.booleans()), draw(st.booleans()), draw(FACTS)
    landmarks = st.tuples(*[st.tuples(PIXELS, PIXELS)] * 5)
    samples = [
        Sample(
            name,
            Path(),
            draw(st.none() | SPECIES) if labelled else None,
            *(draw(TEXTS) for _ in range(4)),
            box=draw(st.none() | st.builds(Box, PIXELS, PIXELS, SIZES, SIZES)) if boxed else None,
            landmarks=draw(st.none() | landmarks),
            facts={name: draw(TEXTS) for name in facts},
        )
        for name in draw(st.lists(NAMES, min_size=1, max_size=5, unique=True))
    ]
    return samples, labelled, boxed


@settings(max_examples=60, deadline=None)
@given(indexes())
def test_reading_gives_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, drawn: tuple[list[Sample], bool, bool]
) -> None:
    """Whatever is in it: quotes, line ends, numbers to the last bit."""
    folder = tmp_path_factory.getbasetemp()
    samples, labelled, boxed = drawn
    placed = tuple(replace(sample, folder=folder) for sample in samples)
    index = Index(folder / "index.csv", placed, labelled=labelled, boxed=boxed)
    assert index.write(index.path) == index
    assert Index.read(index.path) == index


def test_an_absolute_way_to_a_picture_stays(write: Write, tmp_path: Path) -> None:
    """From wherever the index lies."""
    index = Index.read(write(f"path,species\n{tmp_path}/a.png,\n"))
    (tmp_path / "other").mkdir()
    written = index.write(tmp_path / "other" / "index.csv")
    assert written == Index.read(written.path)
    assert written.samples[0].path == tmp_path / "a.png"


# ------------------------------------------------------------------------------------------------------------- many rows


def test_many_rows_are_read_and_the_collector_is_back(tmp_path: Path) -> None:
    """Rows that say the same of a picture share it, and reading leaves the interpreter as it was."""
    path = tmp_path / "index.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "split", "box", "light"])
        rows.writerows([f"{number}.png", "train", f"{number} 0 2 2", str(number % 3)] for number in range(2000))
    index = Index.read(path)
    assert len(index.samples) == 2000
    assert [sample.box and sample.box.x for sample in index.samples] == list(range(2000))
    assert len({id(sample.facts) for sample in index.samples}) == 3
    assert gc.isenabled()
    path.write_text("path,box\n1,x\n")
    with pytest.raises(IndexFileError):
        Index.read(path)
    assert gc.isenabled()


def test_nul_and_blank_species_are_refused(write: Write) -> None:
    """Neither is text that a score file could carry, and scoring takes hours."""
    assert faults(write("path,species\na.png,\nb.p\0ng,print\n")) == ("is no sound CSV file (it holds a NUL character)",)
    assert "line 2: the species is made of blanks" in faults(write("path,species\na.png, \n"))[0]
