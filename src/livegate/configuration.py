"""Which branch each adaptive block computes.

A configuration is written as one letter a block, first block first: ``HLH`` computes the heavy branch of the first and third
block and the light branch of the second (Khabarlak 2022, section 3). It is a value that is passed along, never a hidden state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from typing import Self

from livegate.errors import ConfigurationError

HEAVIEST, LIGHTEST = "heaviest", "lightest"
"""The words for a configuration of every model."""


class Branch(StrEnum):
    """What one adaptive block computes. The only place where the letters are named."""

    HEAVY = "H"
    LIGHT = "L"
    BOTH = "B"

    @property
    def code(self) -> int:
        """The number that stands for the branch in an exported file: 0 heavy, 1 light, 2 both."""
        return tuple(Branch).index(self)


@dataclass(frozen=True, slots=True)
class Configuration:
    """One branch for each adaptive block, first block first.

    ``str(Configuration.parse("HLH")) == "HLH"``. Hashable. A network without adaptive blocks has the empty configuration.
    """

    branches: tuple[Branch, ...]

    @classmethod
    def parse(cls, text: str, blocks: int | None = None) -> Self:
        """Read a configuration from its letters; nothing is upper-cased, padded or repeated.

        Args:
            text: one of H, L, B for each adaptive block.
            blocks: how many adaptive blocks the network has; None to accept any number.

        Raises:
            ConfigurationError: on an unknown letter or another length than ``blocks``.
        """
        allowed = ", ".join(Branch)
        for position, letter in enumerate(text):
            if letter not in tuple(Branch):
                raise ConfigurationError(
                    f"configuration {text!r} has unknown branch {letter!r} at position {position}; branches are {allowed}"
                )
        configuration = cls(tuple(Branch(letter) for letter in text))
        if blocks is not None:
            configuration.require(blocks)
        return configuration

    @classmethod
    def chosen(cls, text: str | None, blocks: int) -> Self:
        """What a user's words mean for a network that can run every configuration.

        Args:
            text: letters such as HLH; ``heaviest``, both branches of every block; ``lightest``, the light ones; or None, the heavy ones.
            blocks: how many adaptive blocks the network has.

        Raises:
            ConfigurationError: as `parse` does.
        """
        words = {None: Branch.HEAVY, HEAVIEST: Branch.BOTH, LIGHTEST: Branch.LIGHT}
        return cls.uniform(words[text], blocks) if text in words else cls.parse(text or "", blocks)

    @classmethod
    def enumerate(cls, blocks: int) -> Iterator[Self]:
        """All ``3 ** blocks`` configurations of a network with that many adaptive blocks, HH…H first."""
        return (cls(branches) for branches in product(Branch, repeat=blocks))

    @classmethod
    def uniform(cls, branch: Branch, blocks: int) -> Self:
        """The same branch in every block."""
        return cls((branch,) * blocks)

    @classmethod
    def named(cls, blocks: int) -> tuple[Self, ...]:
        """The few that a file holds where each one costs room: all heavy, one block light at a time, all light, all both."""
        one_light = [
            cls(tuple(Branch.LIGHT if place == light else Branch.HEAVY for place in range(blocks))) for light in range(blocks)
        ]
        chosen = [
            cls.uniform(Branch.HEAVY, blocks),
            *one_light,
            cls.uniform(Branch.LIGHT, blocks),
            cls.uniform(Branch.BOTH, blocks),
        ]
        return tuple(dict.fromkeys(chosen))

    @property
    def codes(self) -> tuple[int, ...]:
        """The branches as the numbers that an exported file takes: 0 heavy, 1 light, 2 both."""
        return tuple(branch.code for branch in self.branches)

    def require(self, blocks: int) -> None:
        """Check that the configuration fits a network with that many adaptive blocks.

        Raises:
            ConfigurationError: if it has another length.
        """
        if len(self) != blocks:
            example = "H" * blocks
            hint = f"give {blocks} letters, such as {example}" if blocks else "give none: the network has no adaptive blocks"
            raise ConfigurationError(f"configuration {str(self)!r} has length {len(self)}, the network has {blocks}; {hint}")

    def __str__(self) -> str:
        return "".join(self.branches)

    def __len__(self) -> int:
        return len(self.branches)

    def __iter__(self) -> Iterator[Branch]:
        return iter(self.branches)
