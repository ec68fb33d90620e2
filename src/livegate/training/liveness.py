"""Learning to tell bona fide faces from attacks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from livegate import evaluation
from livegate.configuration import Branch, Configuration
from livegate.data.index import Index
from livegate.errors import RecipeError
from livegate.metrics import ARGMAX, measure
from livegate.models.network import Network
from livegate.models.normalisation import normalise
from livegate.models.scorer import TorchScorer
from livegate.preprocessing import Preprocessing
from livegate.training.augment import PixelAugment
from livegate.training.chance import Stream, seeds
from livegate.training.learner import Learner
from livegate.training.lesson import Errors, begun, optimiser
from livegate.training.loader import Batch, Batches
from livegate.training.losses import step_loss
from livegate.training.recalibration import recalibrate
from livegate.training.recipe import Recipe
from livegate.training.sampling import draw_configuration
from livegate.training.targets import Targets, opened
from livegate.training.tasks import require


class Liveness:
    """The lesson of a `Recipe`."""

    columns: ClassVar[tuple[str, ...]] = ("dev_d_eer", "dev_acer", "dev_auc")

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self._augment = PixelAugment(recipe.augment)
        self._dev: Index | None = None
        self._batches: Batches | None = None

    @property
    def deployed(self) -> Preprocessing:
        """See `Lesson`."""
        return self.recipe.deployed

    def open(self, folder: Path, *, quiet: bool) -> Batches:  # noqa: ARG002 - nothing is prepared in the folder
        """See `Lesson`.

        Raises:
            RecipeError: if the recipe does not fit the data.
            IndexFileError: if the index has faults, no labels or lacks a split.
            DepthError: if there are no maps of depth of this index where depth is learned beside.
        """
        recipe = self.recipe
        training, self._dev = opened(recipe)
        if len({sample.bona_fide for sample in self._dev.samples}) < 2:
            raise RecipeError(
                recipe.name, [f"the split {recipe.data.dev} needs attacks and bona fide pictures to choose the epoch by"]
            )
        require(training.samples, recipe.tasks, recipe.name)
        targets = Targets.open(recipe.depth, recipe.data, training.samples) if recipe.depth.weight else None
        self._batches = Batches(training.samples, recipe, targets)
        return self._batches

    def fresh(self, device: torch.device) -> tuple[Learner, Optimizer]:
        """See `Lesson`; from the recipe's initial weights, if it has them."""
        network = begun(self.recipe).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        learner = Learner(network, self.recipe).to(device)
        scales = {id(parameter): self.recipe.trunk for block in learner.trunk for parameter in block.parameters()}
        return learner, optimiser(learner, self.recipe.optimiser, scales=scales)

    def loss(self, model: nn.Module, batch: Batch, configuration: Configuration, rng: np.random.Generator) -> Tensor:
        """See `Lesson`."""
        return step_loss(model, self._input(model, batch), batch, configuration, self.recipe, rng)

    def _input(self, model: nn.Module, batch: Batch) -> Tensor:
        """The pictures of a batch, augmented and normalised, on the device of the model."""
        pictures = self._augment(batch.pictures.to(next(model.parameters()).device), batch.jittered)
        return normalise(pictures, self.deployed).contiguous(memory_format=torch.channels_last)

    def settle(self, network: Network) -> None:
        """See `Lesson`."""
        if self._batches is None:
            raise RuntimeError("open comes first")
        wanted = min(self.recipe.branches.recalibrated, len(self._batches))
        if wanted:
            recalibrate(network, self._drawn(network, self._batches, range(len(self._batches) - wanted, len(self._batches))))

    def _drawn(self, network: Network, batches: Batches, steps: range) -> Iterator[tuple[Tensor, Configuration]]:
        """The inputs of steps with configurations drawn for each; the last steps of a run have the deployed size."""
        for step in steps:
            chance = seeds(self.recipe.seed, Stream.STATISTICS, step)
            torch.manual_seed(int(chance.generate_state(1)[0]))
            configuration = draw_configuration(self.recipe.sampling.configurations, np.random.default_rng(chance))
            yield self._input(network, batches[step]), configuration

    def errors(self, network: Network) -> Errors:
        """The all-heavy configuration on the pictures of dev, at argmax, as the paper measures it."""
        if self._dev is None:
            raise RuntimeError("open comes first")
        heavy = Configuration.uniform(Branch.HEAVY, network.adaptive_blocks)
        scores = evaluation.score(TorchScorer(network, self.deployed), self._dev, [heavy])
        report = measure(scores.values, scores.species, ARGMAX, configuration=str(heavy))
        figures = {"dev_d_eer": report.d_eer, "dev_acer": report.acer_pooled}
        words = f"dev D-EER {report.d_eer:.2%}, ACER {report.acer_pooled:.2%}"
        return Errors({**figures, "dev_auc": report.auc}, figures, words)
