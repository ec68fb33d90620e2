"""A network is a chain of blocks, and some of them are adaptive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import partial

from torch import Tensor, nn

from livegate.configuration import Configuration
from livegate.pta import PTABlock


class Network(nn.Module):
    """A chain of blocks; each `PTABlock` among them takes one letter of the configuration.

    Args:
        blocks: the chain, first block first; plain modules and `PTABlock`.
    """

    def __init__(self, blocks: Iterable[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)

    @property
    def adaptive_blocks(self) -> int:
        """How many letters a configuration of this network has."""
        return sum(isinstance(block, PTABlock) for block in self.blocks)

    def forward(self, x: Tensor, configuration: Configuration) -> Tensor:
        """Run the chain.

        Args:
            x: (N, 3, H, W) float, normalised.
            configuration: one branch for each adaptive block.

        Returns:
            The output of the last block: for a liveness network (N, 2) logits, 0 bona fide, 1 attack.

        Raises:
            ConfigurationError: if the configuration has another length than the network has adaptive blocks.
        """
        for step in self.chain(configuration):
            x = step(x)
        return x

    def chain(self, configuration: Configuration) -> list[Callable[[Tensor], Tensor]]:
        """What each block computes under a configuration, first block first.

        Raises:
            ConfigurationError: if the configuration has another length than the network has adaptive blocks.
        """
        configuration.require(self.adaptive_blocks)
        branches = iter(configuration)
        return [partial(block, branch=next(branches)) if isinstance(block, PTABlock) else block for block in self.blocks]

    def fixed(self, configuration: Configuration) -> nn.Sequential:
        """A plain module with only the chosen branches: the one door for export and profiling.

        The weights are copies, so that whatever is done to the result leaves this network as it is.

        Raises:
            ConfigurationError: if the configuration has another length than the network has adaptive blocks.
        """
        configuration.require(self.adaptive_blocks)
        branches = iter(configuration)
        chosen = [block.fixed(next(branches)) if isinstance(block, PTABlock) else block for block in self.blocks]
        return deepcopy(nn.Sequential(*chosen)).train(self.training)
