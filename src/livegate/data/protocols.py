"""Protocols: which pictures train, which set the threshold (dev), and which are tested.

Every function is pure, and where a picture goes depends on what the index says of it and never on the order of its rows. A subject
is known by source and name together: the same name in another source is another person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from livegate.data.index import Index
from livegate.errors import IndexFileError
from livegate.sample import Sample, Split


class By(StrEnum):
    """What dev is drawn from."""

    SUBJECT = "subject"
    PICTURE = "picture"


DEV_SHARE = 0.2
SPLITS = tuple(Split)
TRAINING = (Split.TRAIN, Split.DEV)


def intra(index: Index) -> Index:
    """Train, dev and test as the index has them; rows of no split are left out.

    Promises that each split has bona fide presentations and attacks. Whether they show other people is the index's matter:
    ``Index.shared_subjects`` tells.

    Raises:
        IndexFileError: if a split is missing or has one class only.
    """
    return _checked(index, index.samples, SPLITS)


def cross(train: Index, test: Index, *, whole: bool = False) -> Index:
    """Train and dev of one index, test of another: on other cameras, people and instruments.

    Promises that no subject of train or dev is in test, where both indexes name the same source, and no picture either.

    Args:
        train: its rows of train and dev are taken.
        test: its rows of test are taken.
        whole: take all rows of ``test``, whatever split they have.

    Returns:
        The index, named from the place of ``train``.

    Raises:
        IndexFileError: if a split is missing or has one class only, if something is on both sides, or if only one index has boxes.
    """
    return _held_out([train], test if whole else test.split(Split.TEST))


def leave_one_out(indexes: Sequence[Index]) -> Mapping[str, Index]:
    """Each index in turn is the test, all its rows; the others give train and dev. Rows of test of the others stay out.

    Promises the same as `cross`, for every round.

    Args:
        indexes: at least two.

    Returns:
        The rounds, by the source of the index that is held out; an index of several sources is named by all of them, one of
        none by its file. Each is named from the place of the first index that trains.

    Raises:
        IndexFileError: as for `cross`, or if there are fewer than two indexes or two of one name.
    """
    names = [_name(index) for index in indexes]
    if len(names) < 2 or len(set(names)) < len(names):
        where = ", ".join(str(index.path) for index in indexes)
        raise IndexFileError(where, [f"needs two indexes or more, each of another source; got {', '.join(names) or 'none'}"])
    return {
        name: _held_out([other for other in indexes if other is not index], index)
        for name, index in zip(names, indexes, strict=True)
    }


def leave_one_species_out(index: Index) -> Mapping[str, Index]:
    """Each species of test in turn is unknown before the test: how well does it do against what it has not seen?

    Promises that train and dev have no attack of that species, and that test has no other. Bona fide presentations and the splits
    stay as they are. A species that test does not have is trained on in every round.

    Returns:
        The rounds, by species, sorted.

    Raises:
        IndexFileError: if test has no attack, or a split of a round is missing or has one class only.
    """
    index.require_labels()
    species = sorted({sample.species for sample in index.split(Split.TEST).samples if sample.species})
    if not species:
        raise IndexFileError(index.path, ["has no attack in test"])

    def stays(sample: Sample, held_out: str) -> bool:
        return sample.bona_fide or (sample.species == held_out) == (sample.split == Split.TEST)

    return {name: _checked(index, (one for one in index.samples if stays(one, name)), SPLITS) for name in species}


def resplit(index: Index, by: By, share: float = DEV_SHARE, seed: int = 0) -> Index:
    """Join train and dev, and carve dev out anew; test stays as it is.

    By subject it promises that nobody is in train and dev. By picture it promises no such thing: it is the split of papers that
    draw pictures at random, and shows how much better dev looks when the network has seen its people.

    Raises:
        IndexFileError: where `carve` fails, or if train or dev then has one class only.
    """
    joined = [replace(sample, split=Split.TRAIN) if sample.split in TRAINING else sample for sample in index.samples]
    try:
        carved = carve(joined, by, share, seed)
    except ValueError as error:
        raise IndexFileError(index.path, [str(error)]) from None
    return _checked(index, carved, TRAINING)


def carve(samples: Sequence[Sample], by: By, share: float = DEV_SHARE, seed: int = 0) -> tuple[Sample, ...]:
    """Turn part of train into dev: that share of its subjects, or of its pictures, drawn at random.

    Args:
        samples: those of other splits stay as they are.
        by: what is drawn.
        share: how much of it, above 0 and below 1; at least one is drawn and one is left.
        seed: another seed, another draw.

    Raises:
        ValueError: if the share is out of range, there are fewer than two to draw from, or a subject is not known.
    """
    if not 0 < share < 1:
        raise ValueError(f"the share of dev must lie between 0 and 1, got {share:g}")
    unknown = sum(sample.split == Split.TRAIN and not sample.subject for sample in samples)
    if by is By.SUBJECT and unknown:
        raise ValueError(f"{unknown:,} pictures of train have no subject; carve dev by picture, or name who is shown")
    units = [_unit(sample, by) if sample.split == Split.TRAIN else "" for sample in samples]
    drawn = sorted(set(units) - {""}, key=lambda unit: hashlib.blake2b(_bytes(f"{seed}\0{unit}")).digest())
    if len(drawn) < 2:
        raise ValueError(f"train has {len(drawn)} {by}(s); dev cannot be carved out of fewer than 2")
    dev = set(drawn[: min(max(round(share * len(drawn)), 1), len(drawn) - 1)])
    return tuple(
        replace(sample, split=Split.DEV) if unit in dev else sample for sample, unit in zip(samples, units, strict=True)
    )


def _unit(sample: Sample, by: By) -> str:
    return f"{sample.source}\0{sample.subject}" if by is By.SUBJECT else sample.name


def _bytes(text: str) -> bytes:
    # Names of files may hold bytes that are no text.
    return text.encode("utf-8", "surrogateescape")


def _name(index: Index) -> str:
    return "+".join(sorted({sample.source for sample in index.samples if sample.source})) or index.path.stem


def _held_out(training: Sequence[Index], test: Index) -> Index:
    """Train and dev of some indexes and all rows of another as test."""
    first = training[0]
    for index in (*training, test):
        index.require_labels()
        if index.boxed != first.boxed:
            bare, other = (first, index) if index.boxed else (index, first)
            raise IndexFileError(bare.path, [f"has no face boxes, and {other.path} has; find the faces of both or of none"])
    known = [one for index in training for one in index.moved(first.path).samples if one.split in TRAINING]
    unseen = [replace(one, split=Split.TEST) for one in test.moved(first.path).samples]
    _require_apart(known, unseen, test.path)
    return _checked(first, (*known, *unseen), TRAINING)


def _require_apart(known: Sequence[Sample], unseen: Sequence[Sample], path: Path) -> None:
    people, pictures = {(one.source, one.subject) for one in known if one.subject}, {one.name for one in known}
    faults = []
    if shared := sorted({one.subject for one in unseen if (one.source, one.subject) in people}):
        faults.append(f"{len(shared):,} of its subjects train or set the threshold, too, such as {shared[0]!r}")
    if same := [one.name for one in unseen if one.name in pictures]:
        faults.append(f"{len(same):,} of its pictures train or set the threshold, too, such as {same[0]!r}")
    if faults:
        raise IndexFileError(path, faults)


def _checked(index: Index, samples: Iterable[Sample], both: Iterable[Split]) -> Index:
    """An index of these samples that are in a split; some splits need both classes."""
    index.require_labels()
    chosen = tuple(sample for sample in samples if sample.split in SPLITS)
    found = {(sample.split, sample.bona_fide) for sample in chosen}
    faults = [
        f"would have no {'bona fide presentation' if bona_fide else 'attack'} in {split}"
        for split in both
        for bona_fide in (True, False)
        if (split, bona_fide) not in found
    ]
    if faults:
        raise IndexFileError(index.path, faults)
    return replace(index, samples=chosen)
