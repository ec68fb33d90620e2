"""What a step of training makes small. A score is the logits' alone: margins and their like exist here only."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from livegate.configuration import Configuration
from livegate.models.heads import EDGE
from livegate.training.learner import Outputs
from livegate.training.loader import Batch
from livegate.training.mixing import mixed
from livegate.training.pseudo_depth.losses import known_map_loss
from livegate.training.recipe import AngularMargin, Focused, Recipe, SoftTripleLoss
from livegate.training.tasks import task_losses, weights


def step_loss(  # noqa: PLR0913 - all that a step is made of
    model: nn.Module, x: Tensor, batch: Batch, configuration: Configuration, recipe: Recipe, rng: np.random.Generator
) -> Tensor:
    """The loss of a step. That of mixed pictures is the mean of the losses under both labels, weighed by their shares.

    Args:
        model: a `Learner`.
        x: (N, 3, S, S) float, normalised.
        batch: the labels of these pictures.
        configuration: what is computed.
        recipe: which loss, which tasks, and what is mixed or challenged.
        rng: where the chance of mixing comes from.
    """
    mixture = mixed(x, recipe.mix, rng)
    labels, rows = batch.labels.to(x.device), batch.rows.to(x.device)
    outputs = model(mixture.pictures, str(configuration), labels)
    if mixture.partners is None:
        loss = total(outputs, labels, rows, recipe)
    else:
        own = total(outputs, labels, rows, recipe, everywhere=True)
        partners = total(outputs, labels[mixture.partners], rows[mixture.partners], recipe, everywhere=True)
        loss = mixture.share * own + (1 - mixture.share) * partners
    if outputs.apart is not None:
        loss = loss + recipe.branches.distilled * outputs.apart
    if outputs.depth is not None and batch.maps is not None:
        loss = loss + recipe.depth.weight * known_map_loss(outputs.depth, batch.maps.to(x.device))
    return loss


def total(outputs: Outputs, labels: Tensor, rows: Tensor, recipe: Recipe, *, everywhere: bool = False) -> Tensor:
    """The loss of bona fide against attack, and what is added to it.

    Args:
        outputs: of N pictures.
        labels: (N,) int64: 0 bona fide, 1 attack.
        rows: (N, 42) int64, labels of other tasks.
        recipe: which loss, and the weights of the tasks.
        everywhere: as `task_losses` takes it.
    """
    settings = recipe.loss
    logits = with_margin(outputs.logits, labels, settings, recipe.model.scale)
    loss = softmax_loss(logits, labels, settings.focus, recipe.optimiser.label_smoothing)
    if isinstance(settings, SoftTripleLoss) and outputs.spread is not None:
        loss = loss + settings.spread * outputs.spread
    weight = weights(recipe.tasks)
    for name, value in task_losses(outputs.tasks, rows, everywhere=everywhere).items():
        loss = loss + weight[name] * value
    return loss


def with_margin(logits: Tensor, labels: Tensor, settings: Focused, scale: float) -> Tensor:
    """The logits made smaller for the target class, by the margin of the loss; all others stay as they are.

    Args:
        logits: (N, 2), the scale times a cosine where there is a margin.
        labels: (N,) int64.
        settings: the loss; cross entropy has no margin.
        scale: that of the logits.
    """
    target = one_hot(labels, logits.shape[1])
    match settings:
        case SoftTripleLoss():
            return logits - scale * settings.margin * target
        case AngularMargin():
            margins = settings.margin / torch.tensor(settings.ratio, device=logits.device)
            if settings.name == "am-softmax":
                return logits - scale * margins * target
            return torch.where(target.bool(), scale * turned(logits.float() / scale, margins), logits.float())
    return logits


def turned(cosines: Tensor, margins: Tensor) -> Tensor:
    """cos(angle + margin). Where that would turn beyond the opposite direction and the cosine rise again, a straight line (Deng et al. 2019)."""
    cosines = cosines.clamp(-EDGE, EDGE)  # half precision may have rounded it to 1
    sines = ((1 - cosines) * (1 + cosines)).sqrt()
    turned = cosines * margins.cos() - sines * margins.sin()
    return torch.where(cosines > -margins.cos(), turned, cosines - margins * margins.sin())


def softmax_loss(logits: Tensor, labels: Tensor, focus: float, smoothing: float) -> Tensor:
    """Cross entropy, or the focal loss (1 - p) ** gamma * cross entropy with p = exp(-cross entropy): the mean over the pictures.

    Args:
        logits: (N, C).
        labels: (N,) int64.
        focus: gamma.
        smoothing: the share of a label that is spread evenly over all classes.
    """
    if focus == 0:
        return cross_entropy(logits, labels, label_smoothing=smoothing)
    each = cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
    missed = -torch.expm1(-each)
    return (missed.clamp(min=1e-7) ** focus * each).mean()  # at 0 a gamma below 1 has no derivative
