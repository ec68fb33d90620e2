"""Files are written whole or not at all, however many write one of them."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any

import pytest

from livegate.errors import LivegateError
from livegate.files import LOCK, claimed, identities, replacing, require_none_of, require_other, whole, write

WRITERS: dict[str, tuple[Callable[[Path], AbstractContextManager[IO[Any]]], Any, Any]] = {
    "whole": (whole, b"one\r\n\xff", b"two"),
    "replacing": (replacing, "one\r\n\u00fc", "two"),
}
HOLDS = """
import os, sys, time
from pathlib import Path
from livegate.files import claimed

with claimed(Path(sys.argv[1])) as mine:
    worker = os.fork()
    if worker:
        print(mine, worker, flush=True)
    time.sleep(600)
"""
locks = pytest.mark.skipif(sys.platform == "win32", reason="nothing is locked there")
each = pytest.mark.parametrize(("opened", "one", "two"), WRITERS.values(), ids=WRITERS)


def content(path: Path, like: str | bytes) -> str | bytes:
    """What is in a file, as bytes or as text whose ends of lines are as they were written."""
    data = path.read_bytes()
    return data if isinstance(like, bytes) else data.decode()


@each
def test_a_file_takes_its_name_once_it_is_complete(tmp_path: Path, opened: Any, one: Any, two: Any) -> None:
    """Until then there is what was there before; afterwards nothing else lies beside it."""
    path = tmp_path / "file"
    with opened(path) as file:
        file.write(one)
        assert not path.exists()
    with opened(path) as file:
        file.write(two)
        assert content(path, one) == one
    assert content(path, two) == two
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="files without a name are Linux's")
def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    """However often a training is stopped the hard way, no part of its state stays beside it."""
    program = (
        "import os, signal, sys; from pathlib import Path; from livegate.files import whole\n"
        "with whole(Path(sys.argv[1])) as file:\n"
        "    file.write(bytes(10**6)); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path / "file")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


@each
def test_a_file_system_without_nameless_files_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Any, one: Any, two: Any
) -> None:
    """Then the part lies beside the file under a name of its own."""
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    with opened(tmp_path / "file") as file:
        file.write(one)
        assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    with opened(tmp_path / "file") as file:
        file.write(two)
    assert content(tmp_path / "file", two) == two
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@each
def test_a_failure_leaves_what_was_there_before(tmp_path: Path, opened: Any, one: Any, two: Any) -> None:
    """Whatever it is, it goes on to the caller, and no part of a file is left."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(TypeError), opened(path) as file:
        file.write(one + None)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@each
def test_two_that_write_one_file_at_a_time_do_not_meet(tmp_path: Path, opened: Any, one: Any, two: Any) -> None:
    """Within one process too: each writes its own part, and the last one that is complete stays."""
    path = tmp_path / "file"
    with opened(path) as first:
        first.write(one)
        with opened(path) as second:
            second.write(two)
        assert content(path, two) == two
    assert content(path, one) == one
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="there are no such modes")
def test_a_file_has_the_mode_that_any_new_file_has(tmp_path: Path) -> None:
    """Whom the user lets read new files may read these."""
    (tmp_path / "plain").touch()
    with whole(tmp_path / "file") as file:
        file.write(b"data")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_the_longest_name_will_do(tmp_path: Path) -> None:
    """The name of the part is no longer than a name may be where that of the file is not."""
    path = tmp_path / ("n" * 255)
    write(path, b"data", "list")
    assert path.read_bytes() == b"data"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    """A folder that is missing or a file, and a file that is a folder: one line, and nothing is left."""
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(LivegateError, match=r"a/b cannot be written: No such file or directory"), replacing(tmp_path / "a/b"):
        pass
    with pytest.raises(LivegateError, match="cannot be written: it is no regular file"), replacing(tmp_path):
        pass
    with pytest.raises(LivegateError, match=r"list .*file/b cannot be written \((File exists|Not a directory)\)"):
        write(tmp_path / "file" / "b", b"data", "list")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_folder_of_what_is_written_is_made(tmp_path: Path) -> None:
    """With those above it."""
    write(tmp_path / "a" / "b" / "c", b"data", "list")
    assert (tmp_path / "a" / "b" / "c").read_bytes() == b"data"


def test_what_is_read_is_known_by_any_name(tmp_path: Path) -> None:
    """A file, by another way to it, by a link, and by a second name; what is not there is nothing."""
    one, other, missing = tmp_path / "one", tmp_path / "other", tmp_path / "missing"
    for path in (one, other):
        path.touch()
    (tmp_path / "link").symlink_to(one)
    (tmp_path / "second").hardlink_to(one)
    read = identities([one, missing, tmp_path / "a\0b", tmp_path / ("n" * 300)])
    assert len(read) == 1
    for path in (one, tmp_path / "link", tmp_path / "second", tmp_path / "x" / ".." / "one"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(LivegateError, match="is what is read; writing would destroy it: give another file"):
            require_none_of(path, read)
        with pytest.raises(LivegateError, match="is what is read"):
            require_other(path, missing, one)
    require_none_of(other, read)
    require_none_of(missing, read)
    require_other(other, missing, one)


def test_many_files_that_are_read_are_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Afterwards a file that will be written costs one look, however many are read."""
    paths = [tmp_path / str(number) for number in range(50)]
    for path in paths:
        path.touch()
    looked: list[Path] = []
    stat_of = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **options: looked.append(path) or stat_of(path, **options))
    read = identities(paths[:40])
    assert looked == paths[:40]
    looked.clear()
    for path in paths[40:]:
        require_none_of(path, read)
    assert looked == paths[40:]


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the folder, and a worker of its own."""
    with subprocess.Popen([sys.executable, "-c", HOLDS, tmp_path], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            mine, worker = process.stdout.readline().split()
            assert mine == "True"
            yield process
            os.kill(int(worker), signal.SIGKILL)
        finally:
            process.kill()


@locks
def test_a_folder_is_one_process_s_alone_until_that_ends(holder: subprocess.Popen[str], tmp_path: Path) -> None:
    """At once when it is killed, though its worker has not noticed yet."""
    assert holder.poll() is None
    with claimed(tmp_path) as mine:
        assert not mine
    holder.kill()
    holder.wait()
    with claimed(tmp_path) as mine:
        assert mine
    assert [path.name for path in tmp_path.iterdir()] == [LOCK]


@locks
@pytest.mark.parametrize("fault", [errno.ENOLCK, errno.EAGAIN, errno.EACCES])
def test_a_file_system_without_locks_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int) -> None:
    """Some of clusters have none; of those that have, either of two faults means that another process holds it."""

    def refused(*_: object) -> None:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr("livegate.files.fcntl.lockf", refused)
    with claimed(tmp_path) as mine:
        assert mine == (fault == errno.ENOLCK)
