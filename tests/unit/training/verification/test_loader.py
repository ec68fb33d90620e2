"""Batches of faces: the same whenever they are asked for, each picture once an epoch."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.reduction import ForkingPickler

import cv2
import numpy as np
import pytest
import torch

from livegate.data.identities import FaceFiles
from livegate.pictures import read
from livegate.preprocessing import resize
from livegate.training.verification.loader import FaceBatches, wobbled
from livegate.training.verification.recipe import VerificationRecipe, Wobble

Make = Callable[..., VerificationRecipe]
STILL = {"augment": {"flip": 0, "jitter": 0, "noise": 0}, "wobble": {"degrees": 0, "shift": 0, "scale": 0}}
PLACES = np.array([1, 2, 3, 5, 7, 8, 10, 11, 13, 17, 19])
"""11 of 20 pictures: two batches of 4, and three that wait."""


@pytest.fixture
def batches(make_recipe: Make, greys: FaceFiles) -> Callable[..., FaceBatches]:
    """A function: batches of 4 of the places, 3 epochs, under changed tables."""
    return lambda **tables: FaceBatches(greys, PLACES, make_recipe(optimiser={"batch": 4, "epochs": 3}, **tables))


def test_a_step_gives_the_same_batch_whenever_it_is_asked_for(batches: Callable[..., FaceBatches]) -> None:
    """Forwards, backwards and alone, with all that is drawn; another seed gives others."""
    one, other = batches(), batches()
    found = {step: one[step] for step in range(len(one))}
    for step in reversed(range(len(other))):
        again = other[step]
        assert torch.equal(again.positions, found[step].positions)
        assert torch.equal(again.pictures, found[step].pictures)
    seeded = batches(seed=6)
    assert any(not torch.equal(seeded[step].positions, found[step].positions) for step in found)


def test_another_process_gets_the_same_batches(batches: Callable[..., FaceBatches]) -> None:
    """Where processes are spawned, the loader's workers are handed a copy."""
    found = batches()
    found[3]
    copy = ForkingPickler.loads(ForkingPickler.dumps(found))
    for step in (0, 3, 5):
        assert torch.equal(copy[step].pictures, found[step].pictures)
        assert torch.equal(copy[step].positions, found[step].positions)


def test_each_time_a_picture_is_seen_otherwise(make_recipe: Make) -> None:
    """One face eight times over, in two steps of four: no two of them are alike."""
    drawn = FaceFiles.of_folder(make_recipe().data.folder)
    same = FaceFiles(drawn.folder, [drawn.name(0)] * 8, [drawn.person(0)] * 8)
    found = FaceBatches(same, np.arange(8), make_recipe(optimiser={"batch": 4}))
    assert len({picture.numpy().tobytes() for step in (0, 1) for picture in found[step].pictures}) == 8


def test_each_picture_at_most_once_an_epoch(batches: Callable[..., FaceBatches]) -> None:
    """Two batches of 4 an epoch; the three left over are others the next time."""
    found = batches()
    assert (found.steps_per_epoch, len(found)) == (2, 6)
    epochs = [torch.cat([found[step].positions for step in (first, first + 1)]).tolist() for first in (0, 2, 4)]
    assert all(len(set(epoch)) == 8 and set(epoch) <= set(range(11)) for epoch in epochs)
    assert len({tuple(sorted(epoch)) for epoch in epochs}) > 1


def test_every_picture_where_batches_fill_the_epoch(make_recipe: Make, greys: FaceFiles) -> None:
    """20 pictures, 5 batches of 4: all of them."""
    found = FaceBatches(greys, np.arange(20), make_recipe(optimiser={"batch": 4}))
    seen = [position for step in range(5, 10) for position in found[step].positions.tolist()]
    assert sorted(seen) == list(range(20))


def test_positions_tell_what_is_in_the_pictures(batches: Callable[..., FaceBatches]) -> None:
    """Position k is the k-th place; with nothing drawn a grey stays the grey that it is."""
    pictures, positions, _ = batches(**STILL)[1]
    assert (pictures.shape, pictures.dtype, positions.dtype) == ((4, 3, 32, 32), torch.uint8, torch.int64)
    for picture, position in zip(pictures, positions.tolist(), strict=True):
        assert set(picture.unique().tolist()) == {5 + 10 * PLACES[position]}


def test_channels_are_red_green_blue(make_recipe: Make, faces: object) -> None:
    """What is learned from is the picture itself, resized, its channels first."""
    recipe = make_recipe(**STILL)
    drawn = FaceFiles.of_folder(recipe.data.folder)
    pictures, positions, _ = FaceBatches(drawn, np.arange(48), recipe)[0]
    for picture, position in zip(pictures.numpy(), positions.tolist(), strict=True):
        expected = np.asarray(cv2.imread(str(drawn.source(position))))[..., ::-1]
        assert np.array_equal(picture.transpose(1, 2, 0), expected)


def test_a_wobble_of_nothing_is_the_identity(make_recipe: Make) -> None:
    """Bit for bit, on a drawn face."""
    face = read(FaceFiles.of_folder(make_recipe().data.folder).source(0))
    for size in (32, 33, 112):
        picture = resize(face, size, size)
        assert np.array_equal(wobbled(picture, Wobble(), np.random.default_rng(0)), picture)


@pytest.mark.parametrize("setting", ["degrees", "shift", "scale"])
def test_a_wobble_moves_the_face_by_at_most_what_it_says(setting: str) -> None:
    """A dot 20 pixels right of the middle of 112, turned by 10 degrees, moved by 5 % of the side, or scaled by 10 %, at the most."""
    face = np.zeros((112, 112, 3), np.uint8)
    face[55:58, 75:78] = 255  # about (76, 56)
    settings = Wobble.model_validate({setting: {"degrees": 10, "shift": 0.05, "scale": 0.1}[setting]})
    moves = []
    for seed in range(60):
        y, x = (axis.mean() for axis in np.nonzero(wobbled(face, settings, np.random.default_rng(seed))[..., 0] > 60))
        moves.append(max(abs(x - 76), abs(y - 56)))
    # By hand: 20 sin 10 degrees = 3.5; 0.05 x 112 = 5.6; 0.1 x 20 = 2; and half a pixel of rounding.
    largest = {"degrees": 3.5, "shift": 5.6, "scale": 2.0}[setting]
    assert 0.8 * largest - 0.5 < max(moves) < largest + 0.5
    assert min(moves) < 0.5 * largest
