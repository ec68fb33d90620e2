"""From aligned faces to batches. Step ``k`` of a run gives the same batch whenever and wherever it is asked for."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from livegate.data.identities import Faces
from livegate.pictures import read
from livegate.preprocessing import Pixels, resize
from livegate.training.chance import Stream, drawing
from livegate.training.loader import degraded
from livegate.training.sampling import shuffled
from livegate.training.verification.division import Places
from livegate.training.verification.recipe import Distillation, VerificationRecipe, Wobble


class FaceBatch(NamedTuple):
    """One step's pictures: (N, 3, S, S) uint8 RGB; positions (N,) int64 among what is learned from; whether the stages learn alone."""

    pictures: Tensor
    positions: Tensor
    alone: bool = False


class FaceBatches(Dataset[FaceBatch]):
    """The batches of a run by their step: every picture once an epoch, in random order; the last ones that fill no batch wait for the next.

    Args:
        faces: aligned.
        places: of those that are learned from, one batch of them or more.
        recipe: what decides the draw.
    """

    def __init__(self, faces: Faces, places: Places, recipe: VerificationRecipe) -> None:
        self.faces = faces
        self.places = places
        self.recipe = recipe
        self.steps_per_epoch = len(places) // recipe.optimiser.batch
        self._drawn = 0, self._draw_order(0)

    def __len__(self) -> int:
        return self.steps_per_epoch * self.recipe.optimiser.epochs

    def __getitem__(self, step: int) -> FaceBatch:
        epoch, place = divmod(step, self.steps_per_epoch)
        size = self.recipe.optimiser.batch
        chosen = self._order(epoch)[place * size : (place + 1) * size]
        rng = drawing(self.recipe.seed, Stream.PIXELS, step)
        pictures = np.stack([self._picture(place, rng) for place in self.places[chosen].tolist()])
        stages = self.recipe.loss.stages if isinstance(self.recipe.loss, Distillation) else None
        alone = stages is not None and step < stages.alone * len(self)
        return FaceBatch(torch.from_numpy(pictures.transpose(0, 3, 1, 2)), torch.from_numpy(chosen), alone)

    def _picture(self, place: int, rng: np.random.Generator) -> Pixels:
        recipe = self.recipe
        face = wobbled(resize(read(self.faces.source(place)), recipe.size, recipe.size), recipe.wobble, rng)
        mirrored = rng.random() < recipe.augment.flip
        return degraded(face[:, ::-1] if mirrored else face, recipe.augment, rng)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The order of an epoch; the last one is kept, for the next step mostly asks for it again."""
        if self._drawn[0] != epoch:
            self._drawn = epoch, self._draw_order(epoch)
        return self._drawn[1]

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        return shuffled(self.places, drawing(self.recipe.seed, Stream.ORDER, epoch))


def wobbled(face: Pixels, settings: Wobble, rng: np.random.Generator) -> Pixels:
    """The face as it would have been cut out with other landmarks: (S, S, 3) uint8, RGB. What comes in from beside it repeats the edge."""
    side = face.shape[0]
    angle = rng.uniform(-1, 1) * settings.degrees
    moved = rng.uniform(-1, 1, size=2) * settings.shift * side
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1 + rng.uniform(-1, 1) * settings.scale)
    matrix[:, 2] += moved
    return np.asarray(cv2.warpAffine(face, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8)
