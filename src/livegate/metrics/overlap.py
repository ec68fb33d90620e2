"""What dev and test have in common, and should not: a threshold that has seen some of test makes its figures too good."""

from __future__ import annotations

from collections.abc import Iterator

from livegate.metrics.codes import factorise
from livegate.metrics.scores import Scores


def shared_subjects(dev: Scores, test: Scores) -> tuple[tuple[str, str], ...]:
    """The (source, subject) of each subject in both, sorted. The same name in another source is another person."""
    one, two = (set(zip(part.source.tolist(), part.subject.tolist(), strict=True)) for part in (dev, test))
    return tuple(sorted((source, subject) for source, subject in one & two if subject))


def shared_rows(dev: Scores, test: Scores) -> tuple[str, ...]:
    """The names of the rows that stand in both with the same source, configuration and score (or none), sorted.

    Two pictures may bear one name in two folders; with one score to the last bit they are one picture.
    """
    names = set(dev.names.tolist()) & set(test.names.tolist())
    one, two = (set(_rows(part, names)) for part in (dev, test))
    return tuple(sorted({name for name, *_ in one & two}))


def unseen_species(dev: Scores, test: Scores) -> tuple[str, ...]:
    """The species of test that dev has no row of, sorted: no threshold was set on them.

    Turned round it tells the species that test lacks, and that the report therefore says nothing about.
    """
    one, two = (set(factorise(part.species)[0]) for part in (dev, test))
    return tuple(sorted(two - one - {""}))


def _rows(scores: Scores, names: set[str]) -> Iterator[tuple[str, str, str, str]]:
    columns = (scores.names.tolist(), scores.source.tolist(), scores.configuration.tolist(), scores.values.tolist())
    for name, source, configuration, value in zip(*columns, strict=True):
        if name in names:
            yield name, source, configuration, repr(value)  # as text no response equals no response
