"""Which map a sample shall have: a teacher's, flat for attacks, and moved as its picture is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from livegate.data.depth import DepthMaps, Square, cut, frame
from livegate.data.index import Index
from livegate.errors import DepthError, RecipeError
from livegate.pictures import read
from livegate.sample import Sample
from livegate.training.loader import Batches, augmented_crop
from livegate.training.recipe import Data, Depth, Recipe
from livegate.training.targets import Targets, opened

WHOLE = Square(0, 0, 10)


@pytest.fixture(scope="module")
def data(generated: Path) -> Data:
    """The generated set."""
    return Data(index=str(generated))


@pytest.fixture(scope="module")
def settings(maps: Path) -> Depth:
    """Its maps."""
    return Depth(maps=str(maps), teacher="five-points")


@pytest.fixture(scope="module")
def samples(generated: Path) -> tuple[Sample, ...]:
    """Its training pictures."""
    return Index.read(generated).split("train").samples


def test_an_attack_is_flat_by_its_label(settings: Depth, data: Data, samples: tuple[Sample, ...]) -> None:
    """Also where the same picture, taken for bona fide, has a map: the teacher is not asked."""
    targets = Targets.open(settings, data)
    face = next(sample for sample in samples if sample.bona_fide)
    assert targets.known(face)
    assert targets.seen(face, WHOLE, WHOLE, 64).max() == 1
    attack = replace(face, species="print")
    assert targets.known(attack)
    assert not targets.seen(attack, WHOLE, WHOLE, 64).any()
    assert not targets.seen(replace(attack, name="nowhere.png"), WHOLE, WHOLE, 16).any()


def test_a_face_that_the_teacher_did_not_find_has_no_map(settings: Depth, data: Data, samples: tuple[Sample, ...]) -> None:
    """NaN all over, and it is not known."""
    targets = Targets.open(settings, data)
    face = next(sample for sample in samples if sample.bona_fide)

    class Blind:
        """A teacher that finds nothing."""

        def of(self, _: str) -> None:
            """No map."""

    blind = replace(targets, maps=Blind())  # type: ignore[arg-type] # all that is asked of it
    assert not blind.known(face)
    assert np.isnan(blind.seen(face, WHOLE, WHOLE, 8)).all()


def test_maps_of_another_teacher_are_refused(settings: Depth, data: Data) -> None:
    """Named are whose they are and whose they should be."""
    with pytest.raises(RecipeError, match=r"by the teacher 'five-points', depth\.teacher asks for 'mesh'"):
        Targets.open(Depth(maps=settings.maps), data)


def test_maps_of_another_index_are_refused(settings: Depth, generated: Path, tmp_path: Path) -> None:
    """An index that differs in a byte is another one."""
    other = tmp_path / "index.csv"
    Index.read(generated).write(other)
    other.write_text(other.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(DepthError):
        Targets.open(settings, Data(index=str(other)))


def test_shuffled_maps_are_those_of_others(settings: Depth, data: Data, samples: tuple[Sample, ...]) -> None:
    """Every bona fide picture gives its map once, hardly any keeps its own, and the seed decides; attacks stay flat."""
    one, same, other = (Targets.open(settings, data, samples, seed) for seed in (1, 1, 2))
    names = [sample.name for sample in samples if sample.bona_fide]
    assert sorted(one.donors) == sorted(one.donors.values()) == sorted(names)
    assert sum(name == donor for name, donor in one.donors.items()) < len(names) / 2
    assert one.donors == same.donors != other.donors
    face = next(sample for sample in samples if one.donors.get(sample.name, sample.name) != sample.name)
    donor = DepthMaps.open(settings.maps, data.index).of(one.donors[face.name])
    assert np.array_equal(one.seen(face, WHOLE, WHOLE, 64), donor.astype(np.float32) / 255)  # type: ignore[union-attr]


def test_a_map_is_cut_and_mirrored_as_its_picture(
    settings: Depth, data: Data, samples: tuple[Sample, ...], make_recipe: Any
) -> None:
    """The batch's maps are what the crops of the same chance show, half as wide, and turned where they are turned."""
    recipe = make_recipe(sampling={"balance": False}, augment={"flip": 0.5}, crop={"margin": [0.9, 1.3], "shift": 0.1})
    targets = Targets.open(settings, data)
    batches, maps = Batches(samples, recipe, targets), DepthMaps.open(settings.maps, data.index)
    batch, rng = batches[0], np.random.default_rng([recipe.seed, 1, 0])
    assert batch.maps is not None
    assert batch.maps.shape == (8, 1, 16, 16)
    turned = Counter[bool]()
    for place, number in enumerate(batches._order(0)[:8]):
        sample = samples[number]
        view = augmented_crop(sample, 32, recipe, rng)
        height, width = read(sample.path).shape[:2]
        assert view.frame == frame(width, height, sample.box)
        depth = maps.of(sample.name) if sample.bona_fide else np.zeros((64, 64), np.uint8)
        assert depth is not None
        expected = cut(depth, view.frame, view.square, 16).astype(np.float32) / 255
        assert np.array_equal(batch.maps[place, 0].numpy(), expected[:, ::-1] if view.mirrored else expected)
        turned[view.mirrored, sample.bona_fide] += 1
    assert turned[True, True] > 0


def test_another_process_gets_the_same_maps_without_their_being_sent(
    settings: Depth, data: Data, samples: tuple[Sample, ...], make_recipe: Any
) -> None:
    """They are opened there anew: those of half a million pictures are 2 GB."""
    targets = Targets.open(settings, data)
    batches = Batches(samples, make_recipe(), targets)
    sent = ForkingPickler.dumps(targets)
    assert len(sent) < 64 * 64  # one map
    maps, expected = ForkingPickler.loads(ForkingPickler.dumps(batches))[1].maps, batches[1].maps
    assert torch.equal(maps, expected)
    assert expected is not None
    assert expected.any()


def test_without_maps_a_batch_has_none(samples: tuple[Sample, ...], make_recipe: Any) -> None:
    """A recipe that does not learn depth reads none."""
    assert Batches(samples, make_recipe())[0].maps is None


def test_sources_are_left_out_of_train_and_dev(data: Data, make_recipe: Any) -> None:
    """One of two is left."""
    sources = _sources(make_recipe(data=data))
    assert len(sources) > 1
    assert _sources(make_recipe(data=data.model_copy(update={"leave_out": (sources[0],)}))) == sources[1:]


def test_a_name_that_is_no_source_is_refused(data: Data, make_recipe: Any) -> None:
    """Wherever the recipe names it; a source that is left out may still be one whose pictures would be jittered."""
    sources = _sources(make_recipe(data=data))
    with pytest.raises(RecipeError, match=r"data\.leave_out names sources without samples: elsewhere"):
        opened(make_recipe(data=data.model_copy(update={"leave_out": ("elsewhere",)})))
    with pytest.raises(RecipeError, match=rf"augment\.jittered names sources without samples: there; sources are {sources[0]}"):
        opened(make_recipe(data=data, augment={"jittered": [sources[0], "there"]}))
    assert _sources(make_recipe(data=data, augment={"jitter": 0, "jittered": ["there"]})) == sources
    out = data.model_copy(update={"leave_out": (sources[0],)})
    assert _sources(make_recipe(data=out, augment={"jittered": [sources[0]]})) == sources[1:]


def _sources(recipe: Recipe) -> list[str]:
    return sorted({sample.source for part in opened(recipe) for sample in part.samples})
