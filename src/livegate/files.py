"""Files: written whole or not at all, and what is often wrong with one that is read."""

from __future__ import annotations

import errno
import io
import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from livegate.errors import LivegateError

if sys.platform != "win32":
    import fcntl

Identity = tuple[int, int]
"""Of a file: its device, and its number there."""
NAME = r"^\w[\w.-]*$"
"""What a folder may be called that is named by a file: it leads to no other place."""
LOCK = ".lock"
"""An empty file of a folder that one process at a time writes to; of another file, which is replaced on the way, a lock would be lost."""
_OWN = Path("/proc/self/fd")
"""The files that this process has open, where Linux lists them."""
_SIGNS = {";": "semicolons", "\t": "tabs", "|": "bars"}


def require_other(path: Path, *read: Path) -> None:
    """Check that a file that will be written is none of those that are read.

    Raises:
        LivegateError: if it is.
    """
    if path.exists():  # else there is nothing to destroy, and of half a million pictures none need be looked at
        require_none_of(path, identities(read))


def require_place(path: Path) -> None:
    """Check, before hours of work, that a file can be written there: its folder exists, and it is none itself.

    Raises:
        LivegateError: if not.
    """
    if not path.parent.is_dir():
        raise LivegateError(f"{path} cannot be written: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise LivegateError(f"{path} cannot be written: it is a folder; give the name of a file")


def identities(paths: Iterable[Path]) -> frozenset[Identity]:
    """Which files these are, by whatever name or link; of those that are not there, nothing."""
    found = set()
    for path in paths:
        with suppress(OSError, ValueError):
            status = path.stat()
            found.add((status.st_dev, status.st_ino))
    return frozenset(found)


def require_none_of(path: Path, read: frozenset[Identity]) -> None:
    """Check the same as `require_other` against files that were looked at before, in a time that does not grow with their number.

    Raises:
        LivegateError: if it is one of them.
    """
    if identities([path]) & read:
        raise LivegateError(f"{path} is what is read; writing would destroy it: give another file")


def open_table(path: Path) -> TextIO:
    """Open a file of text, with or without a byte order mark, to read it.

    Raises:
        OSError: also for a pipe or a device: it may never end, and cannot be read twice.
    """
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError(errno.EINVAL, "it is a pipe or a device; give a file")
    return path.open(encoding="utf-8-sig", newline="")


def separator_fault(header: str) -> list[str]:
    """What is wrong with the first line of a CSV file whose cells are not separated by commas; nothing where they are."""
    if "," in header:
        return []
    found = [word for sign, word in _SIGNS.items() if sign in header]
    return [f"separates its cells by {found[0]}; save it with commas"] if found else []


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Whether a folder is this process's alone; always where the system has no locks, as on Windows and some file systems of clusters.

    The lock is the system's, so that it ends with the process, however that ends.

    Raises:
        OSError: when the folder cannot be written.
    """
    with (folder / LOCK).open("a") as file:
        yield _locked(file)


def _locked(file: TextIO) -> bool:
    if sys.platform != "win32":
        try:
            # Not flock: a loader's workers would inherit it, and outlive a killed run by seconds.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX leaves it to the system which of the two
            return False
        except OSError:
            return True
    return True


@contextmanager
def whole(path: Path, mode: int = 0o666) -> Iterator[BinaryIO]:
    """A new binary file that takes its name only once it is complete and on the disk; a failure leaves what was there before.

    Until then it has no name, or where the system has no such files, one of its own beside that: several may write one file at a time, and
    the last one stays.

    Args:
        path: the file.
        mode: who may do what with it, less what the user's mask forbids.

    Raises:
        OSError: when the folder or file cannot be written.
    """
    part = path.parent / f".{path.name[:40]}.{secrets.token_hex(8)}.part"
    try:
        with _nameless(path.parent, mode) or _named(part, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not os.fstat(file.fileno()).st_nlink:
                _name(file.fileno(), part)
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink()


def _nameless(folder: Path, mode: int) -> BinaryIO | None:
    """A file of which nothing is left when the process is killed; None where there are none."""
    if not (hasattr(os, "O_TMPFILE") and _OWN.is_dir()):
        return None
    try:
        return os.fdopen(os.open(folder, os.O_TMPFILE | os.O_WRONLY, mode), "wb")
    except OSError:
        return None  # not every file system has them; what else is wrong with the folder is told when a name is tried


def _name(descriptor: int, path: Path) -> None:
    """Give an open file without a name one."""
    # With a folder given, which an absolute path has no use for, Python lets the system follow the link to the file.
    os.link(_OWN / str(descriptor), path, src_dir_fd=descriptor)


def _named(path: Path, mode: int) -> BinaryIO:
    return open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode))


@contextmanager
def replacing(path: str | Path) -> Iterator[TextIO]:
    """A text file that takes its name only once it is complete; a failure leaves what was there before.

    Raises:
        LivegateError: when the folder or file cannot be written.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise LivegateError(f"{path} cannot be written: it is no regular file; give the name of one")
    try:
        with whole(path) as file:
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            yield text
            text.detach()
    except OSError as error:
        raise LivegateError(f"{path} cannot be written: {error.strerror or error}") from error


def write(path: Path, data: bytes, what: str) -> None:
    """Write a file whole or not at all; its folder is made if it is missing.

    Args:
        path: the file.
        data: its content.
        what: it is, for the message.

    Raises:
        LivegateError: when the folder or file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole(path) as file:
            file.write(data)
    except OSError as error:
        raise LivegateError(f"{what} {path} cannot be written ({error.strerror})") from None
