"""One network of several trainings: the mean of their weights, a model soup (Wortsman et al. 2022, arXiv 2203.05482).

Trainings that start from the same weights end where a straight line between them is about as good as its ends. What each learned of its own
chance, or of its own augmentation, counts less in the mean; what all learned stays, and that carries over to sources that none has seen
(Ramé et al. 2022, arXiv 2205.09739). The network costs what one of them costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from rich.console import Console
from torch.optim.swa_utils import AveragedModel

from livegate.errors import RecipeError
from livegate.models.checkpoint import WEIGHTS, Checkpoint, as_weights
from livegate.models.network import Network
from livegate.training.liveness import Liveness
from livegate.training.recipe import Recipe


def cooked(recipe: Recipe, folder: Path, train: Callable[[Recipe, Path], Path], *, quiet: bool) -> Path:
    """Train the members of a recipe's soup one after the other, and keep the mean of their best epochs.

    The statistics of batch normalisation have no mean that fits the new weights: they are estimated anew.

    Args:
        recipe: whose soup has members.
        folder: where the checkpoint is written; each training has a folder of its own in it.
        train: trains one in its folder, or finishes it, and gives its checkpoint.
        quiet: do not say which training begins.

    Returns:
        The checkpoint.

    Raises:
        RecipeError: if a member does not fit the data, before any is trained; and whatever ``train`` raises.
    """
    members = recipe.members()
    for name, member in members.items():
        _require_fit(member, folder / name)
    checkpoints = list[Checkpoint]()
    for number, (name, member) in enumerate(members.items(), start=1):
        if not quiet:
            Console(stderr=True).print(f"training {number} of {len(members)}: {folder / name}", soft_wrap=True, markup=False)
        checkpoints.append(Checkpoint.load(train(member, folder / name)))
    network = mean_of(checkpoint.network() for checkpoint in checkpoints)
    branches = recipe.branches.model_copy(update={"recalibrated": recipe.soup.statistics})
    lesson = Liveness(recipe.model_copy(update={"branches": branches}))
    lesson.open(folder, quiet=quiet)
    lesson.settle(network)
    errors = lesson.errors(network)
    if not quiet:
        Console(stderr=True).print(f"mean of {len(members)} trainings: {errors.words}", soft_wrap=True, markup=False)
    notes = {"trainings": len(members), **errors.notes}
    Checkpoint(recipe.model, lesson.deployed, as_weights(network), recipe.model_dump(mode="json"), notes).save(folder / WEIGHTS)
    return folder / WEIGHTS


def _require_fit(member: Recipe, folder: Path) -> None:
    """Check a member against its data: what the second one lacks should not be found when the first has been trained."""
    try:
        Liveness(member).open(folder, quiet=True)
    except RecipeError as error:
        raise RecipeError(f"training {folder}", [str(error)]) from None


def mean_of(networks: Iterable[Network]) -> Network:
    """A network whose weights are the mean of those of networks of one kind; its statistics of batch normalisation are the last one's."""
    first, *others = networks
    average = AveragedModel(first)
    for network in (first, *others):
        average.update_parameters(network)
    return cast("Network", average.module)
