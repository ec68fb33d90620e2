"""Learning to tell people from one another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer

from livegate.configuration import Branch, Configuration
from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.metrics.pad import at_apcer, d_eer
from livegate.models.network import Network
from livegate.models.scorer import TorchScorer, normalise
from livegate.pictures import read
from livegate.preprocessing import Preprocessing, resize, to_input
from livegate.sample import Sample
from livegate.training.augment import PixelAugment
from livegate.training.lesson import Errors, optimiser
from livegate.training.verification.loader import FaceBatch, FaceBatches
from livegate.training.verification.losses import People, angular, distillation
from livegate.training.verification.recipe import Distillation, VerificationRecipe
from livegate.training.verification.teacher import embeddings, open_teacher

DEV = 3
"""The stream of chance of who makes up dev."""
CACHE = "teacher.npz"
BATCH = 32
FMR = 1e-3
"""The share of non-mated comparisons that are accepted where the log gives the share of mated ones that are not."""


class FaceLearner(nn.Module):
    """A network for verification and, where people are learned by name, a direction for each of them.

    Args:
        network: makes embeddings.
        people: the directions; None where a teacher is followed.
    """

    def __init__(self, network: Network, people: People | None) -> None:
        super().__init__()
        self.network = network
        self.people = people

    def forward(self, x: Tensor, configuration: str) -> Tensor:
        """(N, 3, S, S) float, normalised, to embeddings (N, D) or, with people, their cosines (N, people)."""
        found: Tensor = self.network(x, Configuration.parse(configuration))
        return found if self.people is None else self.people(found)


class Verification:
    """The lesson of a `VerificationRecipe`."""

    columns: ClassVar[tuple[str, ...]] = ("dev_eer", "dev_fnmr")

    def __init__(self, recipe: VerificationRecipe) -> None:
        self.recipe = recipe
        self._augment = PixelAugment(recipe.augment)
        self._dev: Sequence[Sample] = ()
        self._targets: Tensor | None = None
        self._people: Tensor | None = None

    @property
    def deployed(self) -> Preprocessing:
        """See `Lesson`."""
        return self.recipe.deployed

    def open(self, folder: Path, *, quiet: bool) -> FaceBatches:
        """See `Lesson`; a teacher is asked here, once for each picture.

        Raises:
            RecipeError: if the recipe does not fit the data.
            IndexFileError: if the index has faults.
            CheckpointError: if the teacher cannot be loaded.
            MissingExtraError: if the teacher is not installed.
        """
        recipe = self.recipe
        training, self._dev = divided(Index.read(recipe.data.path).samples, recipe)
        if len(training) < recipe.optimiser.batch:
            raise RecipeError(recipe.name, [f"has {len(training)} pictures to learn from, fewer than one batch"])
        if isinstance(recipe.loss, Distillation):
            teacher = open_teacher(recipe.loss.teacher, recipe.data.folder)
            cache = recipe.data.folder / recipe.loss.cache if recipe.loss.cache else folder / CACHE
            self._targets = torch.from_numpy(embeddings(teacher, training, cache, quiet=quiet))
            if self._targets.shape[1] > recipe.model.backbone.outputs:
                numbers = f"{self._targets.shape[1]} numbers of the teacher, the network has {recipe.model.backbone.outputs}"
                raise RecipeError(recipe.name, [f"cannot learn the {numbers}"])
        else:
            names = sorted({(sample.source, sample.subject) for sample in training})
            number = {name: place for place, name in enumerate(names)}
            self._people = torch.tensor([number[sample.source, sample.subject] for sample in training])
        return FaceBatches(training, recipe)

    def fresh(self, device: torch.device) -> tuple[FaceLearner, Optimizer]:
        """See `Lesson`."""
        network = self.recipe.model.build()
        numbers = self.recipe.model.backbone.outputs
        people = None if self._people is None else People(numbers, int(self._people.max()) + 1)
        learner = FaceLearner(network, people).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        last = [layer.weight for layer in [*network.blocks[-1].modules(), people] if isinstance(layer, nn.Linear | People)]
        return learner, optimiser(learner, self.recipe.optimiser, {id(weight): self.recipe.embedding_decay for weight in last})

    def loss(self, model: nn.Module, batch: FaceBatch, configuration: Configuration, _: np.random.Generator) -> Tensor:
        """See `Lesson`."""
        device = next(model.parameters()).device
        pictures = self._augment(batch.pictures.to(device))
        x = normalise(pictures, self.deployed).contiguous(memory_format=torch.channels_last)
        found, loss = model(x, str(configuration)).float(), self.recipe.loss
        if isinstance(loss, Distillation):
            return distillation(found, _rows(self._targets, batch.positions).to(device))
        return angular(found, _rows(self._people, batch.positions).to(device), loss)

    def errors(self, network: Network) -> Errors:
        """The all-heavy configuration on all pairs of pictures of dev."""
        heavy = Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)
        found = embedded(TorchScorer(network, self.deployed), self._dev, heavy)
        mated, others = pairs(found, [sample.subject for sample in self._dev])
        error = d_eer(mated, others)
        fnmr = float((mated < at_apcer({"non-mated": others}, FMR)).mean())
        figures = {"dev_eer": error, "dev_fnmr": fnmr}
        return Errors(figures, figures, f"dev EER {error:.2%}, FNMR {fnmr:.2%} at FMR {FMR:.1%}")


def divided(samples: Sequence[Sample], recipe: VerificationRecipe) -> tuple[list[Sample], list[Sample]]:
    """What is learned from, and dev: people drawn by the seed from those of the source for dev who have two pictures or more.

    Raises:
        RecipeError: if there are too few of them, or a name is missing that the loss needs.
    """
    data = recipe.data
    used = [sample for sample in samples if not sample.subject or sample.subject not in data.leave_out]
    names = [sample.subject for sample in used if sample.source == data.dev_source and sample.subject]
    able = sorted({name for name in names if names.count(name) > 1})
    if len(able) < data.dev_subjects:
        fault = f"{data.dev_source!r} has {len(able)} people with two pictures or more, fewer than data.dev_subjects"
        raise RecipeError(recipe.name, [fault])
    chosen = set(np.random.default_rng([recipe.seed, DEV]).choice(able, data.dev_subjects, replace=False).tolist())
    dev = [sample for sample in used if sample.source == data.dev_source and sample.subject in chosen]
    kept = {sample.name for sample in dev}
    training = [sample for sample in used if sample.name not in kept]
    if not isinstance(recipe.loss, Distillation):
        training = [sample for sample in training if sample.subject]
    return training, dev


def embedded(scorer: TorchScorer, samples: Sequence[Sample], configuration: Configuration) -> NDArray[np.float32]:
    """The embeddings of aligned faces: (N, D)."""
    size, rows = scorer.preprocessing.size, []
    for start in range(0, len(samples), BATCH):
        faces = [resize(read(sample.path), size, size) for sample in samples[start : start + BATCH]]
        rows.append(scorer.logits(to_input(faces), configuration))
    return np.concatenate(rows)


def pairs(found: NDArray[np.float32], subjects: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The cosines of all mated and of all non-mated pairs of embeddings (N, D), each pair once."""
    cosines = found.astype(np.float64) @ found.astype(np.float64).T
    names = np.array(subjects)
    same, once = names[:, None] == names[None, :], np.triu(np.ones(cosines.shape, bool), k=1)
    return cosines[same & once], cosines[~same & once]


def _rows(values: Tensor | None, positions: Tensor) -> Tensor:
    if values is None:
        raise RuntimeError("open comes first")
    return values[positions]
