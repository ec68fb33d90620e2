"""A backbone before it is built: stages of blocks, of which any may end in an adaptive block.

A network of one's own becomes adaptive in the same way: docs/adapt.md.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from torch import nn

from livegate.configuration import Branch
from livegate.decision import Task
from livegate.models.network import Network
from livegate.pta import PTABlock


class Block(Protocol):
    """What a block is, as plain data."""

    def build(self) -> nn.Module:
        """The block with fresh weights: (N, C_in, H, W) to (N, C_out, H', W')."""
        ...


Purpose = Task | Literal["depth"]
"""What a network may be for; one that makes maps of depth serves training and explaining alone."""
Light = Callable[[Any, Any], Block]
"""What is computed in the place of two blocks: from the input of the first to the output of the second."""


def joined(first: Any, second: Any) -> Block:  # noqa: ANN401 - blocks that can say it
    """What the blocks themselves say, ``first.joined(second)``: one of their kind (Khabarlak 2022, section 3.1)."""
    block: Block = first.joined(second)
    return block


@dataclass(frozen=True, slots=True)
class Adaptive:
    """An adaptive block before it is built: two blocks, or a light one in their place."""

    first: Block
    light: Block
    second: Block

    def build(self) -> PTABlock:
        """The block with fresh weights.

        Raises:
            ValueError: if the light branch shares weights with the heavy one, so that training the one would change the other.
        """
        one, light, other = self.first.build(), self.light.build(), self.second.build()
        heavy = nn.Sequential(one, other)
        if set(heavy.parameters()) & set(light.parameters()):
            raise ValueError(f"the branches of {self} share weights; build() must make new ones each time")
        return PTABlock({Branch.HEAVY: heavy, Branch.LIGHT: light})


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network before it is built.

    Attributes:
        stem: makes what comes before the stages.
        stages: the blocks, stage by stage.
        tail: makes what comes after them, of the number of outputs and the probability of dropping a feature before the classifier.
        outputs: how many numbers it gives: logits of the two classes, or those of an embedding.
        task: what it is for.
        kind: the chain that the blocks become.
    """

    stem: Callable[[], nn.Module]
    stages: Sequence[Sequence[Block]]
    tail: Callable[[int, float], Sequence[nn.Module]]
    outputs: int = 2
    task: Purpose = "liveness"
    kind: type[Network] = Network

    @property
    def adaptive_blocks(self) -> int:
        """How many letters a configuration has."""
        return sum(isinstance(block, Adaptive) for stage in self.stages for block in stage)

    @property
    def trunk(self) -> int:
        """How many blocks stand before the tail."""
        return self.through(len(self.stages))

    def through(self, stage: int) -> int:
        """How many blocks there are from the stem to the end of a stage, counted from 1."""
        return 1 + sum(map(len, self.stages[:stage]))

    def network(self, *, classes: int | None = None, dropout: float = 0.2) -> Network:
        """A new network with fresh weights.

        Args:
            classes: number of outputs; None for its own.
            dropout: probability of dropping a feature before the classifier, in training.
        """
        outputs = self.outputs if classes is None else classes
        blocks = [self.stem(), *(block.build() for stage in self.stages for block in stage)]
        network = self.kind([*blocks, *self.tail(outputs, dropout)])
        network.apply(_initialise)
        return network


def adapt(backbone: Backbone, stages: Collection[int], *, light: Light = joined) -> Backbone:
    """The same backbone, the last two blocks of some stages turned into one adaptive block.

    The heavy branch of an adaptive block is those two blocks, so that with all of them heavy the network is the one that it was.

    Args:
        backbone: what becomes adaptive.
        stages: counted from 1; without any the backbone stays as it is.
        light: makes the light branch of the two blocks; it has their input and output and weights of its own.

    Raises:
        ValueError: for a stage that does not exist, has fewer than two blocks, is adaptive already or is named twice.
    """
    able = [n for n, stage in enumerate(backbone.stages, start=1) if len(stage) > 1 and not isinstance(stage[-1], Adaptive)]
    for number in stages:
        if number not in able:
            raise ValueError(f"stage {number} cannot be adaptive; stages with two or more blocks are {able}")
    if len(set(stages)) != len(stages):
        raise ValueError(f"adaptive_stages {list(stages)} name a stage twice; name each once")

    def adapted(stage: Sequence[Block]) -> Sequence[Block]:
        *before, first, second = stage
        return [*before, Adaptive(first, light(first, second), second)]

    numbered = enumerate(backbone.stages, start=1)
    return replace(backbone, stages=[adapted(stage) if number in stages else stage for number, stage in numbered])


def convolution(  # noqa: PLR0913 - what a convolution has
    c_in: int, c_out: int, activation: nn.Module | None = None, *, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    """Convolution without bias, batch normalisation, and an activation if there is one."""
    layers = [nn.Conv2d(c_in, c_out, kernel, stride, padding=kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(c_out)]
    return [*layers, activation] if activation else layers


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
