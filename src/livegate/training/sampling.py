"""What a step of training draws: which pictures, and which configuration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence, Sized

import numpy as np
from numpy.typing import NDArray

from livegate.configuration import Configuration
from livegate.sample import Sample

Group = tuple[str, bool]
"""A source, and whether bona fide."""


def draw_configuration(table: Mapping[str, float], rng: np.random.Generator) -> Configuration:
    """Draw one configuration for a whole batch.

    Args:
        table: the probability of each configuration; they add up to 1.
        rng: where chance comes from.
    """
    names = list(table)
    weights = np.array([table[name] for name in names])
    return Configuration.parse(names[rng.choice(len(names), p=weights / weights.sum())])


def shuffled(samples: Sized, rng: np.random.Generator) -> NDArray[np.int64]:
    """Every sample once, in random order: the epoch of the paper."""
    return rng.permutation(len(samples))


def balanced(samples: Sequence[Sample], shares: Mapping[str, float], rng: np.random.Generator) -> NDArray[np.int64]:
    """An epoch with as many attacks as bona fide from each source.

    A source that has only one of the two is paired with the other one drawn evenly from the sources that have it. Within a
    group no sample comes up again before all have come up.

    Args:
        samples: what to draw from; both labels must occur.
        shares: the share of a source among all draws; the others share the rest by their size.
        rng: where chance comes from.

    Returns:
        As many positions in ``samples`` as there are samples.
    """
    groups: defaultdict[Group, list[int]] = defaultdict(list)
    for position, sample in enumerate(samples):
        groups[sample.source, sample.bona_fide].append(position)
    drawn = [
        _repeated(np.array(groups[group]), number, rng)
        for group, number in _whole(group_shares(groups, shares), len(samples)).items()
    ]
    return rng.permutation(np.concatenate(drawn))


def alternating(order: NDArray[np.int64], samples: Sequence[Sample]) -> NDArray[np.int64]:
    """The same draws, bona fide and attacks in turn for as long as there are both: every batch of an even size is half and half."""
    bona_fide = np.array([samples[place].bona_fide for place in order])
    ranks = np.where(bona_fide, np.cumsum(bona_fide), np.cumsum(~bona_fide))
    return order[np.argsort(ranks, kind="stable")]


def group_shares(groups: Mapping[Group, Sequence[int]], shares: Mapping[str, float]) -> dict[Group, float]:
    """The share of each group (source, bona fide or not) among all draws; they add up to 1.

    Raises:
        ValueError: if a source in ``shares`` has no sample, or all samples have one label.
    """
    sizes: defaultdict[str, int] = defaultdict(int)
    for (source, _), members in groups.items():
        sizes[source] += len(members)
    unknown = sorted(set(shares) - set(sizes))
    if unknown:
        there = ", ".join(sorted(sizes))
        raise ValueError(
            f"shares name sources without samples: {', '.join(unknown)}; sources are {there}; leave the shares out with sampling.shares={{}}"
        )
    rest = sum(size for source, size in sizes.items() if source not in shares)
    left = 1 - sum(shares.values())
    result: defaultdict[Group, float] = defaultdict(float)
    for source, size in sizes.items():
        share = shares.get(source, left * size / rest if rest else 0.0)
        for bona_fide in (True, False):
            owners = [source] if (source, bona_fide) in groups else [name for name, label in groups if label is bona_fide]
            if not owners:
                raise ValueError(f"the training split has no {'bona fide' if bona_fide else 'attack'} sample")
            for owner in owners:
                result[owner, bona_fide] += share / 2 / len(owners)
    return dict(result)


def _whole(shares: Mapping[Group, float], total: int) -> dict[Group, int]:
    """Whole numbers in the proportion of the shares that add up to the total: the largest remainders are rounded up."""
    scale = total / sum(shares.values())
    numbers = {group: int(share * scale) for group, share in shares.items()}
    by_remainder = sorted(shares, key=lambda group: numbers[group] - shares[group] * scale)
    for group in by_remainder[: total - sum(numbers.values())]:
        numbers[group] += 1
    return numbers


def _repeated(members: NDArray[np.int64], number: int, rng: np.random.Generator) -> NDArray[np.int64]:
    rounds = [rng.permutation(members) for _ in range(-(-number // len(members)))]
    return np.concatenate(rounds)[:number] if rounds else members[:0]
