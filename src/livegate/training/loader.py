"""From samples to batches. Step ``k`` of a run gives the same batch whenever and wherever it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from livegate.capture import whole
from livegate.data.depth import Square, frame
from livegate.decision import ATTACK_LOGIT, BONA_FIDE_LOGIT
from livegate.errors import RecipeError
from livegate.pictures import encoded, read
from livegate.preprocessing import Pixels, resize
from livegate.sample import Box, Sample
from livegate.training.camera import photographed
from livegate.training.chance import Stream, drawing
from livegate.training.recipe import Augment, PresentationRecipe
from livegate.training.sampling import balanced, shuffled
from livegate.training.simulated import attack, second_camera
from livegate.training.targets import Targets
from livegate.training.tasks import labels as task_labels


class Batch(NamedTuple):
    """What one step learns from.

    Attributes:
        pictures: (N, 3, S, S) uint8, RGB.
        labels: (N,) int64: 0 bona fide, 1 attack.
        rows: (N, 42) int64: labels of other tasks.
        maps: of depth, (N, 1, S / 2, S / 2) float32, 0..1, or NaN all over where there is none; None where depth is not learned.
        jittered: (N,) bool, whose colours may jitter; None for all.
    """

    pictures: Tensor
    labels: Tensor
    rows: Tensor
    maps: Tensor | None = None
    jittered: Tensor | None = None


class View(NamedTuple):
    """What is seen of a sample: the crop (S, S, 3) uint8, RGB, and where in the picture it lies.

    Attributes:
        pixels: the crop.
        square: of the picture that it was cut from.
        frame: what a map of depth covers of that picture.
        mirrored: whether left and right have changed places.
    """

    pixels: Pixels
    square: Square
    frame: Square
    mirrored: bool


class Batches(Dataset[Batch]):
    """The batches of a run by their step, drawn and cut out as the recipe says. Where one picture alone is left over, it waits for the next epoch.

    Args:
        samples: the training split.
        recipe: what decides the draw.
        targets: the maps of depth, where it is learned.

    Raises:
        RecipeError: if it does not fit the samples: a label is missing, a share's source, or a second picture.
    """

    def __init__(self, samples: Sequence[Sample], recipe: PresentationRecipe, targets: Targets | None = None) -> None:
        self.samples = samples
        self.targets = targets
        self.bona_fide = [sample for sample in samples if sample.bona_fide]
        self.recipe = recipe
        full, left = divmod(len(samples), recipe.optimiser.batch)
        self.steps_per_epoch = full + (left > 1)  # of one picture there is no variance, which batch normalisation needs
        if not self.steps_per_epoch:
            raise RecipeError(f"recipe {recipe.name}", [f"needs two pictures to learn from, got {len(samples)}"])
        try:
            self._drawn = 0, self._draw_order(0)
        except ValueError as error:
            raise RecipeError(f"recipe {recipe.name}: sampling", [str(error)]) from None

    def __len__(self) -> int:
        return self.steps_per_epoch * self.recipe.optimiser.epochs

    def __getitem__(self, step: int) -> Batch:
        epoch, place = divmod(step, self.steps_per_epoch)
        size = self.recipe.optimiser.batch
        chosen = [self.samples[position] for position in self._order(epoch)[place * size : (place + 1) * size]]
        rng = drawing(self.recipe.seed, Stream.PIXELS, step)
        side = self._side(step)
        views = [self._view(sample, side, rng) for sample in chosen]
        pictures = np.stack([view.pixels for view in views])
        labels = [BONA_FIDE_LOGIT if sample.bona_fide else ATTACK_LOGIT for sample in chosen]
        maps = None if self.targets is None else self._maps(self.targets, chosen, views, side // 2)
        sources = self.recipe.augment.jittered
        jittered = torch.tensor([sample.source in sources for sample in chosen]) if sources else None
        return Batch(
            torch.from_numpy(pictures.transpose(0, 3, 1, 2)), torch.tensor(labels), task_labels(chosen), maps, jittered
        )

    @staticmethod
    def _maps(targets: Targets, samples: Sequence[Sample], views: Sequence[View], side: int) -> Tensor:
        found = [targets.seen(sample, view.frame, view.square, side) for sample, view in zip(samples, views, strict=True)]
        turned = [one[:, ::-1] if view.mirrored else one for one, view in zip(found, views, strict=True)]
        return torch.from_numpy(np.stack(turned)[:, np.newaxis])

    def _view(self, sample: Sample, side: int, rng: np.random.Generator) -> View:
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

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The order of an epoch; the last one is kept, for the next step mostly asks for it again."""
        if self._drawn[0] != epoch:
            self._drawn = epoch, self._draw_order(epoch)
        return self._drawn[1]

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        rng = drawing(self.recipe.seed, Stream.ORDER, epoch)
        if self.recipe.sampling.balance:
            return balanced(self.samples, self.recipe.sampling.shares, rng)
        return shuffled(self.samples, rng)


def augmented_crop(
    sample: Sample,
    size: int,
    recipe: PresentationRecipe,
    rng: np.random.Generator,
    capture: Callable[[Pixels, np.random.Generator], Pixels] = lambda crop, _: crop,
) -> View:
    """The face of a sample, cut out with a random margin and place, of (size, size, 3) uint8, RGB.

    The label plays no part, so that nothing done here can give it away.

    Args:
        sample: whose face.
        size: of the crop.
        recipe: what decides the draw.
        rng: where chance comes from.
        capture: what happened to the face before it was taken; nothing by default.
    """
    picture = read(sample.path)
    height, width = picture.shape[:2]
    x, y, side = _random_square(width, height, sample.box or whole(picture), recipe, rng)
    crop = capture(np.ascontiguousarray(resize(picture[y : y + side, x : x + side], size, size)), rng)
    mirrored = rng.random() < recipe.augment.flip
    pixels = degraded(crop[:, ::-1] if mirrored else crop, recipe.augment, rng)
    return View(pixels, Square(x, y, side), frame(width, height, sample.box), mirrored)


def degraded(crop: Pixels, settings: Augment, rng: np.random.Generator) -> Pixels:
    """What may have happened to the pixels of a crop before it is seen, without regard to whose it is: (S, S, 3) uint8, RGB.

    Args:
        crop: (S, S, 3) uint8, RGB; not written to.
        settings: the probability of each change.
        rng: where chance comes from.
    """
    size = crop.shape[0]
    if rng.random() < settings.resolution:
        small = int(size * rng.uniform(0.45, 0.9))
        crop = resize(resize(crop, small, small), size, size)
    if rng.random() < settings.jpeg:
        crop = _second_jpeg(crop, quality=int(rng.integers(40, 96)))
    return np.ascontiguousarray(photographed(crop, settings, rng))


def _random_square(
    width: int, height: int, box: Box, recipe: PresentationRecipe, rng: np.random.Generator
) -> tuple[int, int, int]:
    """A square of random margin and place about the box, left, top and side; never wider than what the picture holds."""
    longer = max(box.width, box.height)
    low, high = recipe.crop.margin
    margin = rng.uniform(low, max(low, min(high, min(height, width) / longer)))
    side = max(1, min(round(margin * longer), width, height))
    shift_x, shift_y = rng.uniform(-1, 1, size=2) * recipe.crop.shift * side
    x = round(box.x + box.width / 2 - side / 2 + shift_x)
    y = round(box.y + box.height / 2 - side / 2 + shift_y)
    return min(max(x, 0), width - side), min(max(y, 0), height - side), side


def _second_jpeg(crop: Pixels, quality: int) -> Pixels:
    data = np.frombuffer(encoded(crop, ".jpg", cv2.IMWRITE_JPEG_QUALITY, quality), np.uint8)
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), dtype=np.uint8)[..., ::-1]
