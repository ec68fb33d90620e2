"""The most similar are found: all of them compared up to a number, by sketches beyond; who is removed is gone from memory."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from livegate.templates.index import Index

Floats = NDArray[np.float32]


def names(count: int) -> list[bytes]:
    """So many ids of 16 bytes."""
    return [number.to_bytes(16, "little") for number in range(1, count + 1)]


def near(rows: Floats, cosine: float, seed: int = 9) -> Floats:
    """A probe at exactly this cosine to each row."""
    noise = np.random.default_rng(seed).standard_normal(rows.shape)
    noise -= (noise * rows).sum(1, keepdims=True) * rows
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return np.float32(cosine * rows + np.sqrt(1 - cosine**2) * noise)


def filled(rows: Floats, exact_up_to: int = 100_000) -> Index:
    index = Index(rows.shape[1], exact_up_to)
    index.add(names(len(rows)), rows)
    return index


def test_the_best_come_first_with_their_cosine(units) -> None:
    """The same subjects and, to float64, the same numbers as a plain product and sort."""
    rows, probe = units(0, 500), units(1, 1)[0]
    cosines = rows.astype(np.float64) @ probe.astype(np.float64)
    order = np.argsort(-cosines)[:7]

    found = filled(rows).search(probe, 7)

    assert [subject for subject, _ in found] == [names(500)[row] for row in order]
    np.testing.assert_allclose([similarity for _, similarity in found], cosines[order], atol=1e-6)
    assert all(isinstance(similarity, float) for _, similarity in found)


def test_a_subject_counts_once_with_its_nearest_template(units) -> None:
    """The maximum over the templates of a subject, and nobody is pushed out by another's many templates."""
    probe = units(1, 1)
    index = Index(64)
    index.add([b"a" * 16] * 32, near(np.repeat(probe, 32, axis=0), 0.9))
    index.add([b"b" * 16] * 2, np.vstack([near(probe, 0.1), near(probe, 0.8)]))
    index.add([b"c" * 16], near(probe, 0.7))

    found = index.search(probe[0], 3)

    assert [subject[:1] for subject, _ in found] == [b"a", b"b", b"c"]
    np.testing.assert_allclose([similarity for _, similarity in found], [0.9, 0.8, 0.7], atol=1e-6)


def test_there_may_be_fewer_than_are_asked_for(units) -> None:
    """Nobody in an empty index, everybody in a small one."""
    assert Index(64).search(units(1, 1)[0], 5) == []
    assert len(filled(units(0, 3)).search(units(1, 1)[0], 5)) == 3


@pytest.mark.parametrize("exact_up_to", [100_000, 100])
def test_who_is_removed_is_found_no_more_and_the_others_are(units, exact_up_to: int) -> None:
    """First, last and middle ones, several templates each, in any order; the answers are those of an index that never had them."""
    rows, probes = units(0, 300), units(1, 20)
    owners = [name for name in names(100) for _ in range(3)]
    index = Index(64, exact_up_to)
    index.add(owners, rows)
    gone = {names(100)[number] for number in (0, 99, 50, 51, 7)}

    for subject in gone:
        index.remove(subject)
        index.remove(subject)  # who is not there is no error

    kept = [place for place, owner in enumerate(owners) if owner not in gone]
    fresh = Index(64)
    fresh.add([owners[place] for place in kept], rows[kept])
    assert len(index) == len(fresh) == 285
    for probe in probes:
        (found,), (expected,) = index.search(probe, 1), fresh.search(probe, 1)
        if exact_up_to > 300:
            assert found == pytest.approx(expected)
        assert found[0] not in gone
    for place in kept:
        assert index.search(rows[place], 1)[0][0] == owners[place]


def test_a_removed_template_is_in_no_array(units) -> None:
    """Its numbers, its sketch and its owner are overwritten, also where the arrays have moved since."""
    rows = units(0, 3000)
    index = Index(64)
    old = []
    for block in range(0, 3000, 500):
        index.add(names(3000)[block : block + 500], rows[block : block + 500])
        old.append(index._embeddings)
    for subject in names(3000)[::2]:
        index.remove(subject)

    assert all(array is index._embeddings or not array.any() for array in old)
    assert len({id(array) for array in old}) > 1
    memory = index._embeddings.tobytes()
    assert rows[1].tobytes() in memory
    assert not any(rows[place].tobytes() in memory for place in range(0, 3000, 2))
    assert {owner.tobytes() for owner in index._owners} == {bytes(16), *names(3000)[1::2]}
    assert not index._embeddings[1500:].any()
    assert not index._sketches[:, 1500:].any()


@pytest.mark.parametrize(("size", "cosine", "share"), [(128, 0.6, 0.99), (128, 0.5, 0.97), (512, 0.5, 0.99)])
def test_sketches_find_the_mated_template(units, size: int, cosine: float, share: float) -> None:
    """Of 20,000 templates, for probes at a given cosine to one of them: nearly always, and always with the true similarity."""
    rows = units(0, 20_000, size)
    mated = np.arange(0, 20_000, 100)
    probes = near(rows[mated], cosine)
    index = filled(rows, exact_up_to=1000)

    found = [index.search(probe, 1)[0] for probe in probes]

    hits = sum(subject == names(20_000)[row] for (subject, _), row in zip(found, mated, strict=True))
    assert hits >= 200 * share
    for (subject, similarity), probe in zip(found, probes, strict=True):
        row = rows[int.from_bytes(subject, "little") - 1].astype(np.float64)
        assert similarity == pytest.approx(row @ probe, abs=1e-6)


def test_few_templates_are_compared(units) -> None:
    """Of 20,000 about one in 250, as the sketches rank them."""
    index = filled(units(0, 20_000), exact_up_to=1000)
    counts = [len(index._candidates(probe)) for probe in units(1, 50)]
    assert 60 <= np.mean(counts) <= 160


def test_the_shortlist_cannot_be_emptied_by_doubles(units) -> None:
    """20,000 templates that are all the same are all found equally near; the opposite of a template is not."""
    row = units(0, 1)
    index = filled(np.repeat(row, 20_000, axis=0), exact_up_to=1000)
    assert index.search(row[0], 1)[0][1] == pytest.approx(1)
    assert index.search(-row[0], 1)[0][1] == pytest.approx(-1)


def test_templates_may_be_added_one_by_one(units) -> None:
    """The same answers as when all are added at once."""
    rows, probe = units(0, 1100), units(1, 1)[0]
    slowly = Index(64)
    for name, row in zip(names(1100), rows, strict=True):
        slowly.add([name], row[None])
    found = slowly.search(probe, 100)
    assert found == filled(rows).search(probe, 100)
    assert all(one >= two for (_, one), (_, two) in pairwise(found))
