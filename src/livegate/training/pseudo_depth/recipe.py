"""A recipe for the pre-training on maps of depth."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from livegate.models.registry import ModelSpec
from livegate.training.recipe import Depth, PresentationRecipe, Section, Share

Weight = Annotated[float, Field(ge=0)]


class Maps(Depth):
    """What the generator learns to draw."""

    shuffled: bool = False
    """Give each bona fide picture the map of another: what is left to learn is where faces are, and who is bona fide."""


class Losses(Section):
    """What the generator makes small: the weights of its losses."""

    adversarial: Weight = 1.0
    """Of being told from real maps; 0 = no discriminator."""
    l1: Weight = 100.0
    contrast: Weight = 10.0
    """Of the contrastive depth loss (Wang et al. 2020)."""


class Adversary(Section):
    """How the discriminator learns."""

    rate: Share = 1.0
    """Its learning rate, as a share of the generator's."""
    limit: Share = 0.95
    """Once it has judged more than this share of the maps of an epoch rightly, it learns slower from the next on."""
    slowed: Share = 0.5
    """What its learning rate is multiplied with then."""


class DepthRecipe(PresentationRecipe):
    """A training run of a generator of depth, whole."""

    task: Literal["depth"]
    model: ModelSpec = ModelSpec("depth-generator", ())
    depth: Maps = Maps()
    loss: Losses = Losses()
    discriminator: Adversary = Adversary()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.model.backbone.task != "depth":
            raise ValueError(f"{self.model.name!r} is a network for {self.model.backbone.task}; choose a generator of depth")
        if self.augment.simulated:
            raise ValueError("a map of depth belongs to one picture as it is: set augment.simulated to 0")
        if not self.sampling.balance:
            raise ValueError(
                "half of each batch is bona fide, or the generator would learn to draw nothing: set sampling.balance"
            )
        if self.loss.l1 == self.loss.contrast == 0:
            raise ValueError("the generator learns from no map: set loss.l1 or loss.contrast")
        return self
