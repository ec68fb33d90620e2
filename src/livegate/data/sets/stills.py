"""What the readers of picture sets share: finding pictures, trusting no list, and counting whatever is odd."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from livegate.errors import FaultsError
from livegate.pictures import SUFFIXES
from livegate.sample import Sample

UNSPECIFIED = "unspecified"
"""The species of an attack when the set does not tell it."""
MAX_LIST_BYTES = 64 * 1024 * 1024
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
        FaultsError: if it is no folder.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise FaultsError(path, ["is no folder; give the folder that holds the data set"])
        self.path, self.faults, self.notes = path, Tally(), Tally()
        self._text, self._real = str(path), os.path.realpath(path)
        self._folders: dict[str, bool] = {}
        self._named: set[str] = set()

    def require(self, names: Sequence[str], layout: str) -> None:
        """Check that these files and folders are there.

        Raises:
            FaultsError: with all that are missing, and what was expected.
        """
        if missing := [f"has no {name}" for name in names if not (self.path / name).exists()]:
            raise FaultsError(self.path, [*missing, *expected(layout)])

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
            FaultsError: with all faults.
        """
        faults = self.faults.sentences() or (() if samples else ("holds no picture of this set", *self.notes.sentences()))
        if faults:
            raise FaultsError(self.path, faults)

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


def expected(layout: str) -> list[str]:
    """What should be there, a line of the layout each."""
    return [f"expected: {line.strip()}" for line in layout.splitlines()]


def below(root: Path, folder: str) -> list[str]:
    """The files of a folder and of those in it, sorted: paths below the root, with forward slashes. Links are not followed.

    Raises:
        FaultsError: if a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise FaultsError(root, [f"cannot be listed ({error.strerror}: {error.filename!a}); check its permissions"])

    places = os.walk(root / folder, onerror=refuse)
    return sorted(Path(place, name).relative_to(root).as_posix() for place, _, files in places for name in files)


def is_picture(name: str) -> bool:
    """Whether the name of a file is that of a picture."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - half a million names


def text(path: Path, limit: int = MAX_LIST_BYTES) -> str:
    """The text of a list that comes with a set.

    Raises:
        FaultsError: if it is missing, too long or no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise FaultsError(path, [f"is no list of pictures: it has more than {limit:,} bytes"])
        return data.decode("utf-8-sig")
    except OSError as error:
        raise FaultsError(path, [f"cannot be read ({error.strerror})"]) from None
    except UnicodeDecodeError:
        raise FaultsError(path, ["is no list of pictures: it is not text in UTF-8"]) from None
