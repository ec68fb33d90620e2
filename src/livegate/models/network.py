"""A network is a chain of blocks, and some of them are adaptive."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

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
        configuration.require(self.adaptive_blocks)
        return _run(self.blocks, x, configuration)

    def features(self, x: Tensor, configuration: Configuration) -> Tensor:
        """Run the chain up to its last block, the head, which takes what this returns.

        Raises:
            ConfigurationError: if the configuration has another length than the network has adaptive blocks.
        """
        configuration.require(self.adaptive_blocks)
        return _run(list(self.blocks)[:-1], x, configuration)

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


def _run(blocks: Iterable[nn.Module], x: Tensor, configuration: Configuration) -> Tensor:
    branches = iter(configuration)
    for block in blocks:
        x = block(x, next(branches)) if isinstance(block, PTABlock) else block(x)
    return x
