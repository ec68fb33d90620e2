"""What the loop of training needs to know of a task: its pictures, what is learned on them, and how good the result is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from livegate.configuration import Configuration
from livegate.models.checkpoint import Checkpoint
from livegate.models.initial import start_from
from livegate.models.network import Network
from livegate.preprocessing import Preprocessing
from livegate.training.recipe import AnyRecipe, PresentationRecipe
from livegate.training.recipe import Optimiser as Settings


class Learning(Protocol):
    """A module that holds the network that a checkpoint keeps, beside what exists in training only."""

    network: Network


@dataclass(frozen=True, slots=True)
class Errors:
    """How good a network is on dev.

    Attributes:
        figures: by the names of the lesson's columns.
        notes: what a checkpoint keeps of them; the first of them chooses the epoch, the smaller the better.
        words: for people.
    """

    figures: Mapping[str, float]
    notes: Mapping[str, float]
    words: str


class Batches(Protocol):
    """The batches of a run by their step."""

    steps_per_epoch: int

    def __len__(self) -> int: ...

    def __getitem__(self, step: int) -> Any: ...  # noqa: ANN401 - the lesson that made it knows what it is


class Lesson(Protocol):
    """A task, by a recipe. Nothing is read before `open`."""

    columns: ClassVar[tuple[str, ...]]

    @property
    def recipe(self) -> AnyRecipe:
        """What is to be done."""
        ...

    def open(self, folder: Path, *, quiet: bool) -> Batches:
        """Read the pictures' list, and check that the recipe fits it; dev is kept for `errors`. Says how it goes unless quiet."""
        ...

    def fresh(self, device: torch.device) -> tuple[nn.Module, Optimizer]:
        """What is trained, from torch's present seed, and the optimiser of its parameters. The module is a `Learning`."""
        ...

    def loss(self, model: nn.Module, batch: Any, configuration: Configuration, rng: np.random.Generator) -> Tensor:  # noqa: ANN401
        """The loss of a step, on the device of the model."""
        ...

    def settle(self, network: Network) -> None:
        """Make the network ready to be measured and kept; the loop calls it before `errors`."""
        ...

    def errors(self, network: Network) -> Errors:
        """How good the network is on dev, all-heavy."""
        ...

    @property
    def deployed(self) -> Preprocessing:
        """What a picture goes through when the network is used."""
        ...


def begun(recipe: PresentationRecipe) -> Network:
    """The network of a recipe, from its initial weights where it has them.

    Raises:
        CheckpointError: if they are missing or do not fit.
    """
    network = recipe.model.build()
    for path in initial_weights(recipe).values():
        start_from(network, Checkpoint.load(path), recipe.model.backbone.trunk)
    return network


def initial_weights(recipe: PresentationRecipe) -> dict[str, Path]:
    """The checkpoints that a recipe starts from, by their names in it: files, or folders of runs."""
    names = [recipe.initial] if isinstance(recipe.initial, str) else recipe.initial
    return {name: recipe.data.folder / name for name in names if name}


def optimiser(
    model: nn.Module,
    settings: Settings,
    others: Mapping[int, float] | None = None,
    scales: Mapping[int, float | Tensor] | None = None,
) -> Optimizer:
    """AdamW or SGD; decay acts on the kernels alone, not on scales, shifts and biases.

    Args:
        model: whose parameters are learned, but for those that take no gradient.
        settings: how.
        others: the weight decay of some parameters, by their ``id``, that differs from this.
        scales: what the learning rate of some parameters is multiplied with, by their ``id``: the ``scale`` of their group. A tensor
            may change on the way, and is part of the state if it is a buffer of the model.
    """
    others, scales, whole = others or {}, scales or {}, 1.0
    groups: dict[tuple[float, int], dict[str, Any]] = {}
    for parameter in model.parameters():
        if parameter.requires_grad:
            decay = others.get(id(parameter), settings.weight_decay if parameter.ndim > 1 else 0.0)
            scale = scales.get(id(parameter), whole)
            group = groups.setdefault((decay, id(scale)), {"params": [], "weight_decay": decay, "scale": scale})
            group["params"].append(parameter)
    if settings.name == "sgd":
        return SGD(groups.values(), lr=settings.learning_rate, momentum=settings.momentum)
    return AdamW(groups.values(), lr=settings.learning_rate, betas=settings.betas)
