"""The networks by name."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from livegate.models import seesawfacenet as seesaw
from livegate.models.backbone import Backbone, adapt
from livegate.models.depth_generator import DEPTH_GENERATOR, PSEUDO_DEPTH
from livegate.models.heads import ANGULAR, LINEAR, close_with
from livegate.models.mobilefacenet import mobilefacenet
from livegate.models.mobilenet_v2 import MOBILENET_V2, PAPER_STAGES
from livegate.models.mobilenet_v3 import LARGE, SMALL, mobilenet_v3
from livegate.models.network import Network
from livegate.models.seesawfacenet import seesawfacenet

BACKBONES: dict[str, Backbone] = {
    "mobilenet-v2": MOBILENET_V2,
    "mobilenet-v3-large": mobilenet_v3(LARGE, 1.0, 1280),
    "mobilenet-v3-large-0.75": mobilenet_v3(LARGE, 0.75, 1280),
    "mobilenet-v3-small": mobilenet_v3(SMALL, 1.0, 1024),
    "mobilenet-v3-small-0.75": mobilenet_v3(SMALL, 0.75, 1024),
    "seesaw-shuffle": seesawfacenet(seesaw.SMALL),
    "seesaw-share": seesawfacenet(seesaw.SMALL, mixing="share"),
    "seesaw-shuffle-mobi": seesawfacenet(seesaw.MOBI),
    "dw-seesaw-v1": seesawfacenet(seesaw.DEEP_WIDE, 96, mapping="convolution"),
    "dw-seesaw-v2": seesawfacenet(seesaw.DEEP_WIDE, 96, mapping="pooling"),
    "mobilefacenet-128": mobilefacenet(128),
    "mobilefacenet-512": mobilefacenet(512),
    "pseudo-depth": PSEUDO_DEPTH,
    "depth-generator": DEPTH_GENERATOR,
}
LARGEST_SCALE = 100
"""Beyond it, even a small angle makes a probability of 0 or 1."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that is needed to build a network again.

    Attributes:
        name: a key of `BACKBONES`.
        adaptive_stages: the stages whose last two blocks become an adaptive block, counted from 1; empty for the network as it is there.
        dropout: probability of dropping a feature before the classifier, in training.
        classifier: the last layer: ``linear``, or a key of `ANGULAR`.
        scale: what an angular layer multiplies its cosines with, 30 being usual and 1 for ``soft-triple``; 1 for a linear one.
    """

    name: str = "mobilenet-v2"
    adaptive_stages: tuple[int, ...] = PAPER_STAGES
    dropout: float = 0.2
    classifier: str = LINEAR
    scale: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in BACKBONES:
            near = get_close_matches(self.name, BACKBONES, n=1)
            meant = f", did you mean {near[0]!r}?" if near else ";"
            raise ValueError(f"unknown network {self.name!r}{meant} networks are {', '.join(BACKBONES)}")
        _ = self.backbone  # which says what is wrong with the stages
        if self.classifier not in (LINEAR, *ANGULAR):
            raise ValueError(f"unknown classifier {self.classifier!r}; classifiers are {', '.join((LINEAR, *ANGULAR))}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout}")
        if not 0 < self.scale <= LARGEST_SCALE:
            raise ValueError(f"scale must lie above 0 and be at most {LARGEST_SCALE}, got {self.scale}")
        if self.classifier == LINEAR and self.scale != 1:
            raise ValueError(f"a linear classifier has no scale, got {self.scale}; leave it at 1")

    @property
    def backbone(self) -> Backbone:
        """The network before it is built, with its adaptive blocks."""
        return adapt(BACKBONES[self.name], self.adaptive_stages)

    def build(self) -> Network:
        """A new network with fresh weights."""
        network = self.backbone.network(dropout=self.dropout)
        close_with(network, self.classifier, self.scale)
        return network


def register(name: str, backbone: Backbone) -> None:
    """Give a network of one's own a name, by which recipes and checkpoints find it for as long as the process lives.

    Raises:
        ValueError: if another network has the name.
    """
    if BACKBONES.setdefault(name, backbone) is not backbone:
        raise ValueError(f"there is a network {name!r} already; choose another name")
