"""From samples to batches: the same batch whenever it is asked for, cut out without a look at the label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.reduction import ForkingPickler
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.preprocessing import Pixels
from livegate.sample import Box, Sample
from livegate.training.loader import Batch, Batches, _random_square, augmented_crop
from livegate.training.recipe import Recipe

Make = Callable[..., Recipe]
OFF = {"flip": 0, "jitter": 0, "noise": 0, "blur": 0, "grey": 0, "jpeg": 0, "resolution": 0}


def _numbers(batch: Batch) -> list[int]:
    """Which of the plain pictures are in a batch."""
    greys = batch.pictures.float().mean(dim=(1, 2, 3))
    return [round((grey - 5) / 10) for grey in greys.tolist()]


@pytest.mark.parametrize("balance", [True, False])
def test_a_step_is_the_same_batch_whenever_it_is_asked_for(generated: Path, make_recipe: Make, *, balance: bool) -> None:
    """What a resumed run sees does not depend on what was asked before: out of order, again, or from a new loader."""
    samples = Index.read(generated).split("train").samples
    recipe = make_recipe(sampling={"balance": balance})
    straight = Batches(samples, recipe)
    in_order = [straight[step] for step in range(5)]
    asked = Batches(samples, recipe)
    for step in (4, 0, 3, 4, 1, 2):
        batch = asked[step]
        assert torch.equal(batch.pictures, in_order[step].pictures)
        assert torch.equal(batch.labels, in_order[step].labels)
    assert not torch.equal(in_order[0].pictures, in_order[1].pictures)


def test_another_process_gets_the_same_batches(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """Where processes are spawned, the loader's workers are handed a copy."""
    batches = Batches(plain_pictures, make_recipe())
    batches[4]
    copy = ForkingPickler.loads(ForkingPickler.dumps(batches))
    for step in (0, 4, 8):
        assert torch.equal(copy[step].pictures, batches[step].pictures)
        assert torch.equal(copy[step].labels, batches[step].labels)


@pytest.mark.parametrize(("pictures", "sizes"), [(16, [8, 8]), (17, [8, 8]), (18, [8, 8, 2])])
def test_no_batch_has_one_picture_alone(
    plain_pictures: list[Sample], make_recipe: Make, pictures: int, sizes: list[int]
) -> None:
    """The one that is left over is another in the next epoch, so that none is lost; two are a batch."""
    batches = Batches(plain_pictures[:pictures], make_recipe(sampling={"balance": False}, augment=OFF))
    steps = [_numbers(batches[step]) for step in range(len(batches))]
    assert [len(step) for step in steps] == 3 * sizes
    assert set().union(*steps) == set(range(pictures))


def test_one_picture_is_no_training_set(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """It would be a run without a step."""
    with pytest.raises(RecipeError, match="recipe tiny: needs two pictures to learn from, got 1"):
        Batches(plain_pictures[:1], make_recipe(sampling={"balance": False}))


def test_another_seed_gives_other_batches(generated: Path, make_recipe: Make) -> None:
    """The seed of the recipe decides the draw."""
    samples = Index.read(generated).split("train").samples
    first, second = (Batches(samples, make_recipe(seed=seed))[0] for seed in (1, 2))
    assert not torch.equal(first.pictures, second.pictures)


def test_a_batch_has_the_pictures_and_labels_of_its_samples(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """Pictures are uint8 (N, 3, S, S); labels are 0 for bona fide, which is every fourth of these, and 1 for attacks."""
    batches = Batches(plain_pictures, make_recipe(sampling={"balance": False}, augment=OFF))
    for step in range(len(batches)):
        batch = batches[step]
        assert batch.pictures.dtype == torch.uint8
        assert batch.pictures.shape == (len(batch.labels), 3, 32, 32)
        assert batch.labels.dtype == torch.int64
        assert batch.labels.tolist() == [int(number % 4 != 0) for number in _numbers(batch)]


def test_a_batch_tells_whose_colours_may_jitter(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """The pictures of the named sources, and all where none is named."""
    samples = [replace(sample, source="ab"[number % 2]) for number, sample in enumerate(plain_pictures)]
    settings = {"sampling": {"balance": False}}
    batch = Batches(samples, make_recipe(**settings, augment=OFF | {"jittered": ["b"]}))[0]
    assert batch.jittered is not None
    assert batch.jittered.tolist() == [number % 2 == 1 for number in _numbers(batch)]
    assert Batches(samples, make_recipe(**settings, augment=OFF))[0].jittered is None


def test_an_epoch_without_balance_shows_every_picture_once(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """20 pictures in batches of 8 are three steps, 8 + 8 + 4, and each epoch has an order of its own."""
    batches = Batches(plain_pictures, make_recipe(sampling={"balance": False}, augment=OFF))
    assert (batches.steps_per_epoch, len(batches)) == (3, 9)
    epochs = [[_numbers(batches[3 * epoch + place]) for place in range(3)] for epoch in range(3)]
    assert [[len(step) for step in epoch] for epoch in epochs] == [[8, 8, 4]] * 3
    orders = [[number for step in epoch for number in step] for epoch in epochs]
    assert all(sorted(order) == list(range(20)) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_a_balanced_epoch_is_half_bona_fide(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """Five bona fide of twenty are drawn twice each, so that half of the labels are 0."""
    batches = Batches(plain_pictures, make_recipe(augment=OFF))
    numbers = Counter(number for step in range(3) for number in _numbers(batches[step]))
    assert [numbers[number] for number in range(0, 20, 4)] == [2] * 5
    assert sum(count for number, count in numbers.items() if number % 4) == 10


@pytest.mark.parametrize("boxed", [True, False])
def test_the_label_plays_no_part_in_the_crop(generated: Path, make_recipe: Make, *, boxed: bool) -> None:
    """The same picture under the same chance gives the same pixels, whatever species it is said to be."""
    recipe = make_recipe(augment={"flip": 0.5, "jpeg": 0.5, "resolution": 0.5})
    samples = Index.read(generated).samples[:6]
    for seed, original in enumerate(samples):
        sample = original if boxed else replace(original, box=None)
        crops = [
            augmented_crop(replace(sample, species=species, source=source), 32, recipe, np.random.default_rng(seed)).pixels
            for species, source in ((None, "a"), ("print", "a"), ("replay", "b"))
        ]
        assert np.array_equal(crops[0], crops[1])
        assert np.array_equal(crops[0], crops[2])


def _coordinates(width: int, height: int) -> Pixels:
    """A picture whose red is the column and whose green is the row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0], picture[..., 1] = np.arange(width), np.arange(height)[:, None]
    return picture


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (250, 200, Box(90, 60, 50, 60)),  # room for every margin
        (120, 200, Box(10, 60, 80, 100)),  # the width allows 1.2
        (90, 200, Box(0, 50, 90, 100)),  # not even the smallest margin
        (200, 200, Box(-20, -30, 80, 90)),  # over the corner
        (200, 200, Box(150, 140, 80, 90)),
        (30, 20, Box(0, 0, 400, 400)),
    ],
)
def test_the_margin_never_exceeds_what_the_picture_has(make_recipe: Make, width: int, height: int, box: Box) -> None:
    """The square lies within the picture, and its side between the smallest margin and the largest that fits."""
    recipe = make_recipe(crop={"margin": [1.0, 1.5], "shift": 0.05})
    longer, room = max(box.width, box.height), min(width, height)
    for seed in range(60):
        x, y, side = _random_square(width, height, box, recipe, np.random.default_rng(seed))
        assert 0 <= x <= width - side
        assert 0 <= y <= height - side
        assert min(longer, room) - 1 <= side <= min(1.5 * longer, room) + 1
        assert side <= room


def test_the_margin_is_drawn_over_its_whole_range(make_recipe: Make) -> None:
    """Where there is room the side is spread evenly over the range: the mean of 400 draws is its middle within 4 sigma."""
    recipe = make_recipe(crop={"margin": [1.0, 1.5], "shift": 0.0})
    box = Box(75, 75, 100, 100)
    sides = [_random_square(250, 250, box, recipe, np.random.default_rng(seed))[2] for seed in range(400)]
    assert min(sides) < 103
    assert max(sides) > 147
    assert abs(np.mean(sides) - 125) < 4 * (50 / 12**0.5) / 400**0.5


def test_the_square_stays_about_the_face(make_recipe: Make) -> None:
    """Where there is room the centre moves by no more than the shift's share of the side, in both directions."""
    recipe = make_recipe(crop={"margin": [1.0, 1.2], "shift": 0.1})
    box, offsets = Box(80, 90, 60, 50), []
    for seed in range(200):
        x, y, side = _random_square(250, 250, box, recipe, np.random.default_rng(seed))
        centre = np.array([x, y]) + side / 2
        offsets.append((centre - (110, 115)) / side)
        assert np.abs(offsets[-1] * side).max() <= 0.1 * side + 1
    assert (np.max(offsets, axis=0) > 0.07).all()
    assert (np.min(offsets, axis=0) < -0.07).all()


def test_without_margin_and_shift_the_crop_is_the_deployed_one(generated: Path, make_recipe: Make) -> None:
    """The paper's recipe trains on the very pixels that are judged later, up to a pixel of rounding."""
    recipe = make_recipe(crop={"margin": [1.0, 1.0], "shift": 0.0}, augment=OFF)
    for sample in Index.read(generated).samples[:8]:
        assert sample.box is not None
        picture = cv2.imread(str(sample.path))[..., ::-1]
        crop = augmented_crop(sample, 32, recipe, np.random.default_rng(0)).pixels.astype(int)
        assert np.abs(crop - recipe.deployed.crop(np.ascontiguousarray(picture), sample.box)).mean() < 8


@pytest.mark.parametrize(("share", "small"), [(0.0, 0), (0.5, 5), (1.0, 9)])
def test_the_first_share_of_the_run_trains_on_small_crops(
    plain_pictures: list[Sample], make_recipe: Make, share: float, small: int
) -> None:
    """Of nine steps the first half, rounded up, are of the small size, the rest of the input's."""
    recipe = make_recipe(preprocessing={"size": 48}, crop={"small_size": 32, "small_share": share})
    batches = Batches(plain_pictures, recipe)
    sides = [batches[step].pictures.shape[-1] for step in range(len(batches))]
    assert sides == [32] * small + [48] * (9 - small)


def test_flipping_mirrors_the_picture(tmp_path: Path, make_recipe: Make) -> None:
    """With a probability of 1 left and right change places, and nothing else changes."""
    cv2.imwrite(str(tmp_path / "ramp.png"), _coordinates(32, 32))
    sample = Sample("ramp.png", tmp_path)
    crops = [
        augmented_crop(
            sample, 32, make_recipe(crop={"margin": [1, 1], "shift": 0}, augment=OFF | {"flip": p}), np.random.default_rng(0)
        ).pixels
        for p in (0, 1)
    ]
    assert np.array_equal(crops[0], crops[1][:, ::-1])
    assert not np.array_equal(crops[0], crops[1])


def test_simulated_attacks_are_made_of_bona_fide_pictures(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """All attacks simulated: no attack of the set is seen, some of its bona fide pictures are seen twice, labels stay as drawn."""
    crop = {"margin": [1, 1], "shift": 0}
    plain = Batches(plain_pictures, make_recipe(augment=OFF, crop=crop))
    simulated = Batches(plain_pictures, make_recipe(augment=OFF | {"simulated": 1.0}, crop=crop))
    captured, shown = [], set()
    for step in range(len(plain)):
        before, after = plain[step], simulated[step]
        assert torch.equal(before.labels, after.labels)
        attacks = after.labels == 1
        captured += [float(picture.float().std()) for picture in after.pictures[attacks]]
        same = (before.pictures == after.pictures).flatten(1).all(1)
        shown |= set(same[~attacks].tolist())
        assert not same[attacks].any()
    assert min(captured) > 0  # noise and texture; the set's own pictures are flat
    assert shown == {True, False}


def test_without_simulation_chance_is_drawn_as_before(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """A probability of zero draws nothing, so that older recipes give the same pictures, bit for bit."""
    sizes = [make_recipe(augment={"simulated": share}) for share in (0.0, 1e-12)]
    first, second = (Batches(plain_pictures, recipe)[0] for recipe in sizes)
    old = np.random.default_rng([sizes[0].seed, 1, 0])
    recipe = sizes[0]
    chosen = [plain_pictures[place] for place in Batches(plain_pictures, recipe)._order(0)[:8]]
    expected = np.stack([augmented_crop(sample, 32, recipe, old).pixels for sample in chosen]).transpose(0, 3, 1, 2)
    assert np.array_equal(first.pictures.numpy(), expected)
    assert not torch.equal(first.pictures, second.pictures)


def test_sampling_that_does_not_fit_the_samples_is_refused_at_once(plain_pictures: list[Sample], make_recipe: Make) -> None:
    """A share of a source that is not there is a fault of the recipe, found before the first step."""
    with pytest.raises(RecipeError, match="sources without samples: axon; sources are a"):
        Batches(plain_pictures, make_recipe(sampling={"shares": {"axon": 0.1}}))
    with pytest.raises(RecipeError, match="no bona fide sample"):
        Batches([sample for sample in plain_pictures if not sample.bona_fide], make_recipe())
