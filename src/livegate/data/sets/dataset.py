"""What every data set says of itself, and what its reader gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from livegate.sample import Sample

Counts = Mapping[tuple[str, bool], int]
"""(split, bona fide) → presentations: pictures of a set of pictures, videos of a set of videos."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a reader found on the disk.

    Attributes:
        samples: in an order that does not depend on the disk. ``path`` is a picture, or a video in a set of videos; ``name`` is the
            path below the root of the set, with forward slashes.
        boxed: whether the set brings face boxes; then a sample without one means its whole picture.
        notes: what was left out or looked odd, counted, one sentence each.
    """

    samples: tuple[Sample, ...]
    boxed: bool = False
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[tuple[str, bool], int]:
        """How many presentations there are of each (split, bona fide)."""
        return dict(Counter((sample.split, sample.bona_fide) for sample in self.samples))


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set of presentation attack detection.

    Attributes:
        name: as the command line says it, such as replay-attack.
        title: as its paper says it.
        description: two or three sentences: who was captured with what, which attacks.
        citation: authors, title, where, year.
        licence: in a few words; none of these sets may be passed on.
        request: where to ask for it.
        layout: the folders and files that the reader looks for, as a small tree.
        protocols: name → what it is; the first is the default.
        read: (root folder, protocol) → `Listing`.
        expected: protocol → counts that were published; checked, never assumed.
        video: whether its samples are videos, to be sampled to frames.
    """

    name: str
    title: str
    description: str
    citation: str
    licence: str
    request: str
    layout: str
    protocols: Mapping[str, str]
    read: Callable[[Path, str], Listing]
    expected: Mapping[str, Counts] = field(default_factory=dict)
    video: bool = False
