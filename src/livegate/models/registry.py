"""The networks by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from livegate.models.backbone import Backbone, adapt
from livegate.models.mobilenet_v2 import MOBILENET_V2, PAPER_STAGES
from livegate.models.mobilenet_v3 import LARGE, SMALL, mobilenet_v3
from livegate.models.network import Network

BACKBONES: dict[str, Backbone] = {
    "mobilenet-v2": MOBILENET_V2,
    "mobilenet-v3-large": mobilenet_v3(LARGE, 1.0, 1280),
    "mobilenet-v3-large-0.75": mobilenet_v3(LARGE, 0.75, 1280),
    "mobilenet-v3-small": mobilenet_v3(SMALL, 1.0, 1024),
    "mobilenet-v3-small-0.75": mobilenet_v3(SMALL, 0.75, 1024),
}


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that is needed to build a network again.

    Attributes:
        name: a key of `BACKBONES`.
        adaptive_stages: the stages whose last two blocks become an adaptive block, counted from 1; empty for the network as it is there.
        dropout: probability of dropping a feature before the classifier, in training.
    """

    name: str = "mobilenet-v2"
    adaptive_stages: tuple[int, ...] = PAPER_STAGES
    dropout: float = 0.2

    def __post_init__(self) -> None:
        if self.name not in BACKBONES:
            near = get_close_matches(self.name, BACKBONES, n=1)
            meant = f", did you mean {near[0]!r}?" if near else ";"
            raise ValueError(f"unknown network {self.name!r}{meant} networks are {', '.join(BACKBONES)}")
        _ = self.backbone  # which says what is wrong with the stages

    @property
    def backbone(self) -> Backbone:
        """The network before it is built, with its adaptive blocks."""
        return adapt(BACKBONES[self.name], self.adaptive_stages)

    def build(self) -> Network:
        """A new network with fresh weights."""
        return self.backbone.network(dropout=self.dropout)


def register(name: str, backbone: Backbone) -> None:
    """Give a network of one's own a name, by which recipes and checkpoints find it for as long as the process lives.

    Raises:
        ValueError: if another network has the name.
    """
    if BACKBONES.setdefault(name, backbone) is not backbone:
        raise ValueError(f"there is a network {name!r} already; choose another name")
