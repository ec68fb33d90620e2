"""How long a step of training takes, relative to that of another recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

import numpy as np
import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray

from livegate.training.liveness import Liveness
from livegate.training.loader import Batch
from livegate.training.loop import descend
from livegate.training.recipe import Recipe
from livegate.training.tasks import OUTPUTS

WARM_UP = 3
"""Steps that are not counted: the first ones allocate."""


def step_seconds(
    recipes: Sequence[Recipe], rounds: int, advance: Callable[[int], None] = lambda _: None
) -> NDArray[np.float64]:
    """Time steps of several recipes in turn, on random pictures that are in memory already.

    Each round takes one step of each recipe, so that a machine that slows down slows them all.

    Args:
        recipes: what to compare.
        rounds: how many are counted; three more warm up.
        advance: called with 1 after each round.

    Returns:
        (rounds, recipes) seconds.
    """
    steppers = [_stepper(recipe) for recipe in recipes]
    times = []
    for number in range(WARM_UP + rounds):
        times.append([stepper(number) for stepper in steppers])
        advance(1)
    return np.array(times[WARM_UP:])


def _stepper(recipe: Recipe) -> Callable[[int], float]:
    fabric = Fabric(accelerator="auto", devices=1, precision=recipe.run.precision)
    lesson = Liveness(recipe)
    model, optimiser = fabric.setup(*lesson.fresh(fabric.device))
    size, number = recipe.preprocessing.size, recipe.optimiser.batch
    labels = torch.arange(number) % 2
    rows = labels[:, None].expand(-1, sum(OUTPUTS.values()))
    batch = Batch(torch.randint(256, (number, 3, size, size), dtype=torch.uint8), labels, rows)

    def step(place: int) -> float:
        started = perf_counter()
        descend(fabric, model, optimiser, lesson, place, batch)  # it reads the loss, so a GPU has finished
        return perf_counter() - started

    return step
