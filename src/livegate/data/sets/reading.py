"""What all readers share: the files below a folder, the text of a list, and what should be there."""

from __future__ import annotations

import os
from pathlib import Path

from livegate.errors import DataSetError

MAX_LIST_BYTES = 64 * 1024 * 1024


def expected(layout: str) -> list[str]:
    """What should be there, a line of the layout each."""
    return [f"expected: {line.strip()}" for line in layout.splitlines()]


def below(root: Path, folder: str) -> list[str]:
    """The files of a folder and of those in it, sorted: paths below the root, with forward slashes. Links are not followed.

    Raises:
        DataSetError: if a folder cannot be listed.
    """

    def refuse(error: OSError) -> None:
        raise DataSetError(root, [f"cannot be listed ({error.strerror}: {error.filename!a}); check its permissions"])

    places = os.walk(root / folder, onerror=refuse)
    return sorted(Path(place, name).relative_to(root).as_posix() for place, _, files in places for name in files)


def text(path: Path, limit: int = MAX_LIST_BYTES, layout: str = "") -> str:
    """The text of a list that comes with a set.

    Args:
        path: the list.
        limit: its most bytes.
        layout: what should be there, for the error.

    Raises:
        DataSetError: if it is missing, too long or no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise DataSetError(path, [f"is no list of this set: it has more than {limit:,} bytes"])
        return data.decode("utf-8-sig")
    except OSError as error:
        raise DataSetError(path, [f"cannot be read ({error.strerror})", *expected(layout)]) from None
    except UnicodeDecodeError:
        raise DataSetError(path, ["is no list of this set: it is not text in UTF-8"]) from None
