"""Learning to tell people from one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from livegate.configuration import Branch, Configuration
from livegate.data.identities import Faces
from livegate.errors import RecipeError
from livegate.metrics.similarities import numbered_pairs
from livegate.metrics.verification import at_fmr, equal_error, match_rates
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.training.augment import PixelAugment
from livegate.training.chance import Stream, drawing
from livegate.training.lesson import Errors, optimiser
from livegate.training.verification import stages
from livegate.training.verification.division import Places, divided, open_faces
from livegate.training.verification.embedding import embedded, pictures
from livegate.training.verification.loader import FaceBatch, FaceBatches
from livegate.training.verification.losses import People, angular, distillation
from livegate.training.verification.recipe import Distillation, Stages, VerificationRecipe
from livegate.training.verification.teacher import embeddings, open_teacher

CACHE = "teacher.npz"
LOOKED_AT = 256
"""By so many pictures a teacher's inner values are known."""
Opened = TypeVar("Opened")
FMR = 1e-3
"""The share of non-mated comparisons that are accepted where the log gives the share of mated ones that are not; one of them, if a
small dev has fewer than that takes."""


class FaceLearner(nn.Module):
    """A network for verification and, where people are learned by name, a direction for each of them.

    Args:
        network: makes embeddings.
        people: the directions; None where a teacher is followed.
        ends: of the network's stages.
    """

    def __init__(self, network: Network, people: People | None, ends: Sequence[int] = ()) -> None:
        super().__init__()
        self.network = network
        self.people = people
        self.ends = ends

    def forward(self, x: Tensor, configuration: str, given: Sequence[Tensor] = ()) -> list[Tensor]:
        """What the stages say, see `stages.outputs`, and last embeddings (N, D) or, with people, their cosines (N, people)."""
        *inner, found = stages.outputs(self.network, self.ends, x, Configuration.parse(configuration), given)
        return [*inner, found if self.people is None else self.people(found)]


class Verification:
    """The lesson of a `VerificationRecipe`."""

    columns: ClassVar[tuple[str, ...]] = ("dev_eer", "dev_fnmr")

    def __init__(self, recipe: VerificationRecipe) -> None:
        self.recipe = recipe
        self._augment = PixelAugment(recipe.augment)
        self._faces: Faces | None = None
        self._dev: Places = np.empty(0, np.int64)
        self._targets: Tensor | None = None
        self._people: Tensor | None = None
        self._inner: stages.InnerTeacher | None = None

    @property
    def deployed(self) -> Preprocessing:
        """See `Lesson`."""
        return self.recipe.deployed

    def open(self, folder: Path, *, quiet: bool) -> FaceBatches:
        """See `Lesson`; a teacher is asked here, once for each picture.

        Raises:
            RecipeError: if the recipe does not fit the data.
            IndexFileError: if the index has faults.
            DataSetError: if the folder or the records have.
            ArtifactError: if the teacher cannot be loaded.
            CheckpointError: if what is kept of a teacher is damaged, or another's.
            MissingExtraError: if the teacher is not installed.
        """
        recipe = self.recipe
        self._faces = faces = open_faces(recipe.data.path)
        training, self._dev = divided(faces, recipe)
        if isinstance(recipe.loss, Distillation):
            teacher = open_teacher(recipe.loss.teacher, recipe.data.folder)
            if teacher.size > recipe.model.backbone.outputs:
                numbers = f"{teacher.size} numbers of the teacher, the network has {recipe.model.backbone.outputs}"
                raise RecipeError(recipe.name, [f"cannot learn the {numbers}"])
            cache = recipe.data.folder / recipe.loss.cache if recipe.loss.cache else folder / CACHE
            self._targets = torch.from_numpy(embeddings(teacher, faces, training, cache, quiet=quiet))
            if recipe.loss.stages:
                self._inner = _inner_teacher(recipe, recipe.loss, recipe.loss.stages, faces, training)
        else:
            _, numbers_of_people = np.unique(faces.labels[training], return_inverse=True)
            self._people = torch.from_numpy(numbers_of_people.astype(np.int64))
        return FaceBatches(faces, training, recipe)

    def fresh(self, device: torch.device) -> tuple[FaceLearner, Optimizer]:
        """See `Lesson`.

        Raises:
            RecipeError: if the network does not take pictures of the recipe's size.
        """
        network = self.recipe.model.build()
        _shapes(network, self.recipe)
        numbers = self.recipe.model.backbone.outputs
        people = None if self._people is None else People(numbers, int(self._people.max()) + 1)
        learner = FaceLearner(network, people, stages.ends(self.recipe.model.backbone)).to(device)
        learner = learner.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return learner, optimiser(learner, self.recipe.optimiser, _decays(learner, self.recipe))

    def loss(self, model: nn.Module, batch: FaceBatch, configuration: Configuration, _: np.random.Generator) -> Tensor:
        """See `Lesson`."""
        device = next(model.parameters()).device
        pictures = self._augment(batch.pictures.to(device))
        x = normalise(pictures, self.deployed).contiguous(memory_format=torch.channels_last)
        loss, expected = self.recipe.loss, self._inner(pictures) if batch.alone and self._inner else []
        *inner, found = (value.float() for value in model(x, str(configuration), expected))
        if not isinstance(loss, Distillation):
            return angular(found, _opened(self._people)[batch.positions].to(device), loss)
        missed = distillation(found, _opened(self._targets)[batch.positions].to(device))
        return missed + stages.misses(inner, expected) if expected else missed

    def settle(self, network: Network) -> None:
        """See `Lesson`; it is ready as it is."""

    def errors(self, network: Network) -> Errors:
        """The all-heavy configuration on all pairs of pictures of dev."""
        heavy = Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)
        faces = _opened(self._faces)
        found = embedded(TorchScorer(network, self.deployed), faces, self._dev, [heavy])
        similarities = numbered_pairs(found[heavy], faces.labels[self._dev])
        fmr = max(FMR, 1 / int((~similarities.mated).sum()))
        error, fnmr = equal_error(similarities), match_rates(similarities, at_fmr(similarities, fmr, "dev")).fnmr.value
        figures = {"dev_eer": error, "dev_fnmr": fnmr}
        return Errors(figures, figures, f"dev EER {error:.2%}, FNMR {fnmr:.2%} at FMR {fmr:.1%}")


def _inner_teacher(
    recipe: VerificationRecipe, loss: Distillation, settings: Stages, faces: Faces, training: Places
) -> stages.InnerTeacher:
    """What the teacher computes on the way, as it varies over some of the pictures that are learned from."""
    teacher = stages.InnerTeacher(recipe.data.folder / loss.teacher, settings.values)
    looked_at = drawing(recipe.seed, Stream.LOOK).permutation(training)[:LOOKED_AT]
    shapes = _shapes(recipe.model.build(), recipe)
    teacher.look(pictures(faces, looked_at, recipe.size), shapes, recipe.seed)
    return teacher


def _shapes(network: Network, recipe: VerificationRecipe) -> list[Sequence[int]]:
    """Of what each of its stages gives of one picture: (channels, height, width).

    Raises:
        RecipeError: if it takes no pictures of the recipe's size.
    """
    heavy = Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)
    x = torch.zeros(1, 3, recipe.size, recipe.size)
    try:
        with torch.inference_mode():
            *inner, _ = stages.outputs(network.eval(), stages.ends(recipe.model.backbone), x, heavy)
    except RuntimeError:
        raise RecipeError(recipe.name, [f"{recipe.model.name!r} takes no pictures of {recipe.size} pixels; set size"]) from None
    return [value.shape[1:] for value in inner]


def _decays(learner: FaceLearner, recipe: VerificationRecipe) -> dict[int, float]:
    """The weight decay of parameters that are no ordinary kernels, by their ``id``."""
    last = [*learner.network.blocks[-1].modules(), learner.people]
    found = {id(layer.weight): recipe.embedding_decay for layer in last if isinstance(layer, nn.Linear | People)}
    if recipe.decay_biases:
        layers = [layer for layer in learner.modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.PReLU)]
        slight = (parameter for layer in layers for parameter in layer.parameters(recurse=False) if parameter.ndim == 1)
        found |= {id(parameter): recipe.optimiser.weight_decay for parameter in slight}
    return found


def _opened(value: Opened | None) -> Opened:
    if value is None:
        raise RuntimeError("open comes first")
    return value
