"""What is made for one machine and can be made again, in the user's cache folder.

The folder is the user's alone, and a file that is not what was written into it is not read: it begins with the SHA-256 of the rest.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from contextlib import suppress
from pathlib import Path

from livegate.errors import LivegateError
from livegate.files import whole

MAX_BYTES = 512 * 1024 * 1024
"""Of all files together; the ones that were not used for longest go first."""
DIGEST_BYTES = 32


def folder() -> Path:
    """Where the files are: ``$XDG_CACHE_HOME/livegate/models``, made if it is not there.

    Raises:
        LivegateError: if it is not the user's own, or others may enter it.
        OSError: if it cannot be made.
    """
    place = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livegate" / "models"
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.mkdir(mode=0o700, exist_ok=True)
    for own, forbidden in ((place.parent, 0o022), (place, 0o077)):
        status = own.lstat()
        if not stat.S_ISDIR(status.st_mode) or _foreign(status) or (os.name == "posix" and status.st_mode & forbidden):
            raise LivegateError(f"the cache folder {own} is not yours alone; make it so with chmod 700, or remove it")
    return place


def key(*parts: str | bytes) -> str:
    """The name of what was made of these parts on this machine: another part, processor or system gives another one."""
    digest = hashlib.sha256()
    for part in (*parts, platform.machine(), platform.system(), _processor()):
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()


def get(name: str) -> bytes | None:
    """What was put there under that name; None where there is nothing, or it is not what was put there.

    Raises:
        LivegateError: if the folder is not the user's own.
        OSError: if it cannot be made.
    """
    path = folder() / name
    try:
        with open(path, "rb", opener=_not_through_links) as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or _foreign(status) or status.st_size > MAX_BYTES:
                return None
            digest, data = file.read(DIGEST_BYTES), file.read()
    except OSError:
        return None
    if hashlib.sha256(data).digest() != digest:
        return None
    with suppress(OSError):
        os.utime(path)
    return data


def put(name: str, data: bytes) -> None:
    """Keep bytes under a name; a reader sees all of them or none.

    Raises:
        LivegateError: if the folder is not the user's own.
        OSError: if they cannot be written.
    """
    place = folder()
    with whole(place / name, 0o600) as file:
        file.write(hashlib.sha256(data).digest() + data)
    _bound(place)


def _bound(place: Path) -> None:
    """Remove the files that were not used for longest, until the rest is small enough; what others remove meanwhile is gone, too."""
    total = 0
    files = []
    for path in place.iterdir():
        with suppress(OSError):
            status = path.lstat()
            files.append((status.st_mtime, status.st_size, path))
    for _, size, path in sorted(files, reverse=True):
        total += size
        if total > MAX_BYTES:
            with suppress(OSError):
                path.unlink()


def _not_through_links(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0))


def _foreign(status: os.stat_result) -> bool:
    return hasattr(os, "getuid") and status.st_uid != os.getuid()


def _processor() -> str:
    """What the processor can do, as the system tells it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines():
            if line.startswith(("flags", "Features")):
                return line
    return platform.processor()
