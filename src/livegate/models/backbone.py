"""A backbone before it is built: stages of blocks, of which any may end in an adaptive block.

Whatever can say of its blocks what is here asked of `Block` can be made adaptive.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

from torch import nn

from livegate.configuration import Branch
from livegate.models.network import Network
from livegate.pta import PTABlock


class Block(Protocol):
    """What a block is, as plain data."""

    def build(self) -> nn.Module:
        """The block with fresh weights: (N, C_in, H, W) to (N, C_out, H', W')."""
        ...

    def joined(self, following: Any) -> Self:  # noqa: ANN401 - a block of the same kind
        """One block that goes from this one's input to the output of the one that follows it: the light branch of both."""
        ...


@dataclass(frozen=True, slots=True)
class Backbone:
    """A network before it is built.

    Attributes:
        stem: makes what comes before the stages.
        stages: the blocks, stage by stage.
        tail: makes what comes after them, of the number of classes and the probability of dropping a feature before the classifier.
    """

    stem: Callable[[], nn.Module]
    stages: Sequence[Sequence[Block]]
    tail: Callable[[int, float], Sequence[nn.Module]]

    def network(self, adaptive_stages: Collection[int] = (), *, classes: int = 2, dropout: float = 0.2) -> Network:
        """A new network with fresh weights, the last two blocks of some stages turned into one adaptive block.

        The heavy branch of an adaptive block is those two blocks, the light branch a single one from the same input to the same output,
        `Block.joined`. With all blocks heavy, or with no adaptive stage, the network is the plain one.

        Args:
            adaptive_stages: counted from 1; empty for the plain network.
            classes: number of outputs.
            dropout: probability of dropping a feature before the classifier, in training.

        Raises:
            ValueError: for a stage that does not exist, has fewer than two blocks or is named twice.
        """
        self.check(adaptive_stages)
        blocks = [self.stem()]
        for number, stage in enumerate(self.stages, start=1):
            plain = stage[:-2] if number in adaptive_stages else stage
            blocks += [block.build() for block in plain]
            if number in adaptive_stages:
                blocks.append(adaptive(*stage[-2:]))
        network = Network([*blocks, *self.tail(classes, dropout)])
        network.apply(_initialise)
        return network

    def check(self, adaptive_stages: Collection[int]) -> None:
        """Check that an adaptive block can be made of the end of each stage.

        Raises:
            ValueError: for a stage that does not exist, has fewer than two blocks or is named twice.
        """
        able = [number for number, stage in enumerate(self.stages, start=1) if len(stage) > 1]
        for number in adaptive_stages:
            if number not in able:
                raise ValueError(f"stage {number} cannot be adaptive; stages with two or more blocks are {able}")
        if len(set(adaptive_stages)) != len(adaptive_stages):
            raise ValueError(f"adaptive_stages {list(adaptive_stages)} name a stage twice; name each once")


def adaptive(first: Block, second: Block) -> PTABlock:
    """Both blocks as the heavy branch, one block in their place as the light one (Khabarlak 2022, section 3.1)."""
    one, light, other = first.build(), first.joined(second).build(), second.build()
    return PTABlock({Branch.HEAVY: nn.Sequential(one, other), Branch.LIGHT: light})


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
        nn.init.zeros_(module.bias)
