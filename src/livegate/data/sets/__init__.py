"""The data sets by name, one file each."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType

from livegate.data.sets import (
    casia_fasd,
    casia_surf,
    celeba_spoof,
    folder,
    lcc_fasd,
    msu_mfsd,
    nuaa,
    oulu_npu,
    replay_attack,
    rose_youtu,
    siw,
    wmca,
)
from livegate.data.sets.dataset import DataSet, Listing
from livegate.errors import LivegateError
from livegate.sample import Split

_MODULES = (
    casia_fasd,
    casia_surf,
    celeba_spoof,
    folder,
    lcc_fasd,
    msu_mfsd,
    nuaa,
    oulu_npu,
    replay_attack,
    rose_youtu,
    siw,
    wmca,
)
SETS: Mapping[str, DataSet] = MappingProxyType({module.SET.name: module.SET for module in _MODULES})
"""Sorted by name."""


def named(name: str) -> DataSet:
    """The data set of that name.

    Raises:
        LivegateError: if there is none; names the nearest ones.
    """
    if name not in SETS:
        near = get_close_matches(name, SETS)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(SETS)}"
        raise LivegateError(f"there is no data set {name!r}; {hint}")
    return SETS[name]


def against_published(data_set: DataSet, protocol: str, listing: Listing) -> dict[tuple[str, bool], tuple[int, int]]:
    """What was found and what was published, (split, bona fide) → (found, published); empty where nothing was published.

    A set that was published without dev has it carved out of train: found there counts as train.
    """
    published = data_set.expected.get(protocol, {})
    whole = not any(split == Split.DEV for split, _ in published)
    found = dict.fromkeys(published, 0)
    for (split, bona_fide), number in listing.counts().items():
        key = (Split.TRAIN if whole and split == Split.DEV else split, bona_fide)
        found[key] = found.get(key, 0) + number
    return {key: (number, published.get(key, 0)) for key, number in found.items()} if published else {}
