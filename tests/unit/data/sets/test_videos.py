"""What the readers of video sets promise together, and what they do with folders that nobody has vouched for."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from livegate.data.sets import casia_fasd, msu_mfsd, oulu_npu, replay_attack, rose_youtu, siw, wmca
from livegate.data.sets.dataset import DataSet
from livegate.data.sets.videos import counts, lines, named
from livegate.errors import DataSetError

SETS = [module.SET for module in (casia_fasd, msu_mfsd, oulu_npu, replay_attack, rose_youtu, siw, wmca)]
PATTERN = re.compile(r"(?P<who>[a-z])/[0-9]\.avi")


def test_there_are_seven_sets_of_videos() -> None:
    """Each with a name of its own, in the words of the command line."""
    assert len({data_set.name for data_set in SETS}) == 7
    assert all(re.fullmatch("[a-z-]+", data_set.name) and data_set.video for data_set in SETS)


@pytest.mark.parametrize("data_set", SETS, ids=lambda data_set: data_set.name)
def test_a_set_says_everything_of_itself(data_set: DataSet, tmp_path: Path) -> None:
    """Description, citation with a year, licence and where to ask; counts are of protocols that exist, of all three splits."""
    for text in (data_set.title, data_set.description, data_set.citation, data_set.licence, data_set.request, data_set.layout):
        assert text.strip() == text != ""
    assert re.search(r"\b20[12][0-9]$", data_set.citation)
    assert "may not be passed on" in data_set.licence
    assert re.search(r"https?://\S+$", data_set.request)
    assert data_set.protocols
    assert all(data_set.protocols.values())
    assert set(data_set.expected) <= set(data_set.protocols)
    for table in data_set.expected.values():
        assert set(table) == {(split, bona_fide) for split in ("train", "dev", "test") for bona_fide in (True, False)}


@pytest.mark.parametrize("data_set", SETS, ids=lambda data_set: data_set.name)
def test_an_empty_folder_and_none_are_told_apart_from_a_set(data_set: DataSet, tmp_path: Path) -> None:
    """One line that begins with what was looked at and says what is expected there, in every protocol."""
    for protocol in data_set.protocols:
        with pytest.raises(DataSetError) as caught:
            data_set.read(tmp_path, protocol)
        assert str(caught.value).startswith(str(tmp_path))
        assert f"expected: {data_set.layout.splitlines()[0].strip()}" in str(caught.value)
        assert "\n" not in str(caught.value)
    with pytest.raises(DataSetError):
        data_set.read(tmp_path / "none", next(iter(data_set.protocols)))


def test_the_order_is_that_of_the_names(plant: Callable[..., Path], tmp_path: Path) -> None:
    """Not that of the disk; other files and other folders are not looked at, and a note counts strange names."""
    plant(tmp_path, ["b/2.avi", "a/1.avi", "b/1.avi", "a/2.avi", "a/x.mov", "a/note.txt", "c/1.avi"])
    matches, notes = named(tmp_path, ("b", "a", "z"), PATTERN, "layout")
    assert [match.string for match in matches] == ["a/1.avi", "a/2.avi", "b/1.avi", "b/2.avi"]
    assert notes == ("1 video(s) left out that have names that are not of this set, such as 'a/x.mov'",)


def test_any_name_can_be_said(plant: Callable[..., Path], tmp_path: Path) -> None:
    """Line breaks, bytes that are no text and endless names become one short printable line; other digits are no digits."""
    strange = ["a/two\nlines.avi", os.fsdecode(b"a/\xff.avi"), "a/\u0661.avi", "a/" + "x" * 240 + ".avi"]
    plant(tmp_path, ["a/1.avi", *strange])
    matches, notes = named(tmp_path, (".",), PATTERN, "layout")
    assert [match.string for match in matches] == ["a/1.avi"]
    assert notes == ("4 video(s) left out that have names that are not of this set, such as 'a/two\\nlines.avi'",)
    for name in strange:
        (tmp_path / name).rename(tmp_path / "a" / "y.txt")
        note = named(tmp_path, (".",), PATTERN, "layout")[1]
        assert all(text.isprintable() and len(text) < 300 for text in note)


def test_a_folder_that_leads_round_in_circles_ends(plant: Callable[..., Path], tmp_path: Path) -> None:
    """Links to folders are not followed."""
    plant(tmp_path, ["a/1.avi"])
    (tmp_path / "a" / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(named(tmp_path, (".",), PATTERN, "layout")[0]) == 1


def test_a_folder_that_may_not_be_listed_is_an_error(
    plant: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a set is never taken for a whole one in silence."""
    plant(tmp_path, ["a/1.avi", "b/1.avi"])
    scan = os.scandir

    def refuse(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataSetError, match=r"cannot be listed \(Permission denied: '.*b'\); check its permissions"):
        named(tmp_path, (".",), PATTERN, "layout")


def test_lines_are_read_once_each(tmp_path: Path) -> None:
    """In order, without blanks, without the mark that some editors put first; a folder is no list."""
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf b \r\n\r\na\nb\n")
    assert lines(path, "layout") == ["b", "a"]
    with pytest.raises(DataSetError, match=r"cannot be read \(.*\); expected: layout"):
        lines(tmp_path, "layout")


def test_counts_are_by_split_and_kind() -> None:
    """Bona fide first."""
    assert counts((1, 2), (3, 4), (5, 6)) == {
        ("train", True): 1,
        ("train", False): 2,
        ("dev", True): 3,
        ("dev", False): 4,
        ("test", True): 5,
        ("test", False): 6,
    }
