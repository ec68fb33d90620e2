"""What the readers of picture sets share: trusting no list, and counting whatever is odd."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from livegate.data.sets.reading import expected
from livegate.errors import DataSetError
from livegate.pictures import SUFFIXES
from livegate.sample import Sample

UNSPECIFIED = "unspecified"
"""The species of an attack when the set does not tell it."""
_SHOWN = 200


class Tally:
    """How often each oddity was met, with its first case: a million cases take no more room than one."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, str]] = {}

    def add(self, what: str, case: str) -> None:
        """Count a case; ``what`` reads on from a number, such as "pictures without a face"."""
        times, first = self._found.get(what, (0, case))
        self._found[what] = times + 1, first

    def sentences(self) -> tuple[str, ...]:
        """One for each oddity, in the order in which they were first met."""
        # A name is shown as Python writes it: it may hold line breaks, or bytes that are no text.
        return tuple(f"{times:,} {what}, such as {first[:_SHOWN]!a}" for what, (times, first) in self._found.items())


class Root:
    """The folder of a data set, and what is odd about it: faults, for which it is refused, and notes.

    Attributes:
        path: the folder.
        faults: raised together by `require_sound`.
        notes: for the listing.

    Raises:
        DataSetError: if it is no folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise DataSetError(path, ["is no folder; give the folder that holds the data set"])
        self.path, self.faults, self.notes = path, Tally(), Tally()
        self._text, self._real = str(path), os.path.realpath(path)
        self._folders: dict[str, bool] = {}
        self._named: set[str] = set()

    def require(self, names: Sequence[str], layout: str) -> None:
        """Check that these files and folders are there.

        Raises:
            DataSetError: with all that are missing, and what was expected.
        """
        if missing := [f"has no {name}" for name in names if not (self.path / name).exists()]:
            raise DataSetError(self.path, [*missing, *expected(layout)])

    def admits(self, name: str) -> bool:
        """Whether a list may name this file: once, inside the folder, and there. If not, it is counted, as a note if it is missing."""
        if name in self._named:
            self.faults.add("picture(s) are listed twice", name)
            return False
        self._named.add(name)
        try:
            inside = self._inside(name)
        except (OSError, ValueError):
            self.notes.add("picture(s) are listed but not there", name)
            return False
        if not inside:
            self.faults.add("listed name(s) lead out of the folder", name)
        return inside

    def require_sound(self, samples: Sequence[Sample]) -> None:
        """Check that there were no faults and that something was found.

        Raises:
            DataSetError: with all faults.
        """
        faults = self.faults.sentences() or (() if samples else ("holds no picture of this set", *self.notes.sentences()))
        if faults:
            raise DataSetError(self.path, faults)

    def _inside(self, name: str) -> bool:
        """Whether a name leads to a file in the folder; an error if it leads to none."""
        folder = name.rpartition("/")[0]
        if folder not in self._folders:
            self._folders[folder] = self._holds(folder)
        if not self._folders[folder] or name.startswith("/") or ".." in name.split("/"):
            return False
        path = f"{self._text}/{name}"
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            return True
        os.stat(path)  # noqa: PTH116 - half a million names
        return self._holds(name)

    def _holds(self, name: str) -> bool:
        real = os.path.realpath(self.path / name)
        return real == self._real or real.startswith(self._real.rstrip(os.sep) + os.sep)


def is_picture(name: str) -> bool:
    """Whether the name of a file is that of a picture."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - half a million names
