"""Protocols keep their promises, whatever the order of the rows."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livegate.data.index import Index
from livegate.data.protocols import By, carve, cross, intra, leave_one_out, leave_one_species_out, resplit
from livegate.errors import IndexFileError
from livegate.sample import Sample

SPLITS = ("train", "dev", "test")


def index(folder: Path, source: str, splits: Sequence[str] = SPLITS, *, boxed: bool = False) -> Index:
    """Two people a split; of each a bona fide picture, a print and a replay."""
    samples = []
    for split in splits:
        for person in (f"{split}-1", f"{split}-2"):
            for species in (None, "print", "replay"):
                name = f"{person}-{species}.png"
                samples.append(Sample(name, folder / source, species, source, split, person))
    return Index(folder / source / "index.csv", tuple(samples), labelled=True, boxed=boxed)


def rows(found: Index) -> set[tuple[str, str, str]]:
    """Split, source and name of the picture's file."""
    return {(sample.split, sample.source, sample.path.name) for sample in found.samples}


def faults(caught: pytest.ExceptionInfo[IndexFileError]) -> str:
    """All faults as one text."""
    return "; ".join(caught.value.faults)


# ------------------------------------------------------------------------------------------------------------- intra


def test_intra_is_the_three_splits(tmp_path: Path) -> None:
    """Rows of no split or another one are left out."""
    whole = index(tmp_path, "a", (*SPLITS, "", "spare"))
    assert rows(intra(whole)) == rows(index(tmp_path, "a"))
    assert intra(whole).path == whole.path


def test_intra_needs_both_classes_in_every_split(tmp_path: Path) -> None:
    """All that is missing is told."""
    whole = index(tmp_path, "a", ("train", "test"))
    chosen = tuple(sample for sample in whole.samples if sample.split == "train" or sample.bona_fide)
    with pytest.raises(IndexFileError) as caught:
        intra(replace(whole, samples=chosen))
    assert faults(caught) == (
        "would have no bona fide presentation in dev; would have no attack in dev; would have no attack in test"
    )
    with pytest.raises(IndexFileError, match="has no column 'species'"):
        intra(replace(whole, labelled=False))


# ------------------------------------------------------------------------------------------------------------- cross


def test_cross_trains_here_and_tests_there(tmp_path: Path) -> None:
    """Test of the second index alone, or all of it as test."""
    one, two = index(tmp_path, "a"), index(tmp_path, "b")
    trained = {row for row in rows(one) if row[0] != "test"}
    assert rows(cross(one, two)) == trained | {row for row in rows(two) if row[0] == "test"}
    assert rows(cross(one, two, whole=True)) == trained | {("test", source, name) for _, source, name in rows(two)}


def test_cross_names_pictures_from_one_place(tmp_path: Path) -> None:
    """That of the first index, so that equal names stay apart, and can be written anywhere."""
    joined = cross(index(tmp_path, "a"), index(tmp_path, "b"))
    assert joined.path == tmp_path / "a" / "index.csv"
    names = {
        sample.source: sample.name for sample in joined.samples if sample.subject in {"train-1", "test-1"} and sample.bona_fide
    }
    assert names == {"a": "train-1-None.png", "b": "../b/test-1-None.png"}
    written = joined.write(tmp_path / "cross.csv")
    assert Index.read(tmp_path / "cross.csv") == written
    assert {sample.name.split("/")[0] for sample in written.samples} == {"a", "b"}


def test_cross_forbids_people_on_both_sides(tmp_path: Path) -> None:
    """Of one source; the same name in another source is another person."""
    one = index(tmp_path, "a")
    same = replace(index(tmp_path, "b"), samples=tuple(replace(s, source="a") for s in index(tmp_path, "b").samples))
    assert cross(one, same)
    with pytest.raises(IndexFileError, match="4 of its subjects train or set the threshold, too, such as 'dev-1'"):
        cross(one, same, whole=True)


def test_cross_forbids_pictures_on_both_sides(tmp_path: Path) -> None:
    """By their paths, for subjects may be unknown."""
    one = index(tmp_path, "a")
    nameless = replace(one, samples=tuple(replace(sample, subject="") for sample in one.samples))
    with pytest.raises(IndexFileError, match=r"12 of its pictures train or set the threshold, too, such as 'train-1-None.png'"):
        cross(nameless, nameless, whole=True)


def test_boxes_and_none_do_not_mix(tmp_path: Path) -> None:
    """In a joined index an empty box would mean the whole picture; the error names the index without boxes."""
    with_boxes, bare = index(tmp_path, "a", boxed=True), index(tmp_path, "b")
    assert cross(with_boxes, replace(bare, boxed=True)).boxed
    for one, two in ((with_boxes, bare), (bare, with_boxes)):
        with pytest.raises(IndexFileError, match=f"{bare.path}: has no face boxes, and {with_boxes.path} has"):
            cross(one, two)


def test_cross_needs_something_to_train_and_to_test(tmp_path: Path) -> None:
    """Both classes in train and dev; in test one is enough, for some sets are attacks only."""
    with pytest.raises(IndexFileError, match="would have no bona fide presentation in dev"):
        cross(index(tmp_path, "a", ("train",)), index(tmp_path, "b"))
    with pytest.raises(IndexFileError, match="has no sample of split 'test'"):
        cross(index(tmp_path, "a"), index(tmp_path, "b", ("train",)))
    attacks = index(tmp_path, "b")
    only = replace(attacks, samples=tuple(sample for sample in attacks.samples if not sample.bona_fide))
    assert {sample.bona_fide for sample in cross(index(tmp_path, "a"), only).samples if sample.split == "test"} == {False}


# ----------------------------------------------------------------------------------------------------------- leave one out


def test_each_index_is_held_out_once(tmp_path: Path) -> None:
    """All its rows are test; train and dev of the others; test of the others is in no round."""
    three = [index(tmp_path, source) for source in "abc"]
    rounds = leave_one_out(three)
    assert list(rounds) == ["a", "b", "c"]
    for held_out in three:
        source = held_out.samples[0].source
        found = rows(rounds[source])
        assert {row for row in found if row[0] == "test"} == {("test", source, name) for _, _, name in rows(held_out)}
        others = set().union(*(rows(other) for other in three if other is not held_out))
        assert {row for row in found if row[0] != "test"} == {row for row in others if row[0] != "test"}


def test_rounds_need_names(tmp_path: Path) -> None:
    """Two of one source are not left out of each other; one index alone is no round."""
    one, two = index(tmp_path, "a"), index(tmp_path, "b")
    for few in ([one], [], [one, two, one]):
        with pytest.raises(IndexFileError, match="needs two indexes or more, each of another source"):
            leave_one_out(few)
    several = replace(two, samples=(*two.samples[:-1], replace(two.samples[-1], source="z")))
    nameless = replace(one, samples=tuple(replace(sample, source="") for sample in one.samples))
    assert list(leave_one_out([nameless, several])) == ["index", "b+z"]


# ----------------------------------------------------------------------------------------------------- leave a species out


def test_a_species_left_out_is_only_in_test(tmp_path: Path) -> None:
    """And test has no other; bona fide presentations are as in the index."""
    rounds = leave_one_species_out(index(tmp_path, "a"))
    assert list(rounds) == ["print", "replay"]
    for held_out, other in (("print", "replay"), ("replay", "print")):
        found = {(sample.split, sample.species) for sample in rounds[held_out].samples}
        assert found == {(split, None) for split in SPLITS} | {("train", other), ("dev", other), ("test", held_out)}
        assert len(rounds[held_out].samples) == 12


def test_a_species_that_test_lacks_is_always_trained_on(tmp_path: Path) -> None:
    """It cannot be held out; one that only test has leaves train as it is."""
    whole = index(tmp_path, "a")
    turned = [
        replace(sample, species="mask") if sample.split == "test" and sample.species == "replay" else sample
        for sample in whole.samples
    ]
    rounds = leave_one_species_out(replace(whole, samples=tuple(turned)))
    assert list(rounds) == ["mask", "print"]
    assert {sample.species for sample in rounds["mask"].samples if sample.split == "train"} == {None, "print", "replay"}
    assert {sample.species for sample in rounds["print"].samples if sample.split == "train"} == {None, "replay"}


def test_one_species_alone_cannot_be_left_out(tmp_path: Path) -> None:
    """Nothing would be left to train on; and without attacks in test there is no round."""
    whole = index(tmp_path, "a")
    prints = replace(whole, samples=tuple(sample for sample in whole.samples if sample.species != "replay"))
    with pytest.raises(IndexFileError, match="would have no attack in train; would have no attack in dev"):
        leave_one_species_out(prints)
    none = replace(whole, samples=tuple(sample for sample in whole.samples if sample.bona_fide or sample.split != "test"))
    with pytest.raises(IndexFileError, match="has no attack in test"):
        leave_one_species_out(none)


# ----------------------------------------------------------------------------------------------------------------- carve


def people(samples: Sequence[Sample], split: str) -> set[str]:
    """Who is in a split."""
    return {sample.subject for sample in samples if sample.split == split}


@given(st.integers(2, 40), st.floats(0.01, 0.99), st.integers(0, 5), st.sampled_from(By), st.randoms())
def test_dev_is_that_share_whatever_the_order(count: int, share: float, seed: int, by: By, chance: random.Random) -> None:
    """Of its people or pictures, at least one and not all; other splits stay."""
    samples = [
        Sample(f"{n}-{k}", Path(), source="a", split="train", subject=f"{n}") for n in range(count) for k in range(1 + n % 3)
    ]
    samples.append(Sample("t", Path(), split="test"))
    carved = carve(samples, by, share, seed)
    units = {
        split: {(one.subject if by is By.SUBJECT else one.name) for one in carved if one.split == split} for split in SPLITS
    }
    total = len(units["train"] | units["dev"])
    assert not units["train"] & units["dev"]
    assert len(units["dev"]) == min(max(round(share * total), 1), total - 1)
    assert carved[-1] == samples[-1]
    shuffled = chance.sample(samples, len(samples))
    assert set(named(carve(shuffled, by, share, seed))) == set(named(carved))


def named(samples: Sequence[Sample]) -> list[tuple[str, str]]:
    """Names with splits."""
    return [(sample.name, sample.split) for sample in samples]


def test_another_seed_is_another_draw() -> None:
    """The same seed gives the same one, in every process: these are the ones of BLAKE2."""
    samples = [Sample(str(number), Path(), split="train", subject=str(number)) for number in range(10)]
    drawn = [people(carve(samples, By.SUBJECT, 0.3, seed), "dev") for seed in range(20)]
    assert drawn == [people(carve(samples, By.SUBJECT, 0.3, seed), "dev") for seed in range(20)]
    assert len({frozenset(dev) for dev in drawn}) > 10
    assert set().union(*drawn) == people(samples, "train")


def test_a_subject_of_two_sources_is_two_people() -> None:
    """They are drawn on their own."""
    samples = [
        Sample(f"{source}{n}", Path(), source=source, split="train", subject=str(n)) for source in "ab" for n in range(10)
    ]
    carved = carve(samples, By.SUBJECT, 0.5)
    assert sum(sample.split == "dev" for sample in carved) == 10
    assert people([s for s in carved if s.source == "a"], "dev") != people([s for s in carved if s.source == "b"], "dev")


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, 2.0, float("nan")])
def test_a_share_is_between_0_and_1(share: float) -> None:
    """A dev of nobody or everybody is a mistake."""
    samples = [Sample(name, Path(), split="train", subject=name) for name in "abc"]
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        carve(samples, By.SUBJECT, share)


def test_unknown_people_cannot_be_kept_apart() -> None:
    """By subject that is an error, by picture it does not matter; nor does it in other splits."""
    samples = [Sample(name, Path(), split="train", subject=name.strip("c")) for name in "abc"]
    with pytest.raises(ValueError, match="1 pictures of train have no subject"):
        carve(samples, By.SUBJECT)
    assert len(carve(samples, By.PICTURE)) == 3
    with pytest.raises(ValueError, match=r"train has 1 picture\(s\)"):
        carve(samples[:1], By.PICTURE)


# --------------------------------------------------------------------------------------------------------------- resplit


def test_the_leak_can_be_shown(tmp_path: Path) -> None:
    """By subject nobody is in train and dev; by picture many are. Test is the same in both."""
    samples = [
        Sample(f"{n}-{k}", tmp_path, "print" if k % 2 else None, "a", "dev" if n == 3 else "train", str(n))
        for n in range(10)
        for k in range(6)
    ]
    whole = Index(tmp_path / "index.csv", (*samples, Sample("t", tmp_path, None, "a", "test", "t")), labelled=True, boxed=False)
    apart, leaky = (resplit(whole, by) for by in (By.SUBJECT, By.PICTURE))
    assert not apart.shared_subjects()
    assert len(leaky.shared_subjects()) >= 5
    for found in (apart, leaky):
        assert sum(sample.split == "dev" for sample in found.samples) == 12
        assert [sample.name for sample in found.samples if sample.split == "test"] == ["t"]


def test_a_resplit_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """With the index and the reason."""
    whole = index(tmp_path, "a")
    with pytest.raises(IndexFileError, match=r"index.csv: the share of dev must lie between 0 and 1, got 2"):
        resplit(whole, By.SUBJECT, 2)
    nobody = replace(whole, samples=tuple(sample for sample in whole.samples if sample.split == "test"))
    with pytest.raises(IndexFileError, match=r"train has 0 subject\(s\)"):
        resplit(nobody, By.SUBJECT)
    halves = [replace(s, subject="x" if s.bona_fide else "y") for s in whole.samples]
    with pytest.raises(IndexFileError, match="would have no"):
        resplit(replace(whole, samples=tuple(halves)), By.SUBJECT)
