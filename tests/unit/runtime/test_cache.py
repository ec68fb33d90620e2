"""The cache gives back what was put into it, to its owner, or nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from livegate.errors import LivegateError
from livegate.runtime import cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's cache is in a folder of the test; gives where Livegate's files then are."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    return tmp_path / "xdg" / "livegate" / "models"


def test_what_is_put_is_got(folder: Path) -> None:
    """Byte for byte, also twice and after another; nothing but these files is left there, and all is the user's alone."""
    assert cache.get("a") is None
    cache.put("a", b"old")
    cache.put("b", b"")
    cache.put("a", b"new")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"new", b"", None)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"]
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "a")] == [0o700, 0o600]


@pytest.mark.parametrize("place", [0, 31, 32, -1])
def test_a_changed_file_is_not_read(folder: Path, place: int) -> None:
    """One byte of the digest or of the content, and it is as if it were not there."""
    cache.put("a", b"content")
    data = bytearray((folder / "a").read_bytes())
    data[place] ^= 1
    (folder / "a").write_bytes(data)
    assert cache.get("a") is None


def test_a_file_cut_short_is_not_read(folder: Path) -> None:
    """However little is left of it."""
    cache.put("a", b"content")
    for size in (38, 32, 10, 0):
        os.truncate(folder / "a", size)
        assert cache.get("a") is None


def test_a_link_or_a_folder_is_no_file(folder: Path, tmp_path: Path) -> None:
    """What somebody put in the place of a file is not followed."""
    cache.put("a", b"content")
    (folder / "a").rename(tmp_path / "elsewhere")
    (folder / "a").symlink_to(tmp_path / "elsewhere")
    (folder / "b").mkdir()
    assert (cache.get("a"), cache.get("b")) == (None, None)


@pytest.mark.parametrize("mode", [0o777, 0o750, 0o701])
def test_a_folder_that_others_may_enter_is_refused(folder: Path, mode: int) -> None:
    """Neither read nor written."""
    cache.put("a", b"content")
    folder.chmod(mode)
    for use in (lambda: cache.get("a"), lambda: cache.put("a", b"")):
        with pytest.raises(LivegateError, match="is not yours alone; make it so with chmod 700"):
            use()


def test_a_folder_above_it_that_others_may_write_is_refused(folder: Path) -> None:
    """Who can rename the folder can replace it; reading it is harmless."""
    cache.put("a", b"content")
    folder.parent.chmod(0o755)
    assert cache.get("a") == b"content"
    folder.parent.chmod(0o775)
    with pytest.raises(LivegateError, match="is not yours alone"):
        cache.get("a")


def test_a_folder_of_somebody_else_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when its rights are as they should be; and so is a link to one's own folder."""
    cache.put("a", b"content")
    owner = folder.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    with pytest.raises(LivegateError, match="is not yours alone"):
        cache.get("a")
    monkeypatch.undo()
    real = folder.rename(folder.with_name("real"))
    folder.symlink_to(real)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder.parent.parent))
    with pytest.raises(LivegateError, match="is not yours alone"):
        cache.get("a")


def test_what_was_not_used_for_longest_goes_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three files of 40 bytes in a cache of 100: using the oldest saves it."""
    for number, name in enumerate("abc"):
        if name == "c":
            monkeypatch.setattr(cache, "MAX_BYTES", 100)
            assert cache.get("a") == b"12345678"
        cache.put(name, b"12345678")
        for path in folder.iterdir():
            if path.name == name:
                os.utime(path, (number, number))
    assert sorted(path.name for path in folder.iterdir()) == ["a", "c"]


def test_a_failed_write_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a file nor a part beside it."""

    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    cache.put("a", b"old")
    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="the disk is full"):
        cache.put("a", b"new")
    assert [path.name for path in folder.iterdir()] == ["a"]
    assert cache.get("a") == b"old"


def test_the_key_names_what_was_made_and_where(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another part, another border between parts, or another processor is another key; the same is the same."""
    keys = [cache.key("a", b"b"), cache.key("a", b"c"), cache.key("ab"), cache.key("ab", b"")]
    assert len(set(keys)) == 4
    assert cache.key("a", b"b") == keys[0]
    monkeypatch.setattr(cache, "_processor", lambda: "another")
    assert cache.key("a", b"b") != keys[0]
