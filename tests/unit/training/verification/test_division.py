"""Who is learned from, and who is dev: nobody is both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from livegate.data.identities import FaceFiles, Faces, Person
from livegate.data.records import Records
from livegate.errors import DataSetError, IndexFileError, RecipeError
from livegate.preprocessing import Pixels
from livegate.training.verification import division
from livegate.training.verification.division import divided, open_faces
from livegate.training.verification.recipe import VerificationRecipe

Make = Callable[..., VerificationRecipe]
DISTILLED = {"name": "distillation"}


@pytest.fixture
def crowd() -> FaceFiles:
    """12 people of ``a`` and 12 of ``b`` with the same names, the first of each with one picture, the others with three; 5 pictures of unknown."""
    people = [Person(source, f"p{n:02}") for source in "ab" for n in range(12) for _ in range(3 if n else 1)]
    people += [Person("a", "")] * 5
    return FaceFiles(Path("none"), [f"{place}.png" for place in range(len(people))], people)


def shown(faces: Faces, places: np.ndarray) -> list[Person]:
    """Who is in the pictures at some places; unknown is nobody."""
    return [faces.person(label) if label >= 0 else Person("", "") for label in faces.labels[places].tolist()]


def test_dev_is_made_of_people_who_are_not_learned_from(make_recipe: Make, crowd: FaceFiles) -> None:
    """All pictures of five people with two or more; every other picture is learned from, those of unknown by a teacher alone."""
    training, dev = divided(crowd, make_recipe(data={"dev_subjects": 5}, loss=DISTILLED))
    people = set(shown(crowd, dev))
    assert (len(people), dev.size) == (5, 15)
    assert not any(person.subject == "p00" for person in people)
    assert not people & set(shown(crowd, training))
    assert sorted([*training, *dev]) == list(range(len(crowd)))
    assert np.array_equal(training, np.sort(training))
    by_name = divided(crowd, make_recipe(data={"dev_subjects": 5}))
    assert np.array_equal(by_name.dev, dev)
    assert set(training) - set(by_name.training) == set(np.flatnonzero(crowd.labels < 0))


def test_dev_comes_from_the_source_that_is_named(make_recipe: Make, crowd: FaceFiles) -> None:
    """The same names in another source are other people, and learned from; without a source both take part."""
    dev = divided(crowd, make_recipe(data={"dev_subjects": 11, "dev_source": "b"})).dev
    assert set(shown(crowd, dev)) == {Person("b", f"p{n:02}") for n in range(1, 12)}
    everywhere = divided(crowd, make_recipe(data={"dev_subjects": 22}, optimiser={"batch": 2})).dev
    assert {person.source for person in shown(crowd, everywhere)} == {"a", "b"}


def test_the_seed_draws_dev(make_recipe: Make, crowd: FaceFiles) -> None:
    """The same seed gives the same people, others others."""
    drawn = [tuple(divided(crowd, make_recipe(seed=seed, data={"dev_subjects": 5})).dev) for seed in (1, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) == 3


def test_who_is_left_out_is_nowhere(make_recipe: Make, crowd: FaceFiles) -> None:
    """Neither learned from nor dev, in whatever source; pictures of unknown stay."""
    data = {"dev_subjects": 20, "leave_out": ["p03"]}
    training, dev = divided(crowd, make_recipe(data=data, loss=DISTILLED, optimiser={"batch": 2}))
    assert not any(person.subject == "p03" for person in shown(crowd, np.concatenate([training, dev])))
    assert training.size + dev.size == len(crowd) - 6
    with pytest.raises(
        RecipeError, match=r"has 20 people with two pictures or more in 'index\.csv', fewer than data\.dev_subjects"
    ):
        divided(crowd, make_recipe(data=data | {"dev_subjects": 21}))


def test_too_few_or_too_many_are_refused(make_recipe: Make, crowd: FaceFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that nobody is of, a dev whose pairs would fill the memory, fewer pictures left than a batch."""
    with pytest.raises(RecipeError, match=r"has 0 people with two pictures or more in 'celeba', .*; .*empty for all"):
        divided(crowd, make_recipe(data={"dev_source": "celeba"}))
    with pytest.raises(RecipeError, match="has 2 pictures to learn from, fewer than one batch"):
        divided(crowd, make_recipe(data={"dev_subjects": 22}))
    monkeypatch.setattr(division, "MAX_DEV", 11)
    with pytest.raises(RecipeError, match=r"dev has 12 pictures, more than 11; lower data\.dev_subjects"):
        divided(crowd, make_recipe(data={"dev_subjects": 4}))
    assert divided(crowd, make_recipe(data={"dev_subjects": 3})).dev.size == 9


def test_nobody_is_known(make_recipe: Make, greys: FaceFiles) -> None:
    """Pictures without people cannot make up dev."""
    with pytest.raises(RecipeError, match="has 0 people with two pictures"):
        divided(greys, make_recipe(loss=DISTILLED))


def test_one_key_names_whatever_holds_faces(
    make_recipe: Make, faces: Path, tmp_path: Path, write_records: Callable[[Path, Sequence[tuple[int, Pixels]]], Path]
) -> None:
    """An index, a folder and records of the same faces divide alike but for the names that people have there."""
    index = open_faces(faces / "index.csv")
    folder = open_faces(faces)
    pixels = np.zeros((4, 4, 3), np.uint8)
    records = open_faces(write_records(tmp_path, [(10 * label, pixels) for label in sorted(folder.labels.tolist())]))
    assert [type(found) for found in (index, folder, records)] == [FaceFiles, FaceFiles, Records]
    assert {found.people for found in (index, folder, records)} == {8}
    assert folder.name(0) == "s000/00.png"
    assert (folder.person(7), records.person(7), records.name(3)) == (Person("", "s007"), Person("", "70"), "3")
    assert {person.source for person in shown(index, np.arange(48))} == {"generated-phone", "generated-webcam"}
    assert np.array_equal(divided(folder, make_recipe()).dev, divided(records, make_recipe()).dev)
    left = divided(records, make_recipe(data={"leave_out": ["70", "60"]}))
    assert set(records.labels[np.concatenate(left)].tolist()) == {0, 1, 2, 3, 4, 5}


def test_what_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A file that is not there, records without an index, an empty folder."""
    with pytest.raises(IndexFileError, match=r"none\.csv: cannot be read"):
        open_faces(tmp_path / "none.csv")
    with pytest.raises(DataSetError, match=r"train\.idx: cannot be read"):
        open_faces(tmp_path / "train.rec")
    with pytest.raises(DataSetError, match="holds no picture"):
        open_faces(tmp_path)
