"""What readers of picture sets lean on: lists are bounded, names stay in the folder, oddities are counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livegate.data.sets.reading import below, text
from livegate.data.sets.stills import Root, Tally, is_picture
from livegate.errors import DataSetError


def test_oddities_are_counted_with_their_first_case() -> None:
    """In the order in which they were first met; a case is shown as Python writes it, and not for ever."""
    tally = Tally()
    for what, case in (("b", "first\nline"), ("a", "x" * 1000), ("b", "second")):
        tally.add(what, case)
    assert tally.sentences() == (r"2 b, such as 'first\nline'", f"1 a, such as '{'x' * 200}'")
    for _ in range(1500):
        tally.add("c", "\udcff")
    assert tally.sentences()[2] == r"1,500 c, such as '\udcff'"


def test_a_list_is_bounded(tmp_path: Path) -> None:
    """So many bytes and not one more; a mark at the beginning does not matter."""
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf1234567")
    assert text(path, 10) == "1234567"
    with pytest.raises(DataSetError, match="it has more than 9 bytes"):
        text(path, 9)
    with pytest.raises(DataSetError, match="cannot be read"):
        text(tmp_path, 9)


@pytest.mark.parametrize(
    ("name", "admitted"),
    [
        ("a/1.png", True),
        ("./a/1.png", True),
        ("inside/1.png", True),
        ("twin.png", True),
        ("../elsewhere/2.png", False),
        ("a/../1.png", False),
        ("outside/2.png", False),
        ("link.png", False),
        ("loop.png", False),
        ("{root}/a/1.png", False),
        ("missing.png", False),
        ("a\0b/1.png", False),
        ("x" * 5000, False),
    ],
)
def test_a_list_may_name_only_what_lies_inside(tmp_path: Path, name: str, *, admitted: bool) -> None:
    """Wherever links lead; and each file once."""
    root = tmp_path / "root"
    for path in (root / "a" / "1.png", root / "1.png", tmp_path / "elsewhere" / "2.png"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (root / "inside").symlink_to(root / "a")
    (root / "outside").symlink_to(tmp_path / "elsewhere")
    (root / "twin.png").symlink_to("a/1.png")
    (root / "link.png").symlink_to("../elsewhere/2.png")
    (root / "loop.png").symlink_to("loop.png")
    (tmp_path / "link").symlink_to(root)
    for folder in (root, tmp_path / "link"):
        base = Root(folder)
        asked = name.format(root=root)
        assert base.admits(asked) is admitted
        assert len(base.faults.sentences()) + len(base.notes.sentences()) == (not admitted)
        assert not base.admits(asked)
        assert base.faults.sentences()[-1].startswith("1 picture(s) are listed twice")


def test_files_below_are_sorted_and_links_not_followed(tmp_path: Path) -> None:
    """By their whole names, as the disk gives them in any order."""
    for name in ("b/2.png", "b/1.png", "a.txt"):
        (tmp_path / "part" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "part" / name).write_bytes(b"")
    (tmp_path / "part" / "again").symlink_to(tmp_path)
    assert below(tmp_path, "part") == ["part/a.txt", "part/b/1.png", "part/b/2.png"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    """Its pictures would silently be missing."""
    (tmp_path / "part" / "closed").mkdir(parents=True, mode=0)
    with pytest.raises(DataSetError, match="cannot be listed"):
        below(tmp_path, "part")


def test_pictures_are_known_by_their_suffix() -> None:
    """In small letters or large ones."""
    assert all(map(is_picture, ("a.jpg", "b/c.PNG", "d.e.webp")))
    assert not any(map(is_picture, ("a.txt", "jpg", ".jpg", "a.mp4", "a.jpg/b")))
