"""The folder of a run belongs to one run at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from livegate.errors import RecipeError

if sys.platform != "win32":
    import fcntl

LOCK = ".lock"
"""An empty file; what a run writes of its own is replaced on the way, and a lock on it would be lost."""


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """The folder for this process alone, where the system has locks (Windows is left out). The lock is the system's, so that it ends with the process, however that ends.

    Raises:
        RecipeError: if another process has it.
    """
    with (folder / LOCK).open("a") as file:
        if sys.platform != "win32":
            try:
                # Not flock: the loader's workers would inherit it, and outlive a killed run by seconds.
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                fault = "another training is writing to it; wait until that one has ended, or choose another folder with --out"
                raise RecipeError(folder, [fault]) from None
            except OSError:
                pass  # a file system without locks, as clusters may have
        yield
