"""From samples to batches. Step ``k`` of a run gives the same batch whenever and wherever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from livegate.capture import whole
from livegate.decision import ATTACK_LOGIT, BONA_FIDE_LOGIT
from livegate.errors import RecipeError
from livegate.pictures import read
from livegate.preprocessing import Pixels, resize
from livegate.sample import Box, Sample
from livegate.training.camera import photographed
from livegate.training.recipe import Augment, Recipe
from livegate.training.sampling import balanced, shuffled
from livegate.training.simulated import attack, second_camera
from livegate.training.tasks import labels as task_labels
from livegate.training.tasks import require

ORDER, PIXELS = 0, 1
"""Independent streams of chance within a run."""


class Batch(NamedTuple):
    """One step's pictures: (N, 3, S, S) uint8 RGB; labels (N,) int64: 0 bona fide, 1 attack; rows (N, 42): labels of other tasks."""

    pictures: Tensor
    labels: Tensor
    rows: Tensor


class Batches(Dataset[Batch]):
    """The batches of a run by their step, drawn and cut out as the recipe says.

    Args:
        samples: the training split.
        recipe: what decides the draw.

    Raises:
        RecipeError: if it does not fit the samples: a label is missing, also one of a task, or a share's source.
    """

    def __init__(self, samples: Sequence[Sample], recipe: Recipe) -> None:
        self.samples = samples
        self.bona_fide = [sample for sample in samples if sample.bona_fide]
        self.recipe = recipe
        self.steps_per_epoch = -(-len(samples) // recipe.optimiser.batch)
        self._order = lru_cache(maxsize=1)(self._draw_order)
        try:
            self._order(0)
        except ValueError as error:
            raise RecipeError(f"recipe {recipe.name}: sampling", [str(error)]) from None
        require(samples, recipe.tasks, recipe.name)

    def __len__(self) -> int:
        return self.steps_per_epoch * self.recipe.optimiser.epochs

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.steps_per_epoch)
        size = self.recipe.optimiser.batch
        chosen = [self.samples[position] for position in self._order(epoch)[place * size : (place + 1) * size]]
        rng = np.random.default_rng([self.recipe.seed, PIXELS, step])
        side = self._side(step)
        pictures = np.stack([self._picture(sample, side, rng) for sample in chosen])
        labels = [BONA_FIDE_LOGIT if sample.bona_fide else ATTACK_LOGIT for sample in chosen]
        return Batch(torch.from_numpy(pictures.transpose(0, 3, 1, 2)), torch.tensor(labels), task_labels(chosen))

    def _picture(self, sample: Sample, side: int, rng: np.random.Generator) -> Pixels:
        """The sample's crop; of a share of the attacks a simulated one instead, of half that share of bona fide a second capture."""
        share = self.recipe.augment.simulated
        if share and sample.bona_fide and rng.random() < share / 2:
            return augmented_crop(sample, side, self.recipe, rng, second_camera)
        if share and not sample.bona_fide and rng.random() < share:
            shown = self.bona_fide[rng.integers(len(self.bona_fide))]
            return augmented_crop(shown, side, self.recipe, rng, attack)
        return augmented_crop(sample, side, self.recipe, rng)

    def _side(self, step: int) -> int:
        small = step < self.recipe.crop.small_share * len(self)
        return self.recipe.crop.small_size if small else self.recipe.preprocessing.size

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        rng = np.random.default_rng([self.recipe.seed, ORDER, epoch])
        if self.recipe.sampling.balance:
            return balanced(self.samples, self.recipe.sampling.shares, rng)
        return shuffled(self.samples, rng)


def augmented_crop(
    sample: Sample,
    size: int,
    recipe: Recipe,
    rng: np.random.Generator,
    capture: Callable[[Pixels, np.random.Generator], Pixels] = lambda crop, _: crop,
) -> Pixels:
    """The face of a sample, cut out with a random margin and place: (size, size, 3) uint8, RGB.

    The label plays no part, so that nothing done here can give it away.

    Args:
        sample: whose face.
        size: of the crop.
        recipe: what decides the draw.
        rng: where chance comes from.
        capture: what happened to the face before it was taken; nothing by default.
    """
    picture = read(sample.path)
    square = _random_square(picture, sample.box or whole(picture), recipe, rng)
    return degraded(capture(np.ascontiguousarray(resize(square, size, size)), rng), recipe.augment, rng)


def degraded(crop: Pixels, settings: Augment, rng: np.random.Generator) -> Pixels:
    """What may have happened to a crop before it is seen, without regard to whose it is: (S, S, 3) uint8, RGB.

    Args:
        crop: (S, S, 3) uint8, RGB; not written to.
        settings: the probability of each change.
        rng: where chance comes from.
    """
    size = crop.shape[0]
    if rng.random() < settings.flip:
        crop = crop[:, ::-1]
    if rng.random() < settings.resolution:
        small = int(size * rng.uniform(0.45, 0.9))
        crop = resize(resize(crop, small, small), size, size)
    if rng.random() < settings.jpeg:
        crop = _second_jpeg(crop, quality=int(rng.integers(40, 96)))
    return np.ascontiguousarray(photographed(crop, settings, rng))


def _random_square(picture: Pixels, box: Box, recipe: Recipe, rng: np.random.Generator) -> Pixels:
    """A square of random margin and place about the box; never wider than what the picture holds."""
    height, width = picture.shape[:2]
    longer = max(box.width, box.height)
    low, high = recipe.crop.margin
    margin = rng.uniform(low, max(low, min(high, min(height, width) / longer)))
    side = max(1, min(round(margin * longer), width, height))
    shift_x, shift_y = rng.uniform(-1, 1, size=2) * recipe.crop.shift * side
    x = round(box.x + box.width / 2 - side / 2 + shift_x)
    y = round(box.y + box.height / 2 - side / 2 + shift_y)
    x, y = min(max(x, 0), width - side), min(max(y, 0), height - side)
    return picture[y : y + side, x : x + side]


def _second_jpeg(crop: Pixels, quality: int) -> Pixels:
    _, data = cv2.imencode(".jpg", crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]
