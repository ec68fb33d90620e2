"""What the readers of video sets share: finding videos by name or by list, and a word on whatever does not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from livegate.data.sets.dataset import Counts, Listing
from livegate.data.sets.reading import below, expected, text
from livegate.errors import DataSetError
from livegate.pictures import VIDEO_SUFFIXES
from livegate.sample import Sample, Split

FIRST_FRAMES = "first_frames"
"""The fact of a video of which a protocol grants only so many frames from its start."""
MAX_LIST_BYTES = 4 * 1024 * 1024


def named(
    root: Path, folders: Sequence[str], pattern: re.Pattern[str], layout: str
) -> tuple[list[re.Match[str]], tuple[str, ...]]:
    """The videos of a set, by name.

    Args:
        root: where the set lies.
        folders: those below it that are walked; "." for all. Links to folders are not followed.
        pattern: of the whole path below the root, with forward slashes.
        layout: what should be there, for the error.

    Returns:
        A match for each video in the order of the names; ``match.string`` is the name. And a note if other videos lie there.

    Raises:
        DataSetError: if the root is no folder, a folder cannot be listed, or no video is named as the pattern wants it.
    """
    if not root.is_dir():
        raise DataSetError(root, ["is no folder; give the folder that holds the data set"])
    names = sorted(name for folder in folders if (root / folder).is_dir() for name in below(root, folder) if _is_video(name))
    matches = [match for match in map(pattern.fullmatch, names) if match]
    if not matches:
        raise DataSetError(root, ["holds no video of this set", *expected(layout)])
    known = {match.string for match in matches}
    return matches, _left_out("have names that are not of this set", [name for name in names if name not in known])


def lines(path: Path, layout: str) -> list[str]:
    """The lines of a list that comes with a set: each once, in order, no blank ones.

    Raises:
        DataSetError: if it is missing, too long or no text.
    """
    content = text(path, MAX_LIST_BYTES, layout).splitlines()
    return list(dict.fromkeys(line.strip() for line in content if line.strip()))


def listed(root: Path, rows: Iterable[tuple[str, Sample | None]], layout: str) -> Listing:
    """The samples of a list whose videos are there; the rest is counted in notes.

    Args:
        root: where the set lies.
        rows: each line of the list and the sample that it tells; None if it tells none. A video counts where it stands first.
        layout: what should be there, for the error.

    Raises:
        DataSetError: if no listed video is there.
    """
    samples: dict[str, Sample] = {}
    strange: list[str] = []
    missing: list[str] = []
    for line, sample in rows:
        if sample is None or sample.name in samples:
            strange.append(line)
        elif sample.path.is_file():
            samples[sample.name] = sample
        else:
            missing.append(sample.name)
    if not samples:
        raise DataSetError(root, ["holds none of the videos that its lists name", *expected(layout)])
    notes = _left_out("are listed but not there", missing) + _left_out("stand in a line that does not fit the list", strange)
    return Listing(tuple(samples.values()), notes=notes)


def counts(train: tuple[int, int], dev: tuple[int, int], test: tuple[int, int]) -> Counts:
    """Published counts, each split's as (bona fide, attacks)."""
    parts = zip(Split, (train, dev, test), strict=True)
    return {(split, bona_fide): numbers[not bona_fide] for split, numbers in parts for bona_fide in (True, False)}


def _left_out(why: str, names: Sequence[str]) -> tuple[str, ...]:
    # A name is shown as Python writes it: it may hold line breaks, or bytes that are no text.
    return (f"{len(names)} video(s) left out that {why}, such as {names[0][:200]!a}",) if names else ()


def _is_video(name: str) -> bool:
    return Path(name).suffix.lower() in VIDEO_SUFFIXES
