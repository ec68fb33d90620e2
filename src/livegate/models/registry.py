"""The networks by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from livegate.models.mobilenet_v2 import PAPER_STAGES, check_stages, mobilenet_v2
from livegate.models.network import Network

BUILDERS: Mapping[str, Callable[..., Network]] = {"mobilenet-v2": mobilenet_v2}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that is needed to build a network again.

    Attributes:
        name: a key of `BUILDERS`.
        adaptive_stages: the stages that hold an adaptive block, counted from 1; empty for the plain network.
        dropout: probability of dropping a feature before the classifier, in training.
    """

    name: str = "mobilenet-v2"
    adaptive_stages: tuple[int, ...] = PAPER_STAGES
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.name not in BUILDERS:
            raise ValueError(f"unknown network {self.name!r}; networks are {', '.join(sorted(BUILDERS))}")
        check_stages(self.adaptive_stages)

    def build(self) -> Network:
        """A new network with fresh weights."""
        options: dict[str, Any] = {"adaptive_stages": self.adaptive_stages, "dropout": self.dropout}
        return BUILDERS[self.name](**options)
